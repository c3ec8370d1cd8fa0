"""The table as a CSV file: safe to open in a spreadsheet, read as it is sent."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from deals import mapping
from deals.table import paging, rows
from deals.table.columns import Column
from deals.table.rows import Row
from deals.table.table import Table
from sync import exports, when

# So many are put in order at once: where no index serves the order, each time sorts all of them.
LISTED = 20_000


def lines(table: Table) -> Iterator[str]:
    """The lines of the file: the table's columns, all that its filters leave, in its order."""
    on = [name for name, value in asdict(table.filters).items() if value and name not in ("sort", "group", "by")]
    return exports.lines(table.user, "deals", on, [str(one.label) for one in _columns(table)], _cells(table))


def _columns(table: Table) -> list[Column]:
    """The table's columns; an amount is followed by its currency."""
    found = list(table.columns)
    names = [column.name for column in found]
    if "amount" in names and "currency" not in names:
        found.insert(names.index("amount") + 1, next(one for one in table.available if one.name == "currency"))
    return found


def _cells(table: Table) -> Iterator[list[Any]]:
    columns = _columns(table)
    start = None
    while True:
        listed = paging.walk(table.board.deals, table.sorting, LISTED, start=start)
        for first in range(0, len(listed), exports.CHUNK):
            pks = [one.pk for one in listed[first : first + exports.CHUNK]]
            for row in rows.read(pks, table.columns, table.user):
                yield [_cell(table, column, row) for column in columns]
        if len(listed) < LISTED:
            return
        start = (listed[-1].value, listed[-1].pk)


def _cell(table: Table, column: Column, row: Row) -> Any:
    """A cell for a spreadsheet: numbers and days as such, the rest in the reader's words."""
    value = _own(column, row) if column.field else table.cells.value(column, row)
    if column.kind == "days":
        return table.cells.text(column, row)
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, int):
        return value
    return table.cells.text(column, row)


def _own(column: Column, row: Row) -> Any:
    """The value of a field of the pipeline's own, where it is one number or one day."""
    values = row.values.get(column.name) or []
    if len(values) != 1:
        return None
    if column.kind == "datetime":
        return when.day(values[0])
    return mapping.amount(values[0]) if column.kind == "number" else None
