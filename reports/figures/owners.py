"""Who has what open, and won and lost how much in the period."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import money, number
from deals.models import Role
from deals.periods import NONE
from deals.totals import exact
from reports.charts import Bar, Series, bars
from reports.report import Made, Number, Section, Spec, amount, by_currency, count, currency_name, share, word
from reports.scope import Scope

# More bars than these say nothing; the table has everybody.
MOST_BARS = 20


@dataclass(frozen=True)
class Owned:
    """Of one owner and currency."""

    owner: str
    currency: str
    open: int
    won: int
    lost: int
    open_amount: Decimal
    won_amount: Decimal


def read(scope: Scope) -> list[Owned]:
    """One statement."""
    closed = scope.period.days("actual_close")
    is_open, won, lost = (
        Q(stage_nimble_id__in=scope.ids(Role.OPEN)),
        closed & Q(stage_nimble_id__in=scope.ids(Role.WON)),
        closed & Q(stage_nimble_id__in=scope.ids(Role.LOST)),
    )
    rows = (
        scope.deals.filter(is_open | won | lost)
        .values_list("owner_id", "currency")
        .annotate(
            open=Count("pk", filter=is_open),
            won=Count("pk", filter=won),
            lost=Count("pk", filter=lost),
            open_amount=Sum("amount", filter=is_open),
            won_amount=Sum("amount", filter=won),
        )
        .order_by("owner_id", "currency")
    )
    return [
        Owned(owner, currency, n, m, k, exact(going), exact(gained)) for owner, currency, n, m, k, going, gained in rows
    ]


def make(scope: Scope) -> Made:
    found = read(scope)
    currencies = by_currency(found, lambda one: one.currency, lambda one: one.open + one.won + one.lost)
    return Made(
        [_section(scope, currency, [one for one in found if one.currency == currency]) for currency in currencies]
    )


def _section(scope: Scope, currency: str, found: list[Owned]) -> Section:
    found = sorted(found, key=lambda one: (-one.won_amount, -one.won, one.owner))
    rows = []
    money_in = {"currency": currency or NONE}
    closed = str(scope.period)
    for one in found:
        won, lost = (
            _list_of(scope, one.owner, status=role, closed=closed, **money_in) for role in (Role.WON, Role.LOST)
        )
        going = _list_of(scope, one.owner, status=Role.OPEN, **money_in)
        rows.append(
            [
                word(name_of(scope, one.owner)),
                count(one.won, won),
                amount(one.won_amount, currency, won if one.won else ""),
                count(one.lost, lost),
                share(one.won, one.won + one.lost),
                amount(one.won_amount / one.won if one.won else Decimal(0), currency),
                count(one.open, going),
                amount(one.open_amount, currency, going if one.open else ""),
            ]
        )
    won_total = sum((one.won_amount for one in found), Decimal(0))
    best = found[0]
    shown = [one for one in found[:MOST_BARS] if one.won_amount]
    return Section(
        title=currency_name(currency),
        numbers=[
            Number(_("Won"), money(won_total, currency), scope.list_of(status=Role.WON, closed=closed, **money_in)),
            Number(_("Most won by"), name_of(scope, best.owner), note=money(best.won_amount, currency)),
            Number(_("Owners"), number(len(found))),
        ],
        heads=[
            _("Owner"), _("Won"), _("Amount won"), _("Lost"), _("Win rate"), _("Average won"), _("Open"),
            _("Amount open"),
        ],
        rows=rows,
        chart=bars(
            _("Amount won by owner, {currency}").format(currency=currency_name(currency)),
            "; ".join(f"{name_of(scope, one.owner)}: {money(one.won_amount, currency)}" for one in shown),
            [Series(_("Amount won"), "hue-7")],
            [
                Bar(name_of(scope, one.owner), (float(one.won_amount),), money(one.won_amount, currency))
                for one in shown
            ],
        )
        if shown
        else None,
    )  # fmt: skip


def _list_of(scope: Scope, owner: str, **criteria: str) -> str:
    """No address says that nobody owns a deal."""
    return scope.list_of(owner=owner, **criteria) if owner else ""


def name_of(scope: Scope, owner: str) -> str:
    return scope.members.get(owner) or (_("Somebody who is not known here") if owner else _("Nobody"))


SPEC = Spec(
    "owners",
    gettext_lazy("By owner"),
    gettext_lazy("Who won and lost how much in the period, and what everybody has open."),
    "users",
    make,
)
