"""After a backup was restored: nothing that was sent since is sent twice, and all is read and compared anew.

Changes and removals are safe by themselves, for Nimble is read before each. Creates are not: they are looked up first,
and what nothing reads back waits for its author to say whether it is there.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from nimble.models import Connection
from sync import newest, registry
from sync.clock import database_now
from sync.models import Edit, Lease, Line, State, Stream

log = structlog.get_logger(__name__)
Operation = Edit.Operation

# Not ended well: it may be sent, by itself or by its author.
OPEN = (
    State.PENDING,
    State.RETRYING,
    State.SENDING,
    State.BLOCKED,
    State.CONFLICT,
    State.REJECTED,
    State.FAILED,
)
UNSENT = (State.PENDING, State.RETRYING, State.SENDING, State.BLOCKED)


@dataclass(frozen=True)
class Settled:
    """What was done: creates to look up before they are sent, edits whose author decides, streams to read anew."""

    looked_up: int
    asked: int
    streams: int


def settle_if_behind() -> Settled | None:
    """Do what a restored backup needs where this database is one. Said loudly, since nobody may have expected it."""
    if not newest.is_behind():
        return None
    done = settle()
    log.error(
        "this database is older than what was sent from here: a backup was restored",
        looked_up=done.looked_up,
        asked=done.asked,
        streams=done.streams,
    )
    return done


def settle() -> Settled:
    """Treat this database as a restored backup. One transaction; doing it again does no harm."""
    with transaction.atomic():
        newest.line()
        # Whoever comes second waits here, and finds it done.
        Line.objects.select_for_update(no_key=True).get(pk=1)
        now = database_now()
        looked_up, asked = _doubt()
        past = now - timedelta(seconds=1)
        Edit.objects.filter(state=State.SENDING).update(lease_until=past)
        Lease.objects.update(token="", until=None)
        # Refresh tokens are used up by now, most likely: each is tried once, then its owner is asked to sign in.
        Connection.objects.update(generation=F("generation") + 1, lease_token="", lease_until=None)
        streams = Stream.objects.update(cursor={}, checkpoint=None, next_run_at=None, failures=0, anew=F("anew") + 1)
        noted = newest.read()
        seen = noted.number if noted else 0
        Line.objects.filter(pk=1).update(number=Greatest(F("number"), seen), restored_at=now)
    return Settled(looked_up, asked, streams)


def _doubt() -> tuple[int, int]:
    """What may have been sent since, looked up by the outbox or asked of its author: how many of each."""
    looked_up = asked = 0
    for edit in Edit.objects.filter(state__in=OPEN, confirmed_at=None).select_for_update(no_key=True).order_by("pk"):
        readable = registry.resource(edit.kind).readable
        if not readable and edit.state in UNSENT and edit.operation != Operation.DELETE:
            asked += _update(
                edit, state=State.AMBIGUOUS, error={"reason": "restored"}, lease_token="", lease_until=None
            )
        elif edit.operation == Operation.CREATE:
            looked_up += _update(edit, error={**edit.error, "ambiguous": True})
    return looked_up, asked


def _update(edit: Edit, **changes: Any) -> int:
    return Edit.objects.filter(pk=edit.pk, state=edit.state).update(**changes)
