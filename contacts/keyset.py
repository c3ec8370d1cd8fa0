"""Paging by the last row seen, not by a number: pages stay cheap at any depth, and nothing shifts under a reader.

A page's place is the sort column's value and the id of the row beside it, in the address as one opaque word. Where the
column is null a row sorts as the smallest.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, F, Model, Q, QuerySet


@dataclass(frozen=True)
class Page:
    """The rows of a page, and the places before and after it ("" where nothing is)."""

    rows: list[Any]
    before: str
    after: str


def encode(row: Model, column: str) -> str:
    """The place of a row."""
    value = getattr(row, column)
    packed = json.dumps([value.isoformat() if isinstance(value, datetime) else value, row.pk], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def decode(place: str, model: type[Model], column: str) -> tuple[Any, int] | None:
    """A place's value and id; None for what is no place of this column."""
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if isinstance(model._meta.get_field(column), DateTimeField) and value is not None:
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                return None
        elif not isinstance(value, str | None):
            return None
        return (value, pk) if type(pk) is int and abs(pk) < 2**62 else None
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None


def beyond(column: str, value: Any, pk: int, *, descending: bool) -> Q:
    """The rows that follow a place."""
    tie = Q(pk__lt=pk) if descending else Q(pk__gt=pk)
    if value is None:
        beside = Q(**{f"{column}__isnull": True}) & tie
        return beside if descending else Q(**{f"{column}__isnull": False}) | beside
    beside = Q(**{column: value}) & tie
    if descending:
        return Q(**{f"{column}__lt": value}) | Q(**{f"{column}__isnull": True}) | beside
    # The bound says nothing new, but lets an index begin at the place.
    return Q(**{f"{column}__gte": value}) & (Q(**{f"{column}__gt": value}) | beside)


def ordered(rows: QuerySet[Any], column: str, *, descending: bool) -> QuerySet[Any]:
    """Sorted by the column, then by id, nulls smallest on every database."""
    nullable = rows.model._meta.get_field(column).null
    if descending:
        return rows.order_by(F(column).desc(nulls_last=True) if nullable else F(column).desc(), "-pk")
    return rows.order_by(F(column).asc(nulls_first=True) if nullable else F(column).asc(), "pk")


def page(rows: QuerySet[Any], column: str, query: Mapping[str, str], *, descending: bool, size: int) -> Page:
    """The page that `after` or `before` of the address asks for, else the first one. One statement, no OFFSET."""
    forward, backward = (decode(query.get(name, ""), rows.model, column) for name in ("after", "before"))
    if backward and not forward:
        rows = rows.filter(beyond(column, *backward, descending=not descending))
        listed = list(ordered(rows, column, descending=not descending)[: size + 1])
        more, listed = len(listed) > size, listed[:size][::-1]
        there = True
    else:
        if forward:
            rows = rows.filter(beyond(column, *forward, descending=descending))
        listed = list(ordered(rows, column, descending=descending)[: size + 1])
        there, listed, more = len(listed) > size, listed[:size], forward is not None
    if not listed:
        return Page([], "", "")
    return Page(listed, encode(listed[0], column) if more else "", encode(listed[-1], column) if there else "")
