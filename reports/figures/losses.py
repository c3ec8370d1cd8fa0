"""Why deals were lost, as was said here: Nimble keeps no reason on a deal."""

from decimal import Decimal

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import money, number
from deals import losses
from deals.models import Role
from deals.periods import NONE
from deals.totals import exact
from reports.charts import Bar, Series, bars
from reports.report import Cell, Made, Number, Section, Spec, amount, by_currency, count, currency_name, share, word
from reports.scope import Scope


def make(scope: Scope) -> Made:
    """One statement."""
    lost = scope.closed.filter(stage_nimble_id__in=scope.ids(Role.LOST))
    rows = [
        (reason or "", currency, n, exact(total))
        for reason, currency, n, total in losses.with_reason(lost)
        .values_list("lost_because", "currency")
        .annotate(n=Count("pk"), total=Sum("amount"))
        .order_by("lost_because", "currency")
    ]
    if not rows:
        return Made([])
    currencies = by_currency(rows, lambda row: row[1], lambda row: row[2])
    counts: dict[str, int] = {}
    for reason, _currency, n, _total in rows:
        counts[reason] = counts.get(reason, 0) + n
    sums = {(reason, currency): total for reason, currency, _n, total in rows}
    whole = sum(counts.values())
    closed = str(scope.period)
    table: list[list[Cell]] = []
    shapes = []
    for reason in sorted(counts, key=lambda one: (one == "", -counts[one], one)):
        url = scope.list_of(status=Role.LOST, closed=closed, reason=reason or NONE)
        name = reason or _("No reason given")
        table.append(
            [
                word(name),
                count(counts[reason], url),
                share(counts[reason], whole),
                *(amount(sums.get((reason, currency), Decimal(0)), currency) for currency in currencies),
            ]
        )
        shapes.append(Bar(name, (counts[reason],), number(counts[reason])))
    given = whole - counts.get("", 0)
    all_lost = scope.list_of(status=Role.LOST, closed=closed)
    lost_amounts = [
        money(sum((total for _r, of, _n, total in rows if of == currency), Decimal(0)), currency)
        for currency in currencies
    ]
    section = Section(
        title="",
        numbers=[
            Number(_("Deals lost"), number(whole), all_lost),
            Number(_("Amount lost"), " · ".join(lost_amounts), all_lost),
            Number(_("With a reason"), share(given, whole).text),
        ],
        heads=[
            _("Reason"), _("Lost"), _("Share"),
            *(_("Amount, {currency}").format(currency=currency_name(currency)) for currency in currencies),
        ],
        rows=table,
        chart=bars(
            _("Reasons for losing deals"),
            "; ".join(f"{bar.label}: {bar.text}" for bar in shapes),
            [Series(_("Deals lost"), "hue-8")],
            shapes,
        ),
    )  # fmt: skip
    return Made([section], [_("Reasons are kept in this portal: Nimble has no field for them on a deal.")])


SPEC = Spec(
    "losses",
    gettext_lazy("Lost reasons"),
    gettext_lazy("Why deals were lost in the period, as it was said here."),
    "circle-x",
    make,
)
