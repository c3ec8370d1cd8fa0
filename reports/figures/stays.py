"""How long deals stood in each stage: the middle one, and the one that three quarters were faster than."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, FloatField, Func, IntegerField, Q, Value, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crmportal.formats import number
from deals.grouping import with_hues
from deals.models import StageMove
from deals.queries import Laid
from reports.charts import Bar, Series, bars
from reports.report import Cell, Made, Number, Section, Spec, count, days, share, word
from reports.scope import Scope

DAY = 86_400
# In quarters of the way through the stays, sorted by their length.
MEDIAN, P75 = 2, 3


class Seconds(Func):
    """The seconds between two moments, by each database's own arithmetic."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="((julianday(%(expressions)s)) * 86400.0)", arg_joiner=") - julianday("
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="EXTRACT(EPOCH FROM (%(expressions)s))", arg_joiner=" - ")


@dataclass
class Stays:
    """The stays in one stage: their number, and those at the quarters by their rank, from 1."""

    n: int = 0
    at: dict[int, float] = field(default_factory=dict)
    deals: int = 0
    in_time: int = 0

    def quarter(self, which: int) -> float | None:
        """The days at so many quarters, between the two nearest stays where it lies between them."""
        if not self.n:
            return None
        rank, rest = divmod((self.n - 1) * which, 4)
        low = self.at[rank + 1]
        return (low + ((self.at[rank + 2] - low) * rest / 4 if rest else 0)) / DAY


def read(scope: Scope) -> dict[str, Stays]:
    """By stage the stays that ended in the period. Two statements: the lengths at the quarters, and the counts."""
    stays = _ended(scope)
    rank = Window(RowNumber(), partition_by="stage_nimble_id", order_by=["seconds", "pk"])
    ranked = stays.annotate(
        seconds=Seconds("until", "at"),
        rank=rank,
        n=Window(Count("pk"), partition_by="stage_nimble_id"),
    )
    wanted = Q()
    for which in (MEDIAN, P75):
        low = _quotient((F("n") - 1) * which)
        wanted |= Q(rank=low + 1) | Q(rank=low + 2)
    found: dict[str, Stays] = {}
    for stage, at, n, seconds in ranked.filter(wanted).values_list("stage_nimble_id", "rank", "n", "seconds"):
        one = found.setdefault(stage, Stays(n))
        one.at[at] = seconds
    expected = Q()
    for stage in scope.stages:
        if stage.expected_days:
            expected |= Q(stage_nimble_id=stage.nimble_id, seconds__lte=stage.expected_days * DAY)
    counted = stays.annotate(seconds=Seconds("until", "at")).values_list("stage_nimble_id")
    in_time = Count("pk", filter=expected) if expected else Value(0, output_field=IntegerField())
    for stage, of, fast in counted.annotate(of=Count("deal", distinct=True), fast=in_time).order_by("stage_nimble_id"):
        if stage in found:
            found[stage].deals, found[stage].in_time = of, fast
    return found


def _quotient(value: Any) -> Any:
    """Divided by four, rounded down: both databases divide whole numbers so."""
    return value / 4


def _ended(scope: Scope) -> Any:
    ended = StageMove.objects.filter(scope.period.moments("until"), deal__in=scope.deals).order_by()
    return ended.exclude(known=StageMove.Known.SEEN)


def make(scope: Scope) -> Made:
    found = read(scope)
    unknown = StageMove.objects.filter(
        scope.period.moments("until"), deal__in=scope.deals, known=StageMove.Known.SEEN
    ).count()
    notes = []
    if unknown:
        notes.append(_("{n} stays are left out: nobody knows since when they lasted.").format(n=number(unknown)))
    sections = [_section(scope, laid, found) for laid in scope.laid if any(s.nimble_id in found for s in laid.stages)]
    return Made(sections, notes)


def _section(scope: Scope, laid: Laid, found: dict[str, Stays]) -> Section:
    rows: list[list[Cell]] = []
    shapes = []
    slowest = ("", 0.0)
    for stage, _hue in with_hues(sorted(laid.stages, key=lambda stage: stage.position)):
        stays = found.get(stage.nimble_id)
        if stage.is_final or (stays is None and stage.archived_at):
            continue
        stays = stays or Stays()
        median, p75 = stays.quarter(MEDIAN), stays.quarter(P75)
        url = scope.list_of(pipeline=laid.pipeline.pk, left=f"{stage.pk}:{scope.period}")
        rows.append(
            [
                word(stage.name),
                count(stays.deals, url),
                count(stays.n),
                days(median),
                days(p75),
                Cell(number(stage.expected_days), stage.expected_days) if stage.expected_days else Cell("–", ""),
                share(stays.in_time, stays.n) if stage.expected_days else Cell("–", ""),
            ]
        )
        if median is not None and p75 is not None:
            shapes.append(
                Bar(stage.name, (median, p75 - median), f"{days(median).text} / {days(p75).text}", stage.expected_days)
            )
            slowest = max(slowest, (stage.name, median), key=lambda one: one[1])
    title = laid.pipeline.name
    return Section(
        title=title,
        numbers=[
            Number(
                _("Slowest stage, median"),
                days(slowest[1]).text,
                note=slowest[0],
                of=title if len(scope.laid) > 1 else "",
            ),
            Number(_("Stays that ended"), number(sum(int(row[2].raw) for row in rows))),
        ],
        heads=[
            _("Stage"), _("Deals"), _("Stays"), _("Median"), _("Three quarters within"), _("Expected days"),
            _("Within expected"),
        ],
        rows=rows,
        chart=bars(
            _("Days in each stage of {pipeline}").format(pipeline=title),
            "; ".join(f"{bar.label}: {bar.text}" for bar in shapes),
            [Series(_("Median"), "hue-2"), Series(_("Three quarters"), "hue-5")],
            shapes,
            _("Expected days") if any(bar.mark for bar in shapes) else "",
        ),
    )  # fmt: skip


SPEC = Spec(
    "stays",
    gettext_lazy("Time in stage"),
    gettext_lazy("How long deals stood in each stage that they left in the period, against its expected days."),
    "clock",
    make,
)
