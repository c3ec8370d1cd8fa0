"""The deals of a table in pieces, by the last row seen: none twice, none missed, at any depth.

Deals without a value come last, whatever the direction: they are a leg of their own, so that one plain index serves the
others both ways, on every database.
"""

from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet

from contacts import keyset
from deals.models import Deal
from deals.table.columns import Sorting

Place = tuple[Any, int]


class Listed(NamedTuple):
    """A deal, and the value that it is sorted by."""

    pk: int
    value: Any


def walk(
    deals: QuerySet[Deal], sorting: Sorting, size: int, *, start: Place | None, back: bool = False
) -> list[Listed]:
    """The next deals after a place, or with `back` those before it, nearest first. Two statements at most."""
    column, descending = sorting.column, sorting.descending != back
    valued, missing = Q(**{f"{column}__isnull": False}), Q(**{f"{column}__isnull": True})
    legs = [(deals.filter(valued), True)]
    if Deal._meta.get_field(column).null:
        legs.insert(0 if back else 1, (deals.filter(missing), False))
    found: list[Listed] = []
    for leg, has_values in legs:
        rows = leg
        if start is not None and (start[0] is not None) == has_values:
            rows = _beyond(leg, column, start, descending)
        elif start is not None and has_values != back:
            # The place is in the other leg, and this one lies on its other side.
            continue
        order = ([F(column).desc() if descending else F(column).asc()] if has_values else []) + [
            "-pk" if descending else "pk"
        ]
        found += [Listed(*row) for row in rows.order_by(*order).values_list("pk", column)[: size - len(found)]]
        if len(found) >= size:
            break
    return found


def _beyond(leg: QuerySet[Deal], column: str, start: Place, descending: bool) -> QuerySet[Deal]:
    value, pk = start
    step = "lt" if descending else "gt"
    if value is None:
        return leg.filter(**{f"pk__{step}": pk})
    tie = Q(**{column: value, f"pk__{step}": pk})
    # The bound says nothing new, but lets an index begin at the place.
    return leg.filter(Q(**{f"{column}__{step}e": value}), Q(**{f"{column}__{step}": value}) | tie)


def encode(row: Listed, sorting: Sorting) -> str:
    """The place of a row as an address says it."""
    return keyset.encode(Deal(pk=row.pk, **{sorting.column: row.value}), sorting.column)


def decode(place: str, sorting: Sorting) -> Place | None:
    """The place that an address says; None for nonsense."""
    return keyset.decode(place, Deal, sorting.column)
