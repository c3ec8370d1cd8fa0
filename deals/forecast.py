"""The forecast: a board whose columns are the months in which deals are expected to close."""

from calendar import monthrange
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from babel.dates import format_skeleton
from django.db.models import Case, CharField, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from crmportal.formats import locale
from deals.cards import Card
from deals.grouping import CARDS, FEWEST_CARDS, MOST_CARDS, OPEN_HUES, Column, Grouping, Sql
from deals.models import Deal, Stage
from deals.totals import Total

# The present month and those after it that have a column of their own.
MONTHS = 6
OVERDUE, LATER, NONE = "overdue", "later", "none"


class ByMonth(Grouping):
    """Open deals by the month of their expected close: overdue, the next months, later, and without a date."""

    action = "reschedule"
    way = "edit/expected_close_date/"
    names_stage = True
    weighs = True

    def __init__(self, stages: Sequence[Stage], members: Callable[[], Mapping[str, str]]) -> None:
        super().__init__(stages, members)
        self.today = timezone.localdate()
        self.months = [first_of(self.today, n) for n in range(MONTHS + 1)]

    @property
    def as_of(self) -> Hashable:  # type: ignore[override]
        return (self.today, *self._open)

    @property
    def _open(self) -> tuple[str, ...]:
        return tuple(stage.nimble_id for stage in self.stages if not stage.is_final)

    def first(self, columns: int) -> int:
        return max(FEWEST_CARDS, min(CARDS, MOST_CARDS // columns))

    @property
    def lane(self) -> Any:
        begins = [When(expected_close__lt=after, then=Value(key_of(month))) for month, after in self._spans]
        return Case(
            When(expected_close=None, then=Value(NONE)),
            When(expected_close__lt=self.today, then=Value(OVERDUE)),
            *begins,
            default=Value(LATER),
            output_field=CharField(),
        )

    @property
    def _spans(self) -> list[tuple[date, date]]:
        return list(zip(self.months, self.months[1:], strict=False))

    def key(self, card: Card) -> Hashable:
        return self.of(card.expected_close)

    def of(self, day: date | None) -> str:
        """The column in which a day is."""
        if day is None:
            return NONE
        if day < self.today:
            return OVERDUE
        return key_of(day) if day < self.months[-1] else LATER

    def columns(self, totals: Mapping[Hashable, list[Total]], *, ask_reason: bool) -> list[Column]:
        """Nothing can be moved to what is overdue."""
        hues = iter(OPEN_HUES)
        named = [(OVERDUE, _("Overdue"), "hue-8")]
        named += [(key_of(month), told(month), next(hues)) for month in self.months[:-1]]
        named += [(LATER, _("Later"), "hue-1"), (NONE, _("No date"), "")]
        return [
            Column(key, key, name, hue, is_closed=key == OVERDUE, totals=totals.get(key, []))
            for key, name, hue in named
        ]

    def narrow(self, deals: QuerySet[Deal]) -> QuerySet[Deal]:
        return deals.filter(stage_nimble_id__in=self._open)

    def within(self, deals: QuerySet[Deal], key: Hashable) -> QuerySet[Deal]:
        if key == NONE:
            return deals.filter(expected_close=None)
        if key == OVERDUE:
            return deals.filter(expected_close__lt=self.today)
        if key == LATER:
            return deals.filter(expected_close__gte=self.months[-1])
        month = month_of(str(key))
        assert month, "the keys are this grouping's own"  # noqa: S101
        return deals.filter(expected_close__gte=max(month, self.today), expected_close__lt=first_of(month, 1))

    def each(self, composed: Callable[[Hashable], QuerySet[Any, Any]], keys: Iterable[Hashable]) -> list[Sql]:
        """What holds for one month has another shape than what has no date."""
        return [composed(key).query.sql_with_params() for key in keys]

    def moved(self, day: date | None, key: str) -> date | None:
        """The day that a deal gets in another column: the same of the month where that has it, else its last one.

        Without a day, the last one. Today at the earliest. None for "none". Raises ValueError for a column that takes
        nothing.
        """
        if key == NONE:
            return None
        month = self.months[-1] if key == LATER else month_of(key)
        if month is None or month < self.months[0]:
            raise ValueError(key)
        last = monthrange(month.year, month.month)[1]
        wanted = month.replace(day=min(day.day if day else last, last))
        return max(wanted, self.today)


def first_of(day: date, months: int) -> date:
    """The first day of the month so many months after a day's."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def key_of(month: date) -> str:
    return f"{month:%Y-%m}"


def month_of(key: str) -> date | None:
    """The first day of the month that a column's key says."""
    try:
        return date.fromisoformat(f"{key}-01")
    except ValueError:
        return None


def told(month: date) -> str:
    """A month in the reader's locale."""
    return format_skeleton("yMMMM", month, locale=locale())
