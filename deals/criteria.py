"""The filters that reports lead to: where deals stand, when they came there and were closed, and why they were lost."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Case, Max, OuterRef, QuerySet, Subquery, Value, When
from django.utils.translation import gettext as _

from deals import losses, periods, queries
from deals.models import Deal, Role, Stage, StageMove
from deals.periods import NONE, Period
from sync.viewer import viewer

# Dates of a deal by what the address calls them: the column, and whether that holds moments.
DATES = {
    "closed": ("actual_close", False),
    "close": ("expected_close", False),
    "created": ("created_in_nimble", True),
    "since": ("stage_since", True),
}
# Won lies beyond every open stage; a deal that is lost, or open again, has come as far as its open stages.
WON_PLACE = 10_000
# What narrows, in the order in which it is said.
NAMES = ("status", "stage", "reached", "entered", "left", *DATES, "reason", "currency")


def cleaned(given: Mapping[str, str]) -> dict[str, str]:
    """These filters as an address gives them, without what means nothing."""
    found = {name: given.get(name, "").replace("\x00", "").strip() for name in NAMES}
    for name in ("entered", "left"):
        stage, _colon, period = found[name].partition(":")
        if not is_id(stage) or not Period.of(period):
            found[name] = ""
    return {
        "status": found["status"] if found["status"] in Role.values else "",
        "stage": found["stage"] if is_id(found["stage"]) else "",
        "reached": found["reached"] if is_id(found["reached"]) else "",
        "entered": found["entered"],
        "left": found["left"],
        **{name: periods.valid(found[name]) for name in DATES},
        "reason": found["reason"][:256],
        "currency": found["currency"][:4] if found["currency"] == NONE else found["currency"][:3].upper(),
    }


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def stages_of(user: Any) -> QuerySet[Stage]:
    """The stages of the pipelines that this person may see."""
    connection = viewer(user)
    if connection is None:
        return Stage.objects.none()
    return Stage.objects.filter(pipeline__in=queries.visible_pipelines(connection))


def apply(deals: QuerySet[Deal], given: Mapping[str, str], user: Any) -> QuerySet[Deal]:
    """The deals that these filters leave."""
    stages = stages_of(user)
    if status := given["status"]:
        deals = deals.filter(stage_nimble_id__in=stages.filter(role=status).values("nimble_id"))
    if given["stage"]:
        deals = deals.filter(stage_nimble_id__in=stages.filter(pk=given["stage"]).values("nimble_id"))
    for name, column in (("entered", "at"), ("left", "until")):
        if given[name]:
            stage, _colon, period = given[name].partition(":")
            deals = deals.filter(pk__in=moved(stages.filter(pk=stage), period, column).values("deal"))
    if given["reached"]:
        asked = stages.filter(pk=given["reached"]).first()
        deals = with_reach(deals, stages).filter(reach__gte=place(asked)) if asked else deals.none()
    for name, (column, moments) in DATES.items():
        if given[name]:
            deals = deals.filter(periods.condition(given[name], column, moments=moments))
    if given["currency"]:
        deals = deals.filter(currency="" if given["currency"] == NONE else given["currency"])
    if reason := given["reason"]:
        told: QuerySet[Any] = losses.with_reason(deals)
        deals = told.filter(lost_because=None if reason == NONE else reason)
    return deals


def moved(stages: QuerySet[Stage], period: str, column: str) -> QuerySet[StageMove]:
    """The stays in these stages that began (`at`) or ended (`until`) in a period; of those that ended, the ones of
    which it is known when they began.
    """
    when: Any = Period.of(period)
    found = StageMove.objects.filter(when.moments(column), stage_nimble_id__in=stages.values("nimble_id"))
    return found.exclude(known=StageMove.Known.SEEN) if column == "until" else found


def place(stage: Stage) -> int:
    """How far a stage is along its pipeline; -1 for where no way leads forward."""
    if stage.role == Role.WON:
        return WON_PLACE
    return -1 if stage.is_final else stage.position


def with_reach(deals: QuerySet[Deal], stages: Iterable[Stage]) -> QuerySet[Any]:
    """The deals with `reach`: how far along the pipeline in which it stands each has ever been (see `place`).

    Won is where it stands, not where it has been: one that was opened again has come as far as its open stages.
    """
    stages = list(stages)
    won = [stage.nimble_id for stage in stages if stage.role == Role.WON]
    open_ = [(stage.nimble_id, place(stage)) for stage in stages if not stage.is_final]
    where = Case(*(When(stage_nimble_id=one, then=Value(at)) for one, at in open_), default=Value(-1))
    own = StageMove.objects.filter(deal=OuterRef("pk"), pipeline_nimble_id=OuterRef("pipeline_nimble_id")).order_by()
    furthest = own.values("deal").annotate(furthest=Max(where)).values("furthest")
    return deals.annotate(reach=Case(When(stage_nimble_id__in=won, then=Value(WON_PLACE)), default=Subquery(furthest)))


def texts(given: Mapping[str, str], user: Any) -> dict[str, str]:
    """What each of these filters says, for those that are on."""
    ids = {given[name].partition(":")[0] for name in ("stage", "reached", "entered", "left")} - {""}
    names = {str(stage.pk): stage.name for stage in stages_of(user).filter(pk__in=ids)} if ids else {}
    found = {}
    if given["status"]:
        found["status"] = str(Role(given["status"]).label)
    if given["stage"]:
        found["stage"] = _("Stage: {stage}").format(stage=names.get(given["stage"], "?"))
    if given["reached"]:
        found["reached"] = _("Came to {stage} or further").format(stage=names.get(given["reached"], "?"))
    ways = {"entered": _("Came to {stage}: {period}"), "left": _("Left {stage}: {period}")}
    for name, way in ways.items():
        if given[name]:
            stage, _colon, period = given[name].partition(":")
            found[name] = way.format(stage=names.get(stage, "?"), period=said(period))
    labels = {
        "closed": _("Closed: {period}"),
        "close": _("Expected close: {period}"),
        "created": _("Created: {period}"),
        "since": _("In the stage since: {period}"),
    }
    found |= {name: label.format(period=said(given[name])) for name, label in labels.items() if given[name]}
    if given["currency"]:
        found["currency"] = _("No currency") if given["currency"] == NONE else given["currency"]
    if reason := given["reason"]:
        found["reason"] = _("Lost: {reason}").format(reason=_("no reason given") if reason == NONE else reason)
    return found


def said(text: str) -> str:
    """A period of an address as a person reads it."""
    period = Period.of(text)
    return period.words() if period else _("not known")
