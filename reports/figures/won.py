"""What was won and lost, month by month."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from django.db.models import Case, CharField, Count, Sum, Value, When
from django.db.models.functions import Cast, Substr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import locale, money, number
from deals.models import Role
from deals.periods import Period
from deals.totals import exact
from reports.charts import Series, columns
from reports.report import Made, Number, Section, Spec, amount, by_currency, count, currency_name, share, word
from reports.scope import Scope, month_of, whole_month

# Both databases write a date as year-month-day.
MONTH_LETTERS = len("2026-03")
# So many months are shown, even if nothing happened in them; of longer periods those in which something did.
MOST_MONTHS = 36


def month(column: str) -> Any:
    """A date's month as `2026-03`."""
    return Substr(Cast(column, CharField()), 1, MONTH_LETTERS)


def first_of(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def month_name(first: date, pattern: str = "MMM y") -> str:
    return format_date(first, pattern, locale=locale())


@dataclass
class Closed:
    """Of one month and currency."""

    won: int = 0
    lost: int = 0
    won_amount: Decimal = Decimal(0)
    lost_amount: Decimal = Decimal(0)


def closed_by(scope: Scope, key: Any) -> dict[tuple[Any, str], Closed]:
    """What was won and lost in the period, by a key and currency. One statement."""
    won = Case(When(stage_nimble_id__in=scope.ids(Role.WON), then=Value(True)), default=Value(False))
    found: dict[tuple[Any, str], Closed] = {}
    for of, is_won, currency, n, total in (
        scope.closed.annotate(key=key, won=won)
        .values_list("key", "won", "currency")
        .annotate(n=Count("pk"), total=Sum("amount"))
        .order_by("key", "won", "currency")
    ):
        one = found.setdefault((of, currency), Closed())
        if is_won:
            one.won, one.won_amount = n, exact(total)
        else:
            one.lost, one.lost_amount = n, exact(total)
    return found


def make(scope: Scope) -> Made:
    found = closed_by(scope, month("actual_close"))
    months = _months(scope.period, [first_of(of) for of, _currency in found])
    currencies = by_currency(list(found.items()), lambda item: item[0][1], lambda item: item[1].won + item[1].lost)
    sections = [_section(scope, currency, months, found) for currency in currencies]
    undated = scope.deals.filter(
        actual_close=None, stage_nimble_id__in=[*scope.ids(Role.WON), *scope.ids(Role.LOST)]
    ).count()
    notes = []
    if undated:
        notes.append(
            _("{n} closed deals have no closing date in Nimble and are in no month.").format(n=number(undated))
        )
    return Made(sections, notes)


def _months(period: Period, known: list[date]) -> list[date]:
    """Every month of the period from the first in which something happened."""
    first = month_of(period.first) if period.first else min(known, default=None)
    last = month_of(period.last) if period.last else max(known, default=None)
    if first is None or last is None or not known:
        return []
    first, last = max(first, min(known)), max(known) if period.last is None else min(last, max(known))
    found = [first]
    while found[-1] < last:
        found.append(month_of(found[-1], -1))
    return found if len(found) <= MOST_MONTHS else sorted(set(known))


def within(first: date, period: Period) -> Period:
    """A month, as far as it is in the period."""
    month = whole_month(first)
    begun = max(filter(None, (month.first, period.first)))
    ended = min(filter(None, (month.last, period.last)))
    return Period(begun, ended)


def _section(scope: Scope, currency: str, months: list[date], found: dict[tuple[Any, str], Closed]) -> Section:
    rows, shapes = [], []
    whole = Closed()
    currency_filter = {"currency": currency or "none"}
    for first in months:
        one = found.get((f"{first:%Y-%m}", currency), Closed())
        days = str(within(first, scope.period))
        won, lost = (scope.list_of(status=role, closed=days, **currency_filter) for role in (Role.WON, Role.LOST))
        rows.append(
            [
                word(month_name(first)),
                count(one.won, won),
                amount(one.won_amount, currency, won if one.won else ""),
                count(one.lost, lost),
                amount(one.lost_amount, currency, lost if one.lost else ""),
                share(one.won, one.won + one.lost),
            ]
        )
        shapes.append((float(one.won_amount), float(one.lost_amount)))
        whole.won, whole.lost = whole.won + one.won, whole.lost + one.lost
        whole.won_amount, whole.lost_amount = (
            whole.won_amount + one.won_amount,
            whole.lost_amount + one.lost_amount,
        )
    all_won, all_lost = (
        scope.list_of(status=role, closed=str(scope.period), **currency_filter) for role in (Role.WON, Role.LOST)
    )
    rate = share(whole.won, whole.won + whole.lost)
    return Section(
        title=currency_name(currency),
        numbers=[
            Number(_("Won"), money(whole.won_amount, currency), all_won),
            Number(_("Deals won"), number(whole.won), all_won),
            Number(_("Deals lost"), number(whole.lost), all_lost),
            Number(_("Win rate"), rate.text),
        ],
        heads=[_("Month"), _("Won"), _("Amount won"), _("Lost"), _("Amount lost"), _("Win rate")],
        rows=rows,
        foot=[
            word(_("Total")),
            count(whole.won, all_won),
            amount(whole.won_amount, currency, all_won),
            count(whole.lost, all_lost),
            amount(whole.lost_amount, currency, all_lost),
            rate,
        ],
        chart=columns(
            _("Won and lost by month, {currency}").format(currency=currency_name(currency)),
            _("{first} to {last}: {won} won, {lost} lost").format(
                first=month_name(months[0]), last=month_name(months[-1]), won=whole.won, lost=whole.lost
            ),
            [Series(_("Amount won"), "hue-7"), Series(_("Amount lost"), "hue-8")],
            [month_name(first, "MMM yy") for first in months],
            shapes,
        ),
    )


SPEC = Spec(
    "won",
    gettext_lazy("Won and lost"),
    gettext_lazy("How many deals were closed in each month, for how much, and the win rate."),
    "trophy",
    make,
)
