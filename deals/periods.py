"""Periods of days as an address says them: `2026-01-01..2026-03-31`, open at either end, or one day alone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crmportal import formats

# Instead of a period: where there is no date.
NONE = "none"
EARLIEST, LATEST = date(1900, 1, 1), date(9990, 12, 31)


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included; None where it is open: `..` is whenever there is a date."""

    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, text: str) -> "Period | None":
        """The period that an address says, or None for what is none."""
        first, dots, last = text.partition("..")
        try:
            began = date.fromisoformat(first) if first else None
            ended = date.fromisoformat(last) if last else None
        except ValueError:
            return None
        if not dots:
            ended = began
        known = [day for day in (began, ended) if day]
        if sorted(known) != known or any(not EARLIEST <= day <= LATEST for day in known) or not (known or dots):
            return None
        return cls(began, ended)

    def __str__(self) -> str:
        return f"{self.first or ''}..{self.last or ''}"

    def days(self, column: str) -> Q:
        """Where a date column lies in the period."""
        found = Q(**{f"{column}__isnull": False})
        if self.first:
            found &= Q(**{f"{column}__gte": self.first})
        if self.last:
            found &= Q(**{f"{column}__lte": self.last})
        return found

    def moments(self, column: str) -> Q:
        """Where a column of moments lies in it, by the days of the current time zone."""
        found = Q(**{f"{column}__isnull": False})
        if self.first:
            found &= Q(**{f"{column}__gte": midnight(self.first)})
        if self.last:
            found &= Q(**{f"{column}__lt": midnight(self.last + timedelta(days=1))})
        return found

    def words(self) -> str:
        """As a person reads it."""
        first, last = (formats.day(one) for one in (self.first, self.last))
        if first and first == last:
            return first
        if first and last:
            return f"{first} – {last}"
        if first:
            return _("from {day}").format(day=first)
        return _("until {day}").format(day=last) if last else _("at any time")


def midnight(day: date) -> datetime:
    """The moment at which a day begins in the current time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def condition(text: str, column: str, *, moments: bool = False) -> Q:
    """Where a column lies in the period that an address says, or is empty (`none`)."""
    if text == NONE:
        return Q(**{f"{column}__isnull": True})
    period: Any = Period.of(text)
    return period.moments(column) if moments else period.days(column)


def valid(text: str) -> str:
    """The text, if it says a period or that there is no date; else ""."""
    return text if text == NONE or Period.of(text) else ""
