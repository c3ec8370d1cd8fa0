"""Nimble's search language, as far as clients need it: a JSON tree becomes an SQL condition."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.errors import Refused, invalid, invalid_at
from sandbox.fields import BY_NAME
from sandbox.ids import microseconds, parse_moment
from sandbox.store import clean

MOST_TERMS = 11
Condition = tuple[str, list[Any]]


def _wrong(text: str) -> Refused:
    return invalid_at("/query", text)


class Reader:
    """Reads one query about `contacts` or `deals`."""

    def __init__(self, table: str, tags: str, now: int) -> None:
        self.table = table
        self.tags = tags
        self.now = now
        self.terms = 0

    def read(self, text: str) -> Condition:
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong("Can't parse query as JSON") from error
        return self._node(tree, 0)

    def _node(self, tree: Any, depth: int) -> Condition:
        if not isinstance(tree, dict) or len(tree) != 1 or depth > 8:
            raise _wrong("each part of a query is an object with one key")
        key, body = next(iter(tree.items()))
        if key in ("and", "or"):
            if not isinstance(body, list) or not body:
                raise _wrong(f"{key} takes a list of queries")
            parts = [self._node(part, depth + 1) for part in body]
            sql = f" {key.upper()} ".join(f"({part})" for part, _ in parts)
            return f"({sql})", [value for _, values in parts for value in values]
        if key == "not":
            sql, values = self._node(body, depth + 1)
            return f"NOT ({sql})", values
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise _wrong(f"a query holds at most {MOST_TERMS} terms")
        if key in ("created", "updated"):
            return self._time(key, body)
        if key == "tag":
            return self._tag(body)
        if key in ("_id", "id"):
            return self._ids(body)
        if key == "custom_fields" and self.table == "contacts":
            return self._custom(body)
        if key in ("record type", "record_type") and self.table == "contacts":
            return f"{self.table}.record_type = ?", [str(self._operand(body, "is"))]
        raise _wrong(f"unknown search field {key!r}")

    def _operand(self, body: Any, name: str) -> Any:
        if not isinstance(body, dict) or list(body) != [name]:
            raise _wrong(f"expected {name}")
        return body[name]

    def _time(self, column: str, body: Any) -> Condition:
        column = f"{self.table}.{column}"
        if isinstance(body, dict) and list(body) == ["in_the_last"]:
            return f"{column} >= ?", [
                self.now - microseconds(datetime(1970, 1, 1, tzinfo=UTC) + _span(body["in_the_last"]))
            ]
        bounds = self._operand(body, "range")
        if not isinstance(bounds, dict) or not bounds:
            raise _wrong("range takes start and end")
        conditions, values = [], []
        for name, text in bounds.items():
            when = parse_moment(text)
            if when is None or name not in ("start_datetime", "end_datetime", "start_date", "end_date"):
                raise _wrong(f"Can't parse {name} of range")
            if name == "end_date":
                when += timedelta(days=1, microseconds=-1)
            # Stamps are shown in whole seconds: an end names its whole second.
            elif name == "end_datetime" and when.microsecond == 0:
                when += timedelta(microseconds=999_999)
            conditions.append(f"{column} {'>=' if name.startswith('start') else '<='} ?")
            values.append(microseconds(when))
        return " AND ".join(conditions), values

    def _tag(self, body: Any) -> Condition:
        if not isinstance(body, dict) or len(body) != 1:
            raise _wrong("expected one condition on tag")
        how, operand = next(iter(body.items()))
        key = f"{self.table[:-1]}_id"
        some = f"EXISTS (SELECT 1 FROM {self.tags} t WHERE t.{key} = {self.table}.id"
        if how == "is_empty":
            return f"NOT {some})", []
        if how == "in" and isinstance(operand, list) and operand:
            return f"{some} AND t.tag IN ({','.join('?' * len(operand))}))", [clean(str(one)) for one in operand]
        if how in ("is", "is_not") and isinstance(operand, str):
            return f"{'NOT ' if how == 'is_not' else ''}{some} AND t.tag = ?)", [clean(operand)]
        raise _wrong("tag knows is, is_not, is_empty, in")

    def _ids(self, body: Any) -> Condition:
        ids = self._operand(body, "in")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise _wrong("in takes a list of ids")
        return f"{self.table}.id IN ({','.join('?' * len(ids))})", [clean(one) for one in ids]

    def _custom(self, body: Any) -> Condition:
        if not isinstance(body, dict) or len(body) != 1:
            raise _wrong("custom_fields takes one field")
        name, condition = next(iter(body.items()))
        if name not in BY_NAME or BY_NAME[name].standard:
            raise _wrong(f"unknown custom field {name!r}")
        wanted = self._operand(condition, "is")
        inner = "SELECT 1 FROM json_each(contacts.doc, ?) v WHERE json_extract(v.value, '$.value') = ?"
        return f"EXISTS ({inner})", [f'$.fields."{name}"', clean(str(wanted))]


def _span(text: Any) -> timedelta:
    """`{"days": 7}`, or a number of days."""
    try:
        if isinstance(text, dict):
            return timedelta(**{str(name): float(value) for name, value in text.items()})
        return timedelta(days=float(text))
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong("in_the_last takes a number of days, hours, …") from error


def condition(table: str, tags: str, now: int, text: str) -> Condition:
    return Reader(table, tags, now).read(text)


def refuse_both(query: str, keyword: str) -> None:
    if query and keyword:
        raise invalid(message="You can specify either `keyword` or `query` parameter, not both!")
