"""Queries that are composed once and run often: composing one costs Django as much as its rows cost the database.

A compiled statement is kept under a key that names all that the query was made of: who asks, what they filter by. Which
records it asks for differs from time to time: `stand_ins` are composed in their place.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections as databases
from django.db.models import QuerySet

# Compiled statements that a process keeps, some ten kilobytes each.
MOST = 500
# Stand-ins lie below this, where no other number of a query is.
STAND_INS = -(1 << 62)

_kept: dict[Hashable, "Statement"] = {}


class Statement:
    """The SQL of a `values_list` queryset, with Django's own conversions of what its columns bring."""

    def __init__(self, query: QuerySet[Any, Any]) -> None:
        compiler = query.query.get_compiler(query.db)
        self.database = query.db
        self.sql, self.converters = "", {}
        self.params: tuple[Any, ...] = ()
        try:
            self.sql, self.params = compiler.as_sql()
        except EmptyResultSet:
            return
        selected = [expression for expression, *_ in compiler.select[: compiler.col_count]]
        self.converters = compiler.get_converters(selected)

    def rows(self, given: Mapping[Any, Any] | None = None) -> list[tuple[Any, ...]]:
        """Runs the statement, with the values in `given` for their stand-ins.

        Equal values of a column are converted once, and are one object.
        """
        if not self.sql:
            return []
        params = self.params
        if given:
            params = tuple(given.get(param, param) if isinstance(param, int | str) else param for param in params)
        database = databases[self.database]
        with database.cursor() as cursor:
            cursor.execute(self.sql, params)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        if not found or not self.converters:
            return found
        columns: list[Any] = list(zip(*found, strict=True))
        for at, (converters, expression) in self.converters.items():
            known = dict.fromkeys(columns[at])
            for raw in known:
                value = raw
                for convert in converters:
                    value = convert(value, expression, database)
                known[raw] = value
            columns[at] = [known[raw] for raw in columns[at]]
        return list(zip(*columns, strict=True))


def stand_ins(pks: Iterable[int]) -> dict[int, int]:
    """What stands for these primary keys while a query is composed → the keys: as many as the next power of two, the
    last one several times, so that few statements serve all numbers of them.
    """
    wanted = list(pks)
    if not wanted:
        return {}
    size = 1 << (len(wanted) - 1).bit_length()
    wanted += wanted[-1:] * (size - len(wanted))
    return {STAND_INS - n: pk for n, pk in enumerate(wanted, start=1)}


def rows(
    key: Hashable, compose: Callable[[], QuerySet[Any, Any]], given: Mapping[Any, Any] | None = None
) -> list[tuple[Any, ...]]:
    """The rows of the query that `compose` makes, the first time for this key. Two queries never share a key.

    `given`: the values that take the place of the stand-ins of which the query was composed.
    """
    statement = _kept.get(key)
    if statement is None:
        if len(_kept) >= MOST:
            _kept.clear()
        statement = _kept[key] = Statement(compose())
    return statement.rows(given)
