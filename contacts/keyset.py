"""Paging by the last row seen, not by a number: pages stay cheap at any depth, and nothing shifts under a reader.

A page's place is the sort column's value and the id of the row beside it, in the address as one opaque word. Where the
column is null a row sorts as the smallest.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from django.db.models import (
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    F,
    FloatField,
    Index,
    IntegerField,
    Model,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
)


class SortedIndex(Index):
    """An index in the order of `ordered`, in expressions. SQLite sorts so by itself, and has no word for it here."""

    def create_sql(self, model: type[Model], schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if schema_editor.connection.vendor != "sqlite":
            return super().create_sql(model, schema_editor, using, **kwargs)
        plain = [
            OrderBy(one.expression, descending=one.descending) if isinstance(one, OrderBy) else one
            for one in self.expressions
        ]
        same = Index(*plain, name=self.name, condition=self.condition)
        return same.create_sql(model, schema_editor, using, **kwargs)


class SortedText(CharField):
    """Folded text (`sync.terms.fold`) that is sorted by: by code point on every database, as SQLite does by itself,
    whatever the locale of a PostgreSQL server.
    """

    def db_parameters(self, connection: Any) -> Any:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}


@dataclass(frozen=True)
class Page:
    """The rows of a page, and the places before and after it ("" where nothing is)."""

    rows: list[Any]
    before: str
    after: str


def encode(row: Model, column: str) -> str:
    """The place of a row."""
    return place(getattr(row, column), row.pk)


def place(value: Any, pk: int) -> str:
    """The place of the row with this id, by the value that it is sorted by."""
    if isinstance(value, date):
        value = value.isoformat()
    elif isinstance(value, Decimal | int | float):
        value = str(value)
    packed = json.dumps([value, pk], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def decode(place: str, model: type[Model], column: str) -> tuple[Any, int] | None:
    """A place's value and id; None for what is no place of this column."""
    return read(place, model._meta.get_field(column))


def read(place: str, field: Any) -> tuple[Any, int] | None:
    """A place's value, as this field of a model has it, and id; None for what is no such place."""
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if not isinstance(value, str | None):
            return None
        if value is not None:
            value = _value(value, field)
        return (value, pk) if type(pk) is int and abs(pk) < 2**62 else None
    except (ValueError, TypeError, ArithmeticError, binascii.Error, RecursionError):
        return None


def _value(text: str, field: Any) -> Any:
    if isinstance(field, DateTimeField):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment.astimezone(UTC)
    if isinstance(field, DateField):
        return date.fromisoformat(text)
    if isinstance(field, DecimalField):
        number = Decimal(text)
        if not number.is_finite() or number.adjusted() > field.max_digits:
            raise ValueError("no amount")
        return number
    if isinstance(field, FloatField):
        real = float(text)
        if not isfinite(real):
            raise ValueError("no number of this column")
        return real
    if isinstance(field, IntegerField):
        if len(text) > 9:
            raise ValueError("no number of this column")
        return int(text)
    # Half of a character is none: no database takes it.
    return text.encode().decode().replace("\x00", "")


def beyond(column: str, value: Any, pk: int, *, descending: bool, nulls_first: bool | None = None) -> Q:
    """The rows that follow a place. `nulls_first`: as in `ordered`."""
    step, bound = ("lt", "lte") if descending else ("gt", "gte")
    tie = Q(**{f"pk__{step}": pk})
    missing = Q(**{f"{column}__isnull": True})
    first = not descending if nulls_first is None else nulls_first
    if value is None:
        return ~missing | (missing & tie) if first else missing & tie
    further = Q(**{f"{column}__{step}": value}) | (Q(**{column: value}) & tie)
    # The bound says nothing new, but lets an index begin at the place.
    return Q(**{f"{column}__{bound}": value}) & further if first else further | missing


def above(column: str, *, descending: bool) -> Q:
    """For a subquery: the rows that stand before the outer query's, of those that have a value, as that has."""
    step, bound = ("gt", "gte") if descending else ("lt", "lte")
    value = OuterRef(column)
    tie = Q(**{column: value, f"pk__{step}": OuterRef("pk")})
    return Q(**{f"{column}__{bound}": value}) & (Q(**{f"{column}__{step}": value}) | tie)


def ordered(rows: QuerySet[Any], column: str, *, descending: bool, nulls_first: bool | None = None) -> QuerySet[Any]:
    """Sorted by the column, then by id; nulls as the smallest on every database, unless `nulls_first` says where."""
    order, tie = F(column), "-pk" if descending else "pk"
    if not rows.model._meta.get_field(column).null:
        return rows.order_by(order.desc() if descending else order.asc(), tie)
    first = not descending if nulls_first is None else nulls_first
    # Django takes None for the side that is not meant.
    where: dict[str, Any] = {"nulls_first": True} if first else {"nulls_last": True}
    return rows.order_by(order.desc(**where) if descending else order.asc(**where), tie)


def page(
    rows: QuerySet[Any],
    column: str,
    query: Mapping[str, str],
    *,
    descending: bool,
    size: int,
    nulls_first: bool | None = None,
) -> Page:
    """The page that `after` or `before` of the address asks for, else the first one. One statement, no OFFSET."""
    first = not descending if nulls_first is None else nulls_first
    forward, backward = (decode(query.get(name, ""), rows.model, column) for name in ("after", "before"))
    if backward and not forward:
        rows = rows.filter(beyond(column, *backward, descending=not descending, nulls_first=not first))
        listed = list(ordered(rows, column, descending=not descending, nulls_first=not first)[: size + 1])
        more, listed = len(listed) > size, listed[:size][::-1]
        there = True
    else:
        if forward:
            rows = rows.filter(beyond(column, *forward, descending=descending, nulls_first=first))
        listed = list(ordered(rows, column, descending=descending, nulls_first=first)[: size + 1])
        there, listed, more = len(listed) > size, listed[:size], forward is not None
    if not listed:
        return Page([], "", "")
    return Page(listed, encode(listed[0], column) if more else "", encode(listed[-1], column) if there else "")
