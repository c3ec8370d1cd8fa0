"""How long open deals have stood in their stage, against the days that it expects."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Case, Count, Q, Sum, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import number
from deals.grouping import with_hues
from deals.models import Role, Stage
from deals.periods import NONE, Period, midnight
from deals.queries import Laid
from deals.totals import exact
from reports.charts import Bar, Series, bars
from reports.report import Cell, Made, Number, Section, Spec, amount, by_currency, count, currency_name, word
from reports.scope import Scope

WITHIN, OVER, FAR_OVER, UNBOUND, UNKNOWN = "within", "over", "far", "unbound", "unknown"
BUCKETS = (WITHIN, OVER, FAR_OVER, UNBOUND, UNKNOWN)
HUES = {WITHIN: "hue-7", OVER: "hue-4", FAR_OVER: "hue-8", UNBOUND: "hue-1", UNKNOWN: "hue-3"}


class Aged(NamedTuple):
    stage: str
    bucket: str
    currency: str
    n: int
    total: Decimal


def since(stage: Stage, bucket: str, today: date) -> str:
    """The days since which the deals of a bucket have stood in a stage, as `deals.criteria` filters by them."""
    if bucket == UNKNOWN:
        return NONE
    if not stage.expected_days or bucket == UNBOUND:
        return str(Period())
    edge, far = (today - timedelta(days=stage.expected_days * times) for times in (1, 2))
    day = timedelta(days=1)
    return str({WITHIN: Period(edge), OVER: Period(far, edge - day), FAR_OVER: Period(None, far - day)}[bucket])


def read(scope: Scope) -> list[Aged]:
    """By stage, bucket and currency. One statement."""
    cases = [When(stage_since=None, then=Value(UNKNOWN))]
    for stage in scope.stages:
        if stage.expected_days and stage.role == Role.OPEN:
            edge, far = (midnight(scope.today - timedelta(days=stage.expected_days * times)) for times in (1, 2))
            here = Q(stage_nimble_id=stage.nimble_id)
            cases += [
                When(here & Q(stage_since__gte=edge), then=Value(WITHIN)),
                When(here & Q(stage_since__gte=far), then=Value(OVER)),
                When(here, then=Value(FAR_OVER)),
            ]
    bucket: Any = Case(*cases, default=Value(UNBOUND))
    rows = (
        scope.open.annotate(bucket=bucket)
        .values_list("stage_nimble_id", "bucket", "currency")
        .annotate(n=Count("pk"), total=Sum("amount"))
        .order_by("stage_nimble_id", "bucket", "currency")
    )
    return [Aged(stage, of, currency, n, exact(total)) for stage, of, currency, n, total in rows]


def make(scope: Scope) -> Made:
    found = read(scope)
    known = {one.stage for one in found}
    sections = [
        _section(scope, laid, found) for laid in scope.laid if any(stage.nimble_id in known for stage in laid.stages)
    ]
    return Made(sections)


def _section(scope: Scope, laid: Laid, found: list[Aged]) -> Section:
    names = {
        WITHIN: _("Within expected"),
        OVER: _("Up to twice as long"),
        FAR_OVER: _("Longer"),
        UNBOUND: _("Nothing expected"),
        UNKNOWN: _("Since when is not known"),
    }
    stages = [stage for stage, _hue in with_hues(sorted(laid.stages, key=lambda one: one.position))]
    own = [one for one in found if one.stage in {stage.nimble_id for stage in stages}]
    buckets = [bucket for bucket in BUCKETS if any(one.bucket == bucket for one in own)]
    currencies = by_currency(own, lambda one: one.currency, lambda one: one.n)
    rows: list[list[Cell]] = []
    shapes = []
    for stage in stages:
        here = [one for one in own if one.stage == stage.nimble_id]
        if not here and (stage.role != Role.OPEN or stage.archived_at):
            continue
        pipeline = laid.pipeline.pk
        counts = [sum(one.n for one in here if one.bucket == bucket) for bucket in buckets]
        late = [one for one in here if one.bucket in (OVER, FAR_OVER)]
        rows.append(
            [
                word(stage.name),
                Cell(number(stage.expected_days), stage.expected_days) if stage.expected_days else Cell("–", ""),
                *(
                    count(n, scope.list_of(pipeline=pipeline, stage=stage.pk, since=since(stage, bucket, scope.today)))
                    for bucket, n in zip(buckets, counts, strict=True)
                ),
                *(
                    amount(sum((one.total for one in late if one.currency == currency), Decimal(0)), currency)
                    for currency in currencies
                ),
            ]
        )
        shapes.append(Bar(stage.name, counts, number(sum(counts))))
    late_n = sum(one.n for one in own if one.bucket in (OVER, FAR_OVER))
    title = laid.pipeline.name
    return Section(
        title=title,
        numbers=[
            Number(_("Longer than expected"), number(late_n), of=title if len(scope.laid) > 1 else ""),
            Number(
                _("Open deals"),
                number(sum(one.n for one in own)),
                scope.list_of(pipeline=laid.pipeline.pk, status=Role.OPEN),
            ),
        ],
        heads=[
            _("Stage"),
            _("Expected days"),
            *(names[bucket] for bucket in buckets),
            *(_("Late, {currency}").format(currency=currency_name(currency)) for currency in currencies),
        ],
        rows=rows,
        chart=bars(
            _("Age of open deals of {pipeline}").format(pipeline=title),
            "; ".join(f"{bar.label}: {bar.text}" for bar in shapes),
            [Series(names[bucket], HUES[bucket]) for bucket in buckets],
            shapes,
        ),
    )


SPEC = Spec(
    "ageing",
    gettext_lazy("Ageing"),
    gettext_lazy("How long open deals have stood in their stage, against the days that it expects."),
    "hourglass",
    make,
    timed=False,
)
