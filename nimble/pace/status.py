"""How fast Nimble is asked, for pages and for whoever decides whether to begin. Reads only, in a query or two."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Subquery
from django.db.models.functions import Now

from nimble import models
from nimble.pace import breaker as breakers
from nimble.pace import slots, stored, usage
from nimble.pace.breaker import Breaker, State
from nimble.pace.budget import START, timely


class Pace(NamedTuple):
    """One connection's pace.

    `rate`: requests a second that it may send at present. `in_flight`: slots that are held, of at most `slots.LIMIT`.
    `paused_until`: when Nimble asked to be left alone until; None if it did not, or that is over. `hour`, `day`:
    requests in the last 60 minutes and 24 hours; what a long run is sending is added from time to time.
    """

    rate: float = START
    in_flight: int = 0
    paused_until: datetime | None = None
    hour: int = 0
    day: int = 0


class Health(NamedTuple):
    """Nimble as a whole. `state`: closed (it answers), open (it does not) or probing (it is asked whether it does).

    `since`: when it stopped answering. `next_probe`: when it is asked again. Both None while it is closed.
    """

    state: State = State.CLOSED
    since: datetime | None = None
    next_probe: datetime | None = None


def paces(connections: Iterable[models.Connection]) -> dict[int, Pace]:
    """The pace of each of these connections, by its primary key."""
    ids = [connection.pk for connection in connections]
    found = {pk: Pace() for pk in ids}
    for row in models.Pace.objects.filter(pk__in=ids).annotate(now=Now()):
        pace, now = stored.of(row), row.now.timestamp()
        until = timely(pace.budget, now).paused_until
        found[row.pk] = Pace(
            rate=pace.budget.rate,
            in_flight=len(slots.live(pace.slots, now)),
            paused_until=datetime.fromtimestamp(until, UTC) if until > now else None,
            hour=usage.within(pace.usage, now, 1),
            day=usage.within(pace.usage, now, 24),
        )
    return found


def health() -> Health:
    """Whether Nimble answers."""
    return _health(*stored.breaker())


def breaker_state() -> Subquery:
    """The breaker as a column of another statement, for `health_of`."""
    return Subquery(models.Breaker.objects.filter(pk=stored.ONLY).values("state")[:1])


def health_of(state: dict[str, Any] | None, now: datetime) -> Health:
    """Whether Nimble answers, from what `breaker_state` found at that moment."""
    return _health(stored.breaker_of(state), now.timestamp()) if state else Health()


def _health(breaker: Breaker, now: float) -> Health:
    state = breakers.state(breaker, now)
    if state is State.CLOSED:
        return Health()
    return Health(state, datetime.fromtimestamp(breaker.since, UTC), datetime.fromtimestamp(breaker.probe_at, UTC))


def outage() -> float:
    """Seconds for which nothing is sent to Nimble, because it answers nobody; 0 while it does, or may be asked."""
    return breakers.wait(*stored.breaker())


def held(connection: models.Connection) -> float:
    """Seconds for which nothing is sent for this connection: an outage, or a pause that Nimble asked for."""
    pace, now = stored.pace(connection.pk)
    return max(outage(), timely(pace.budget, now).paused_until - now, 0.0)
