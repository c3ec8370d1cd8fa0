"""The table of one pipeline: its sorted rows in pieces, and the totals of all that the filters leave."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils.safestring import SafeString

from crmportal.formats import money
from deals.board import Board, open_board
from deals.filters import Filters
from deals.table import columns, paging, rows
from deals.table.columns import Column
from deals.table.sorting import Sorting

ROWS = 50


@dataclass(frozen=True)
class Page:
    """A piece of the table: `rows`, and `above` those that came above the first row since it was read.

    `more`: the query of the next piece, "" at the end.
    """

    rows: SafeString
    above: SafeString
    more: str


@dataclass(frozen=True)
class Sum:
    """The totals row in one currency."""

    count: int
    amount: str
    weighted: str


@dataclass(frozen=True)
class Head:
    """The head of a column: where a click on it leads, "" where it cannot be sorted by, and how it is now."""

    column: Column
    href: str
    state: str


class Table:
    """What the table of a pipeline needs of the database. `board`: its twin, which has the deals and their figures."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.user = board.user
        self.pipeline = board.pipeline
        self.filters = board.filters

    @cached_property
    def available(self) -> list[Column]:
        return columns.available(self.pipeline)

    @cached_property
    def columns(self) -> list[Column]:
        """What this person has chosen for this pipeline."""
        return columns.chosen(self.available, self.board.display.columns)

    @cached_property
    def sorting(self) -> Sorting:
        return Sorting.of(self.filters.by, self.available, self.board.stages, lambda: self.board.members, self.user)

    @cached_property
    def heads(self) -> list[Head]:
        return [
            Head(one, self.filters.query(by=self.sorting.turned(one)) if one.sort else "", self.sorting.state(one))
            for one in self.columns
        ]

    @property
    def choices(self) -> list[tuple[Column, bool]]:
        """All columns but the name, each with whether it is shown: the shown ones first, in their order."""
        shown = self.columns[1:]
        return [*((one, True) for one in shown), *((one, False) for one in self.available if one not in shown)]

    @cached_property
    def cells(self) -> rows.Cells:
        return rows.Cells(self.columns, self.board.renderer, self.board.members)

    # --- rows ---

    def page(self, after: str = "", top: str = "") -> Page:
        """The rows after a place, the first ones without. `top`: the place of the first row as it was read."""
        start, first = paging.decode(after, self.sorting), paging.decode(top, self.sorting)
        listed = paging.walk(self.board.deals, self.sorting, ROWS + 1, start=start, key=self.board.key)
        arrived = []
        if start and first:
            arrived = paging.walk(self.board.deals, self.sorting, ROWS, start=first, back=True)[::-1]
        shown = listed[:ROWS]
        begin = (arrived or shown)[:1] if arrived or not (start and first) else []
        more = ""
        if len(listed) > ROWS:
            at = paging.encode(begin[0]) if begin else top
            more = self.filters.query(after=paging.encode(shown[-1]), top=at)
        found = rows.read([one.pk for one in [*arrived, *shown]], self.columns, self.user)
        newer = {one.pk for one in arrived}
        return Page(
            self.cells.rows(row for row in found if row.card.pk not in newer),
            self.cells.rows((row for row in found if row.card.pk in newer), above=True),
            more,
        )

    def some(self, pks: Sequence[int]) -> SafeString:
        """The rows of some deals; the filters do not hide what was just touched."""
        return self.cells.rows(rows.read(pks, self.columns, self.user))

    def places(self, pks: Iterable[int]) -> dict[int, int]:
        """By deal the one that stands above it, 0 for none."""
        return paging.above(self.board.deals, self.sorting, pks)

    # --- totals ---

    @property
    def count(self) -> int:
        """All that the filters leave."""
        return sum(total.count for total in self.board.totals)

    @property
    def sums(self) -> list[Sum]:
        """The totals row by currency, the most used one first; never added across currencies."""
        found: dict[str, list[Any]] = {}
        for total in self.board.totals:
            found.setdefault(total.currency, []).append(total)
        ranked = sorted(found.items(), key=lambda item: -sum(total.count for total in item[1]))
        return [
            Sum(
                sum(total.count for total in those),
                money(sum((total.amount for total in those), Decimal(0)), currency),
                money(sum((total.weighted for total in those), Decimal(0)), currency),
            )
            for currency, those in ranked
        ]


def open_table(user: Any, pk: int, filters: Filters) -> Table | None:
    """The table of one of the person's pipelines; None for one that they have not."""
    # It groups nothing, and shows all deals; how the board beside it is grouped goes along for the way back.
    board = open_board(user, pk, filters, grouped=False)
    return Table(board) if board else None
