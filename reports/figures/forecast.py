"""What open deals bring in, by the month in which they are expected to close: whole, and weighted by probability."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import money, number
from deals import queries
from deals.models import Role
from deals.periods import NONE, Period
from deals.totals import Total, add_up
from reports.charts import Series, columns
from reports.figures.won import first_of, month, month_name
from reports.report import Made, Number, Section, Spec, amount, by_currency, count, currency_name, word
from reports.scope import Scope, month_of, whole_month

# What lies further ahead is in one row.
AHEAD = 12


def make(scope: Scope) -> Made:
    """One statement, the same as above a board's columns."""
    key = ("forecast", queries.asking(scope.user), tuple((stage.pk, stage.role) for stage in scope.stages), scope.owner)
    lane = Coalesce(month("expected_close"), Value(""))
    totals = add_up(lambda: scope.open, key, scope.stages, lane)
    currencies = by_currency(totals, lambda total: total.currency, lambda total: total.count)
    return Made(
        [_section(scope, currency, [one for one in totals if one.currency == currency]) for currency in currencies]
    )


def _section(scope: Scope, currency: str, totals: list[Total]) -> Section:
    this = month_of(scope.today)
    last = month_of(this, 1 - AHEAD)
    slots: list[tuple[str, str, list[Total]]] = []

    def slot(name: str, close: str, those: Iterable[Total]) -> None:
        slots.append((name, close, list(those)))

    dated = [(first_of(str(total.lane)), total) for total in totals if total.lane]
    past = Period(None, this - timedelta(days=1))
    slot(_("Before this month"), str(past), [total for of, total in dated if of < this])
    for ahead in range(AHEAD):
        first = month_of(this, -ahead)
        slot(month_name(first), str(whole_month(first)), [total for of, total in dated if of == first])
    slot(_("Later"), str(Period(month_of(last, -1))), [total for of, total in dated if of > last])
    slot(_("No date"), NONE, [total for total in totals if not total.lane])
    shown = [one for at, one in enumerate(slots) if one[2] or 0 < at <= AHEAD]
    rows = []
    for name, close, those in shown:
        url = scope.list_of(status=Role.OPEN, close=close, currency=currency or NONE)
        n = sum(one.count for one in those)
        rows.append(
            [
                word(name),
                count(n, url),
                amount(_sum(those), currency, url if n else ""),
                amount(_weighted(those), currency, url if n else ""),
            ]
        )
    everything = scope.list_of(status=Role.OPEN, currency=currency or NONE)
    n = sum(one.count for one in totals)
    coming = [those for _name, _close, those in slots[1 : 1 + AHEAD]]
    flat = [one for those in coming for one in those]
    return Section(
        title=currency_name(currency),
        numbers=[
            Number(_("Weighted, next 12 months"), money(_weighted(flat), currency)),
            Number(_("Whole, next 12 months"), money(_sum(flat), currency)),
            Number(_("Open deals"), number(n), everything),
        ],
        heads=[_("Expected close"), _("Deals"), _("Amount"), _("Weighted")],
        rows=rows,
        foot=[
            word(_("Total")),
            count(n, everything),
            amount(_sum(totals), currency, everything),
            amount(_weighted(totals), currency, everything),
        ],
        chart=columns(
            _("Forecast by month, {currency}").format(currency=currency_name(currency)),
            "; ".join(
                f"{name}: {money(_sum(those), currency)}, {money(_weighted(those), currency)}"
                for name, _close, those in slots[1 : 1 + AHEAD]
                if those
            ),
            [Series(_("Amount"), "hue-1"), Series(_("Weighted"), "hue-2")],
            [month_name(month_of(this, -ahead), "MMM yy") for ahead in range(AHEAD)],
            [(float(_sum(those)), float(_weighted(those))) for those in coming],
        )
        if any(one.amount for one in flat)
        else None,
        nothing=_(
            "No amount is expected to come in during the next twelve months. Deals count once they have an amount "
            "and a day on which they are expected to close."
        ),
    )


def _sum(totals: Iterable[Total]) -> Decimal:
    return sum((one.amount for one in totals), Decimal(0))


def _weighted(totals: Iterable[Total]) -> Decimal:
    return sum((one.weighted for one in totals), Decimal(0))


SPEC = Spec(
    "forecast",
    gettext_lazy("Forecast"),
    gettext_lazy("What open deals bring in, by the month of their expected close, whole and weighted."),
    "calendar",
    make,
    timed=False,
)
