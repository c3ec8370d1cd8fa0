"""The pace of each connection and the breaker, in the database: read, decide, and write only where nobody else has.

One SELECT brings a pace and the database's time; each write is one UPDATE of one row outside of any transaction.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db.models import QuerySet, Subquery
from django.db.models.functions import Now

from crmportal import statements
from nimble import models
from nimble.pace import slots as slotting
from nimble.pace.breaker import Breaker
from nimble.pace.budget import Budget
from nimble.pace.slots import Slot, Slots

# Generation and state of a connection: while both are what they were, its stored token is, too.
Grant = tuple[int, str]
TRIES = 20
# The primary key of the one breaker.
ONLY = 1


class Contended(Exception):
    """Somebody else was faster again and again."""


@dataclass(frozen=True)
class Pace:
    """A connection's pace as it is stored; `version` 0 if nothing is stored yet."""

    connection_id: int
    version: int
    budget: Budget
    slots: Slots
    usage: dict[int, int]


def pace(connection_id: int) -> tuple[Pace, float]:
    """A connection's pace, and the time by the database's clock."""
    rows = models.Pace.objects.annotate(now=Now())
    try:
        row = rows.get(pk=connection_id)
    except models.Pace.DoesNotExist:
        models.Pace.objects.get_or_create(pk=connection_id)
        row = rows.get(pk=connection_id)
    return of(row), row.now.timestamp()


def look(connection_id: int) -> tuple[Pace, Breaker, Grant, float]:
    """All that a request has to know before it is sent, in one statement: also by which grant it would be."""
    found = statements.rows(("pace", connection_id), partial(_all, connection_id))
    if not found:
        pace(connection_id)
        return look(connection_id)
    [(version, budget, slots, usage, breaker, generation, grant, now)] = found
    known = breaker_of(breaker) if breaker else Breaker()
    return _pace(connection_id, version, budget, slots, usage), known, (generation, grant), now.timestamp()


def _all(connection_id: int) -> QuerySet[Any, Any]:
    breaker = Subquery(models.Breaker.objects.filter(pk=ONLY).values("state")[:1])
    of_pace = ("version", "budget", "slots", "usage")
    rows = models.Pace.objects.filter(pk=connection_id).annotate(now=Now(), breaker=breaker)
    return rows.values_list(*of_pace, "breaker", "connection__generation", "connection__state", "now")


def of(row: models.Pace) -> Pace:
    """The stored row as values."""
    return _pace(row.pk, row.version, row.budget, row.slots, row.usage)


def _pace(connection_id: int, version: int, budget: dict[str, Any], slots: list[Any], usage: dict[str, int]) -> Pace:
    return Pace(
        connection_id,
        version,
        Budget(**budget),
        tuple(Slot(*slot) for slot in slots),
        {int(hour): count for hour, count in usage.items()},
    )


def swap(seen: Pace, **changes: Any) -> Pace | None:
    """Store the changes if the pace is still as it was seen: the new one, or None."""
    new = replace(seen, version=seen.version + 1, **changes)
    held = max(new.budget.paused_until, slotting.full_until(new.slots))
    written = models.Pace.objects.filter(pk=seen.connection_id, version=seen.version).update(
        version=new.version,
        budget=asdict(new.budget),
        slots=[list(slot) for slot in new.slots],
        usage={str(hour): count for hour, count in new.usage.items()},
        held_until=datetime.fromtimestamp(held, UTC) if held else None,
    )
    return new if written == 1 else None


def change(connection_id: int, decide: Callable[[Pace, float], dict[str, Any]]) -> Pace:
    """Store what `decide` makes of the pace, as often as it takes."""
    for _ in range(TRIES):
        seen, now = pace(connection_id)
        stored = swap(seen, **decide(seen, now))
        if stored:
            return stored
    raise Contended


def breaker() -> tuple[Breaker, float]:
    """The breaker as it is stored, closed if nothing ever went wrong, and the time by the database's clock."""
    found = statements.rows("breaker", _breaker)
    if not found:
        return Breaker(), 0.0
    [(state, now)] = found
    return breaker_of(state), now.timestamp()


def _breaker() -> QuerySet[Any, Any]:
    return models.Breaker.objects.filter(pk=ONLY).annotate(now=Now()).values_list("state", "now")


def change_breaker(decide: Callable[[Breaker, float], Breaker | None]) -> Breaker | None:
    """Store what `decide` makes of the breaker, as often as it takes; None when it decides against it."""
    for _ in range(TRIES):
        row = models.Breaker.objects.annotate(now=Now()).filter(pk=ONLY).first()
        if row is None:
            models.Breaker.objects.get_or_create(pk=ONLY)
            continue
        seen = breaker_of(row.state)
        new = decide(seen, row.now.timestamp())
        if new is None or new == seen:
            return new
        mine = models.Breaker.objects.filter(pk=row.pk, version=row.version)
        if mine.update(version=row.version + 1, state=asdict(new)) == 1:
            return new
    raise Contended


def breaker_of(state: dict[str, Any]) -> Breaker:
    """The stored state as a value."""
    return Breaker(**{**state, "suspects": tuple(state.get("suspects", ()))})
