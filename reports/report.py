"""What a report is made of: numbers, then a chart, then the table that says the same. Every cell can lead to a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel.numbers import format_percent
from django.utils.translation import gettext as _

from crmportal.formats import locale, money, number
from reports.charts import Chart

if TYPE_CHECKING:
    from reports.scope import Scope


@dataclass(frozen=True)
class Cell:
    """`text` as a person reads it, `raw` as a spreadsheet does; `url`: the list behind it, "" for none."""

    text: str
    raw: Any = None
    url: str = ""

    @property
    def plain(self) -> Any:
        return self.text if self.raw is None else self.raw


@dataclass(frozen=True)
class Number:
    """A headline: what it is and what it says. `of`: the pipeline it is of, for where several stand side by side."""

    label: str
    text: str
    url: str = ""
    note: str = ""
    of: str = ""


@dataclass
class Section:
    """A report of one currency, or of one pipeline. `title` is "" where there is one section alone.

    The first cell of a row is its head. `nothing`: what stands in the place of a chart that would be empty.
    """

    title: str
    numbers: list[Number]
    heads: Sequence[str]
    rows: list[list[Cell]]
    chart: Chart | None = None
    nothing: str = ""
    foot: list[Cell] | None = None


# Of a report with many pipelines or currencies, the overview shows these.
MOST_HEADLINES = 4


@dataclass
class Made:
    """A report as it was made. `notes`: what it leaves out, in words."""

    sections: list[Section]
    notes: list[str] = field(default_factory=list)

    @property
    def headlines(self) -> dict[str, list[Number]]:
        """The first number of each section by what it is, for the overview."""
        found: dict[str, list[Number]] = {}
        for section in self.sections[:MOST_HEADLINES]:
            first = section.numbers[0]
            found.setdefault(first.label, []).append(first)
        return found


@dataclass(frozen=True)
class Spec:
    """A report by its name in addresses. `timed`: whether the period matters. `make` reads what it needs by SQL."""

    name: str
    title: Any
    about: Any
    glyph: str
    make: Callable[["Scope"], Made]
    timed: bool = True


def count(value: int, url: str = "") -> Cell:
    """A number of deals; it leads nowhere when there are none."""
    return Cell(number(value), value, url if value else "")


def amount(value: Decimal, currency: str, url: str = "") -> Cell:
    return Cell(money(value, currency), value, url if value else "")


def share(part: int | Decimal, whole: int | Decimal) -> Cell:
    """A percentage; a dash where there is nothing to divide by."""
    if not whole:
        return Cell("–", "")
    ratio = float(part) / float(whole)
    return Cell(format_percent(round(ratio, 3), format="#,##0.#%", locale=locale()), round(ratio, 4))


def days(value: float | None) -> Cell:
    """A length in days, with one decimal below ten."""
    if value is None:
        return Cell("–", "")
    shown = round(value, 1) if value < 10 else round(value)
    return Cell(_("{n} d").format(n=number(shown)), round(value, 2))


def word(text: str, url: str = "") -> Cell:
    return Cell(text, text, url)


def by_currency(rows: Sequence[Any], of: Callable[[Any], str], weight: Callable[[Any], int]) -> list[str]:
    """The currencies of some rows, the most used one first."""
    found: dict[str, int] = {}
    for row in rows:
        found[of(row)] = found.get(of(row), 0) + weight(row)
    return sorted(found, key=lambda currency: (-found[currency], currency))


def currency_name(currency: str) -> str:
    return currency or _("Without a currency")
