"""What was won last month, beside what Nimble itself counts for the same person."""

from dataclasses import replace
from decimal import Decimal

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import moment, money, number
from deals.models import Role
from deals.periods import NONE
from deals.totals import exact
from reports.figures.won import month_name
from reports.models import WonLastMonth
from reports.report import Cell, Made, Number, Section, Spec, amount, count, currency_name, word
from reports.scope import Scope, month_of, whole_month
from sync.viewer import viewer


def make(scope: Scope) -> Made:
    """Of all pipelines and owners, as Nimble's own figure is. Two statements."""
    first = month_of(scope.today, 1)
    period = whole_month(first)
    whole = replace(scope, chosen=None, owner="", period=period)
    won = whole.closed.filter(stage_nimble_id__in=whole.ids(Role.WON))
    rows = [
        (currency, n, exact(total))
        for currency, n, total in won.values_list("currency")
        .annotate(n=Count("pk"), total=Sum("amount"))
        .order_by("-n", "currency")
    ]
    ours = sum(n for _currency, n, _total in rows)
    all_won = whole.list_of(status=Role.WON, closed=str(period))
    theirs = WonLastMonth.objects.filter(connection=viewer(scope.user), month=first).first()
    table: list[list[Cell]] = []
    for currency, n, total in rows:
        url = whole.list_of(status=Role.WON, closed=str(period), currency=currency or NONE)
        table.append([word(currency_name(currency)), count(n, url), amount(total, currency, url)])
    numbers = [
        Number(
            _("Won in {month}").format(month=month_name(first, "LLLL y")),
            " · ".join(money(total, currency) for currency, _n, total in rows) or number(0),
            all_won,
        ),
        Number(_("Deals won"), number(ours), all_won),
    ]
    notes = [_("Of all pipelines and owners that you may see, whatever is chosen above: Nimble counts them so.")]
    if theirs is None:
        notes.append(_("Nimble's own figure for that month has not been read yet: it is asked for in the background."))
        return Made([_section(numbers, table)], notes)
    plain = sum((total for _currency, _n, total in rows), Decimal(0))
    as_of = moment(theirs.read_at)
    numbers.append(
        Number(
            _("Nimble counts"),
            _("{n} deals, {amount}").format(n=number(theirs.count), amount=number(theirs.amount)),
            note=_("as of {time}").format(time=as_of),
        )
    )
    table.append([word(_("Nimble's own figure")), count(theirs.count), Cell(number(theirs.amount), theirs.amount)])
    numbers.append(Number(_("Difference"), difference(ours, plain, theirs)))
    if len(rows) > 1:
        notes.append(_("Nimble adds up amounts of all currencies as if they were one; for the comparison, so do we."))
    return Made([_section(numbers, table)], notes)


def difference(ours: int, plain: Decimal, theirs: WonLastMonth) -> str:
    """How ours differs from Nimble's, in words."""
    deals, sum_ = ours - theirs.count, plain - theirs.amount
    if not deals and abs(sum_) < Decimal("0.01"):
        return _("none")
    return _("{deals} deals, {amount}").format(
        deals=f"{deals:+d}", amount=("+" if sum_ > 0 else "") + number(sum_.quantize(Decimal("0.01")))
    )


def _section(numbers: list[Number], table: list[list[Cell]]) -> Section:
    return Section(title="", numbers=numbers, heads=[_("Currency"), _("Deals won"), _("Amount")], rows=table)


SPEC = Spec(
    "won-last-month",
    gettext_lazy("Won last month"),
    gettext_lazy("What was won last month, beside what Nimble itself counts."),
    "check",
    make,
    timed=False,
)
