"""Whether Nimble as a whole answers: after failures of different things in a row nothing is sent but probes. Pure.

A breaker is closed while all is well and open during an outage; while a probe is under way it is probing. Times are
seconds since 1970 by the database's clock.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

# So many different things must have failed, with no answer to anything in between.
SUSPECTS = 3
FIRST = 2.0
LONGEST = 60.0
# Who falls ill again so soon after recovering was not well: the next probe waits as long as if it had failed.
RELAPSE = 60.0


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True)
class Breaker:
    """`suspects`: what failed since the last answer, each once. The rest speaks of the outage, or of the last one."""

    suspects: tuple[str, ...] = ()
    is_open: bool = False
    since: float = 0.0
    interval: float = 0.0
    probe_at: float = 0.0
    probe: str = ""
    probe_until: float = 0.0


def state(breaker: Breaker, now: float) -> State:
    """How it stands; a probe whose time is over counts as lost."""
    if not breaker.is_open:
        return State.CLOSED
    return State.PROBING if breaker.probe and breaker.probe_until > now else State.OPEN


def wait(breaker: Breaker, now: float) -> float:
    """Seconds before anything may be sent; 0 when it is closed, or when the next probe may go."""
    now_is = state(breaker, now)
    if now_is is State.CLOSED:
        return 0.0
    return max((breaker.probe_until if now_is is State.PROBING else breaker.probe_at) - now, 0.0)


def failed(breaker: Breaker, what: str, now: float) -> Breaker:
    """`what` (one operation on one record) got a 5xx or no answer. One thing that always fails opens nothing."""
    if breaker.is_open or what in breaker.suspects:
        return breaker
    suspects = (*breaker.suspects, what)
    if len(suspects) < SUSPECTS:
        return replace(breaker, suspects=suspects)
    relapsed = breaker.interval and now - breaker.since < RELAPSE
    interval = longer(breaker.interval) if relapsed else FIRST
    return Breaker(suspects=suspects, is_open=True, since=now, interval=interval, probe_at=now + interval)


def answered(breaker: Breaker) -> Breaker:
    """Nimble answered something: what failed before does not count. An open breaker waits for its own probe."""
    return breaker if breaker.is_open or not breaker.suspects else replace(breaker, suspects=())


def probing(breaker: Breaker, token: str, now: float, seconds: float) -> Breaker | None:
    """Whoever stores this sends the probe, and has so many seconds for it; None when no probe is due."""
    if not breaker.is_open or wait(breaker, now) > 0:
        return None
    return replace(breaker, probe=token, probe_until=now + seconds)


def probed(breaker: Breaker, token: str, now: float, *, healthy: bool | None) -> Breaker:
    """The probe of this token came back; `healthy` None if it could not be sent. A late one changes nothing."""
    if not breaker.is_open or breaker.probe != token:
        return breaker
    if healthy is None:
        return replace(breaker, probe="", probe_until=0.0)
    if healthy:
        return Breaker(since=now, interval=breaker.interval)
    interval = longer(breaker.interval)
    return replace(breaker, interval=interval, probe_at=now + interval, probe="", probe_until=0.0)


def longer(interval: float) -> float:
    """Twice as long, up to the longest."""
    return min(max(interval * 2, FIRST), LONGEST)
