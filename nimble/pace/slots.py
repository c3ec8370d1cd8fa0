"""Who may have a request in flight: at most two of a connection, and at most one of them in the background. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

LIMIT = 2
BACKGROUND = 1


class Slot(NamedTuple):
    """Held under `token` until a time (seconds since 1970 by the database's clock), unless it is given back before."""

    token: str
    until: float
    background: bool = False


Slots = tuple[Slot, ...]


def live(slots: Iterable[Slot], now: float) -> Slots:
    """Those that have not lapsed: whoever was killed holding one is out of the way by then."""
    return tuple(slot for slot in slots if slot.until > now)


def taken(slots: Iterable[Slot], slot: Slot, now: float) -> Slots | None:
    """The slots with this one taken or prolonged; None while others hold what there is."""
    others = live((other for other in slots if other.token != slot.token), now)
    if len(others) >= LIMIT or (slot.background and sum(other.background for other in others) >= BACKGROUND):
        return None
    return (*others, slot)


def freed(slots: Iterable[Slot], token: str) -> Slots:
    """The slots without the one of this token."""
    return tuple(slot for slot in slots if slot.token != token)


def full_until(slots: Slots) -> float:
    """Until when no request of a person's may begin, if nobody gives a slot back; 0 while there is a free one."""
    ends = sorted(slot.until for slot in slots)
    return ends[-LIMIT] if len(ends) >= LIMIT else 0.0
