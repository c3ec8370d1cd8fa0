"""Nimble's own sums of each stage, and its number of deals, against ours as the same person sees them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from django.db.models import Count, Q, Sum

from deals import mapping, queries
from deals.models import Deal, Stage
from nimble import errors
from nimble.models import Connection
from sync import checks, overlay, registry
from sync import pull as pulling
from sync.models import OVERLAID, Check, Edit, Quarantined
from sync.runs import Pull

log = structlog.get_logger(__name__)

TOTAL = "deals"
CENT = Decimal("0.01")
Sums = dict[str, str]


def last_changed(pull: Pull) -> dict[str, Any]:
    """The deal that changed last, beside the number of deals; nothing where it alone is too large."""
    try:
        return pull.client.deals(sort="updated:desc", limit=1)
    except errors.AnswerTooLarge:
        return {}


def stated(answer: dict[str, Any]) -> Sums:
    """What a listing by stage says the sums are: "<stage>/<currency>" → sum; each stage at least once."""
    found: Sums = {}
    for group in answer.get("stages") or []:
        stage = mapping.stage_id(group.get("stage"))
        totals = (group.get("meta") or {}).get("total_amount") if stage else None
        if not isinstance(totals, list):
            continue
        found[f"{stage}/"] = "0"
        for total in totals:
            amount = checks.number(total.get("count")) if isinstance(total, dict) else None
            if amount is not None:
                currency = mapping.text(total.get("currency")).upper()[:3]
                found[f"{stage}/{currency}"] = str(amount)
    return found


def restated(before: Sums, now: Sums) -> Sums:
    """What is said now in place of all that was said of the same stages before."""
    stages = {key.partition("/")[0] for key in now}
    return {**{key: value for key, value in before.items() if key.partition("/")[0] not in stages}, **now}


def sums(connection: Connection, stages: Iterable[str]) -> dict[str, Decimal]:
    """The sums of these stages as this connection sees them, of what Nimble has said: open edits are left out."""
    deals = queries.for_connection(connection, leaving=True).filter(nimble_id__isnull=False)
    edited = Edit.objects.filter(kind=Deal.kind, state__in=OVERLAID, workspace_id=connection.workspace_id)
    edited_ids = edited.values("record_id")
    rows = (
        deals.filter(stage_nimble_id__in=list(stages))
        .exclude(pk__in=edited_ids)
        .exclude(amount=None)
        .order_by()
        .values_list("stage_nimble_id", "currency")
        .annotate(sum=Sum("amount"))
    )
    found = {f"{stage}/{currency}": Decimal(amount) for stage, currency, amount in rows}
    resource = registry.resource(Deal.kind)
    for deal in deals.filter(pk__in=edited_ids):
        columns = overlay.project(resource, deal.remote, [])
        if columns["amount"] is not None:
            key = f"{columns['stage_nimble_id']}/{columns['currency']}"
            found[key] = found.get(key, Decimal(0)) + columns["amount"]
    return found


def compare(pull: Pull, said: Sums, pipelines: Iterable[str], catch_up: Callable[[], Any]) -> None:
    """At the end of a walk that read these pipelines. What differs is asked once more, after `catch_up` has read what
    changed meanwhile. A figure that Nimble will not give now is compared after the next walk.
    """
    if checks.is_braked(pull) or not said:
        return
    try:
        figures = of_stages(pull.connection, said)
        if any(figure.differs for figure in figures):
            catch_up()
            for pipeline in pipelines:
                answer, _at = pull.read(partial(pull.client.pipeline_deals, pipeline, limit=1))
                said = restated(said, stated(answer))
            figures = of_stages(pull.connection, said)
        answer, _at = pull.read(partial(last_changed, pull))
    except errors.NimbleError as error:
        log.warning("figures were not compared", error=type(error).__name__)
        return
    total = checks.number((answer.get("meta") or {}).get("total"))
    checks.note(pull, [*figures, *([] if total is None else [number(pull.connection, total)])])


def agree(pull: Pull) -> bool:
    """Whether this person is shown just what Nimble shows them, as far as its sums and its number of deals can tell.

    One request a pipeline, and one. What differed at the end of the last walk may differ by as much still: reading all
    once more would not mend it. Raises what Nimble does.
    """
    said: Sums = {}
    for pipeline in queries.visible_pipelines(pull.connection):
        try:
            answer, _at = pull.read(partial(pull.client.pipeline_deals, pipeline.known_id, limit=1))
        except errors.Refused:
            if queries.is_refused(pull.connection, pipeline):
                continue
            return False
        if queries.is_refused(pull.connection, pipeline):
            return False
        said |= stated(answer)
    answer, _at = pull.read(partial(last_changed, pull))
    total = checks.number((answer.get("meta") or {}).get("total"))
    if not said or total is None:
        return False
    before = checks.gaps(pull)
    figures = [*of_stages(pull.connection, said), number(pull.connection, total)]
    return all(abs(figure.theirs - figure.ours - before.get(figure.key, Decimal(0))) < CENT for figure in figures)


def of_stages(connection: Connection, said: Sums) -> list[checks.Figure]:
    """Each stage's sums, by both; a stage without any amount has one figure, zero."""
    stages = {key.partition("/")[0] for key in said}
    named = Stage.objects.filter(pipeline__workspace_id=connection.workspace_id, nimble_id__in=stages)
    names = {stage.nimble_id: f"{stage.pipeline} · {stage}" for stage in named.select_related("pipeline")}
    ours = sums(connection, stages)
    with_currency = {key.partition("/")[0] for key in {*said, *ours} if not key.endswith("/")}
    return [
        checks.Figure(
            key=key,
            theirs=Decimal(said.get(key, "0")).quantize(CENT),
            ours=ours.get(key, Decimal(0)).quantize(CENT),
            name=names.get(stage, stage),
            unit=currency,
        )
        for key in sorted({*said, *ours})
        for stage, _slash, currency in [key.partition("/")]
        if currency or key in ours or stage not in with_currency
    ]


def number(connection: Connection, total: Decimal) -> checks.Figure:
    """How many deals there are. Nimble calls its figure that of all the user's deals, which may mean their own."""
    deals = queries.for_connection(connection, leaving=True).filter(nimble_id__isnull=False)
    counted = deals.aggregate(all=Count("pk"), own=Count("pk", filter=Q(owner_in_nimble=connection.nimble_user_id)))
    aside = Quarantined.objects.filter(brought_by=connection, kind=Deal.kind)
    unknown = aside.exclude(nimble_id__in=Deal.objects.filter(workspace_id=connection.workspace_id).values("nimble_id"))
    ours = counted["own"] if total == counted["own"] else counted["all"] + unknown.count()
    return checks.Figure(key=TOTAL, theirs=total, ours=Decimal(ours))


def forget(connection: Connection, pipeline_id: int) -> None:
    """Nimble does not show this person a pipeline, or its deals, any more: nor do we what it said of their sums."""
    stages = set(Stage.objects.filter(pipeline=pipeline_id).values_list("nimble_id", flat=True))
    known = Check.objects.filter(stream__connection=connection, stream__name="deals").values_list("pk", "key")
    Check.objects.filter(pk__in=[pk for pk, key in known if key.partition("/")[0] in stages]).delete()


def repair(connection: Connection, keys: Iterable[str]) -> None:
    """Read every deal anew; those of the stages that differ are stored again, though they look unchanged."""
    stages = {key.partition("/")[0] for key in keys}
    Deal.objects.filter(workspace_id=connection.workspace_id, stage_nimble_id__in=stages).update(digest="")
    pulling.sync_again(connection, "deals")
