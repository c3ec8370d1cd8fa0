"""Tokens that say who holds a slot, so that a worker that is started anew can free what its predecessor died with."""

import secrets

from nimble import models
from nimble.pace import slots as slotting
from nimble.pace import stored

_holder = ""


def token() -> str:
    """A new token; it begins with who holds it."""
    return f"{_holder}{secrets.token_hex(8)}"


def take_over(holder: str) -> None:
    """From now on tokens begin with `holder` here, and what a killed predecessor held under that name is free."""
    global _holder
    _holder = holder
    for pk in models.Pace.objects.exclude(slots=[]).values_list("pk", flat=True):
        stored.change(
            pk,
            lambda pace, now: {
                "slots": tuple(slot for slot in slotting.live(pace.slots, now) if not slot.token.startswith(holder))
            },
        )
