"""How many of the deals that were begun in a period came how far, and what part of each stage went on to the next."""

from decimal import Decimal

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import money, number
from deals.criteria import WON_PLACE, place, with_reach
from deals.grouping import with_hues
from deals.models import Role, Stage
from deals.queries import Laid
from deals.totals import exact
from reports.charts import Bar, Series, bars
from reports.report import Cell, Made, Number, Section, Spec, amount, by_currency, count, currency_name, share, word
from reports.scope import Scope

# Of one pipeline: how far deals came, in which currency, how many and their sum.
Reached = list[tuple[int, str, int, Decimal]]


def make(scope: Scope) -> Made:
    """Two statements: the reach of every deal that was created in the period, grouped; and the pipelines."""
    reached = with_reach(scope.deals.filter(scope.period.moments("created_in_nimble")), scope.stages)
    found: dict[str, Reached] = {}
    for pipeline, reach, currency, n, total in (
        reached.values_list("pipeline_nimble_id", "reach", "currency")
        .annotate(n=Count("pk"), total=Sum("amount"))
        .order_by("pipeline_nimble_id", "reach", "currency")
    ):
        found.setdefault(pipeline, []).append((-1 if reach is None else reach, currency, n, exact(total)))
    sections = [
        _section(scope, laid, found[laid.pipeline.nimble_id or ""])
        for laid in scope.laid
        if (laid.pipeline.nimble_id or "") in found
    ]
    return Made(sections, [_("Deals are counted in the pipeline in which they stand now.")])


def _section(scope: Scope, laid: Laid, rows: Reached) -> Section:
    currencies = by_currency(rows, lambda row: row[1], lambda row: row[2])
    begun = sum(row[2] for row in rows)
    steps = [
        (stage, hue)
        for stage, hue in with_hues(sorted(laid.stages, key=lambda stage: (stage.is_final, stage.position)))
        if stage.role == Role.WON or not stage.is_final
    ]
    # An archived stage only while deals have come no further.
    furthest = {row[0] for row in rows}
    steps = [(stage, hue) for stage, hue in steps if not stage.archived_at or place(stage) in furthest]
    table: list[list[Cell]] = []
    shapes = []
    before = begun
    pk = laid.pipeline.pk
    created = str(scope.period)
    for stage, hue in _one_won(steps):
        n = _reached(rows, stage)
        url = scope.list_of(pipeline=pk, created=created, reached=stage.pk)
        sums = [amount(_sum(rows, stage, currency), currency, url) for currency in currencies]
        table.append([word(stage.name), count(n, url), share(n, before), share(n, begun), *sums])
        shapes.append((Bar(stage.name, (n,), number(n)), hue))
        before = n
    won = next((_reached(rows, stage) for stage, _hue in steps if stage.role == Role.WON), 0)
    sums_won = [money(_sum(rows, None, currency), currency) for currency in currencies]
    title = laid.pipeline.name
    return Section(
        title=title,
        numbers=[
            Number(_("Won of those begun"), share(won, begun).text, of=title if len(scope.laid) > 1 else ""),
            Number(_("Deals begun"), number(begun), scope.list_of(pipeline=pk, created=created)),
            Number(_("Won of them"), " · ".join(sums_won)),
        ],
        heads=[
            _("Stage"), _("Came there"), _("From the stage before"), _("Of all"),
            *(_("Amount, {currency}").format(currency=currency_name(currency)) for currency in currencies),
        ],
        rows=table,
        chart=bars(
            _("Funnel of {pipeline}").format(pipeline=title),
            "; ".join(f"{bar.label}: {bar.text}" for bar, _hue in shapes),
            [Series(_("Deals"), "hue-2")],
            [bar for bar, _hue in shapes],
        ),
    )  # fmt: skip


def _one_won(steps: list[tuple[Stage, str]]) -> list[tuple[Stage, str]]:
    """A pipeline has one stage for won deals; of more, the first stands for all."""
    won = [step for step in steps if step[0].role == Role.WON]
    return [step for step in steps if step[0].role != Role.WON] + won[:1]


def _reached(rows: Reached, stage: Stage) -> int:
    return sum(n for reach, _currency, n, _total in rows if reach >= place(stage))


def _sum(rows: Reached, stage: Stage | None, currency: str) -> Decimal:
    least = place(stage) if stage else WON_PLACE
    return sum((total for reach, of, _n, total in rows if reach >= least and of == currency), Decimal(0))


SPEC = Spec(
    "funnel",
    gettext_lazy("Funnel"),
    gettext_lazy("How far the deals came that were begun in the period."),
    "list-filter",
    make,
)
