"""The deals of a table in pieces, by the last row seen: none twice, none missed, at any depth.

Deals without a value come last, whatever the direction: they are a leg of their own, so that one plain index serves the
others both ways, on every database.
"""

import sys
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from contacts import keyset
from crmportal import statements
from deals.models import Deal
from deals.table.sorting import Sorting

Place = tuple[Any, int]


class Listed(NamedTuple):
    """A deal, and the value that it is sorted by."""

    pk: int
    value: Any


def walk(
    deals: QuerySet[Deal], sorting: Sorting, size: int, *, start: Place | None, back: bool = False, key: Hashable = None
) -> list[Listed]:
    """The next deals after a place, or with `back` those before it, nearest first. Two statements at most.

    `key`: names what the deals are made of, where the statements of the beginning are to be kept.
    """
    deals, column, descending = sorting.over(deals), sorting.column, sorting.descending != back
    valued, missing = Q(**{f"{column}__isnull": False}), Q(**{f"{column}__isnull": True})
    legs = [(deals.filter(valued), True)]
    if sorting.can_miss:
        legs.insert(0 if back else 1, (deals.filter(missing), False))
    found: list[Listed] = []
    for leg, has_values in legs:
        rows = leg
        if start is not None and (start[0] is not None) == has_values:
            # What lies beyond a value has one. Saying so would work it out once more for every deal.
            is_known = has_values and sorting.value is not None
            rows = _beyond(deals if is_known else leg, column, start, descending, indexed=sorting.value is None)
        elif start is not None and has_values != back:
            # The place is in the other leg, and this one lies on its other side.
            continue
        order = ([F(column).desc() if descending else F(column).asc()] if has_values else []) + [
            "-pk" if descending else "pk"
        ]
        piece = rows.order_by(*order).values_list("pk", column)[: size - len(found)]
        is_kept = key is not None and start is None and sorting.value is None
        named = (key, sorting, back, has_values, size - len(found))
        found += [Listed(*row) for row in (_kept(named, piece) if is_kept else piece)]
        if len(found) >= size:
            break
    return found


def _kept(named: Hashable, piece: QuerySet[Deal, Any]) -> list[tuple[Any, ...]]:
    return statements.rows(named, lambda: piece)


def _beyond(leg: QuerySet[Deal], column: str, start: Place, descending: bool, *, indexed: bool) -> QuerySet[Deal]:
    value, pk = start
    step = "lt" if descending else "gt"
    if value is None:
        return leg.filter(**{f"pk__{step}": pk})
    further = Q(**{f"{column}__{step}": value}) | Q(**{column: value, f"pk__{step}": pk})
    # The bound says nothing new, but lets an index begin at the place.
    return leg.filter(Q(**{f"{column}__{step}e": value}), further) if indexed else leg.filter(further)


def above(deals: QuerySet[Deal], sorting: Sorting, pks: Iterable[int]) -> dict[int, int]:
    """By deal, of those that are among `deals`, the one that stands above it, 0 for none. One statement, two where
    there can be deals without a value.
    """
    if sorting.value is not None:
        # What has to be worked out for every deal is so once, and not for each of these.
        order = [one.pk for one in walk(deals, sorting, sys.maxsize, start=None)]
        before = dict(zip(order, [0, *order], strict=False))
        return {pk: before[pk] for pk in pks if pk in before}
    column, descending = sorting.column, sorting.descending
    valued, missing = Q(**{f"{column}__isnull": False}), Q(**{f"{column}__isnull": True})
    nearest = deals.filter(valued).order_by(column if descending else f"-{column}", "pk" if descending else "-pk")
    asked = Deal.objects.filter(pk__in=list(pks))
    upper = nearest.filter(keyset.above(column, descending=descending)).values("pk")[:1]
    found = dict(asked.filter(valued).annotate(above=Subquery(upper)).values_list("pk", "above"))
    if sorting.can_miss:
        step = Q(**{f"pk__{'gt' if descending else 'lt'}": OuterRef("pk")})
        upper = deals.filter(missing, step).order_by("pk" if descending else "-pk").values("pk")[:1]
        either = Coalesce(Subquery(upper), Subquery(nearest.values("pk")[:1]))
        found |= dict(asked.filter(missing).annotate(above=either).values_list("pk", "above"))
    return {pk: one or 0 for pk, one in found.items()}


def encode(row: Listed) -> str:
    """The place of a row as an address says it."""
    return keyset.place(row.value, row.pk)


def decode(place: str, sorting: Sorting) -> Place | None:
    """The place that an address says; None for nonsense."""
    return keyset.read(place, sorting.kind)
