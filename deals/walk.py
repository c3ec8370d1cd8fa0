"""The walk: every deal of every pipeline, stage by stage, as one person sees them. It goes on after every page."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from deals import checks, mapping, pages, queries
from deals.models import Deal, Pipeline, PipelineSight, Stage
from nimble import errors
from nimble.models import Member
from sync import events, sweep, when
from sync.clock import database_now
from sync.resource import Oversized
from sync.runs import Pull

log = structlog.get_logger(__name__)


def walk(pull: Pull, newest: Callable[[str | None], Any]) -> dict[str, Any]:
    """Read every deal, then settle what was missing; returns what the cursor keeps: `walked`, and the stamp `reached`.

    `newest(stamp)` reads what changed since: a deal that was moved meanwhile to a stage that had been read is not
    missing.
    """
    checkpoint = pull.checkpoint or begin(pull)
    for page in pull.ahead(read_pages(pull, checkpoint)):
        checkpoint = page.checkpoint
        if page.pipeline:
            refused(pull, page.pipeline, page.is_refused)
        if not page.is_refused:
            pull.page("deal", page.deals, read_at=page.read_at, checkpoint=checkpoint)
            remember_people(pull, page.deals)
    since = when.moment(checkpoint["since"])
    assert since is not None  # noqa: S101 written by begin
    catch_up = partial(newest, checkpoint["reached"])
    try:
        catch_up()
    except errors.NimbleError as error:
        # What is missing then is asked for one by one.
        log.warning("what changed during the walk was not read", error=type(error).__name__)
    rows = Deal.objects.filter(workspace_id=pull.workspace_id, gone_at=None, pipeline_nimble_id__in=checkpoint["read"])
    pull.move(gone=sweep.settle(pull, "deal", rows, since, checkpoint["upto"]))
    checks.compare(pull, checkpoint.get("sums") or {}, checkpoint["read"], catch_up)
    return {"walked": checkpoint["since"], "reached": checkpoint["reached"]}


@dataclass(frozen=True)
class Page:
    """One answer: its deals, when its read began, and where to go on once they are stored.

    `pipeline`: the one whose first pages it is; `is_refused` where Nimble keeps it from this person.
    """

    deals: list[Any]
    read_at: datetime
    checkpoint: dict[str, Any]
    pipeline: str = ""
    is_refused: bool = False


def read_pages(pull: Pull, checkpoint: dict[str, Any]) -> Iterator[Page]:
    """Every page that is still to be read, depth first, so that the queue stays short."""
    while checkpoint["queue"]:
        head, *rest = checkpoint["queue"]
        pipeline = head.get("pipeline", "")
        try:
            answer, read_at = pull.read(partial(part, pull, head))
        except errors.Refused:
            # One pipeline that this person may not list must not keep them from the others.
            if not pipeline:
                raise
            checkpoint = {**checkpoint, "queue": rest}
            yield Page([], database_now(), checkpoint, pipeline, is_refused=True)
            if not (rest or checkpoint["read"]):
                raise
            continue
        if pipeline:
            said = {**checkpoint.get("sums", {}), **checks.stated(answer)}
            checkpoint = {**checkpoint, "read": [*checkpoint["read"], pipeline], "sums": said}
        deals, following = groups(answer, head)
        checkpoint = {**checkpoint, "queue": [*following, *rest]}
        yield Page(deals, read_at, checkpoint, pipeline)


def begin(pull: Pull) -> dict[str, Any]:
    """The first checkpoint: every pipeline is still to `read`, when the listing began, and what had changed last."""
    answer, started = pull.read(partial(checks.last_changed, pull))
    total = (answer.get("meta") or {}).get("total")
    # What this run has read before it came to walk is read once more.
    pull.expect(pull.run.done + total if isinstance(total, int) else None)
    pipelines = queries.visible_pipelines(pull.connection).values_list("nimble_id", flat=True)
    return {
        "since": started.isoformat(),
        "reached": latest(answer.get("resources") or []),
        "queue": [{"pipeline": nimble_id} for nimble_id in pipelines],
        "read": [],
        "upto": sweep.newest(Deal, pull.workspace_id),
    }


def latest(listed: list[Any]) -> str | None:
    """The latest of Nimble's stamps of change among these deals."""
    stamps = [stamp for stamp in map(updated, listed) if stamp]
    return max(stamps).isoformat() if stamps else None


def updated(payload: Any) -> Any:
    """Nimble's stamp of a deal's last change, or None."""
    return when.moment(payload.get("updated")) if isinstance(payload, dict) else None


def refused(pull: Pull, pipeline: str, is_refused: bool) -> None:
    """Nimble keeps a pipeline's deals from this person, or no longer: so do we, also with those that others read."""
    found = Pipeline.objects.filter(workspace_id=pull.workspace_id, nimble_id=pipeline)
    sights = PipelineSight.objects.filter(connection=pull.connection, record__in=found, refused_at__isnull=is_refused)
    with events.atomic():
        if sights.update(refused_at=database_now() if is_refused else None):
            events.note(pull.workspace_id, Pipeline.kind, None)
            for pk in found.values_list("pk", flat=True) if is_refused else ():
                checks.forget(pull.connection, pk)


def part(pull: Pull, head: dict[str, str]) -> dict[str, Any]:
    """One item of the queue: a pipeline's first pages, or a stage's next page."""
    if "pipeline" in head:
        try:
            return pull.client.pipeline_deals(head["pipeline"], sort="created:asc", limit=pages.PAGE)
        except errors.AnswerTooLarge:
            # Each stage by itself; what Nimble says of their sums is left out.
            stages = Stage.objects.filter(
                pipeline__workspace_id=pull.workspace_id, pipeline__nimble_id=head["pipeline"]
            )
            ids = stages.values_list("nimble_id", flat=True)
            return {"stages": [to_come(stage, pages.first(head["pipeline"], stage)) for stage in ids]}
    try:
        return pull.client.next_page(head["next"])
    except errors.AnswerTooLarge as error:
        return in_parts(head, error)


def in_parts(head: dict[str, str], error: errors.AnswerTooLarge) -> dict[str, Any]:
    """In place of a stage's page that is too large: where to go on with smaller ones. One deal alone is left out."""
    following = pages.smaller(head["next"])
    if following:
        return {"stages": [to_come(head["stage"], following)]}
    following = pages.after(head["next"])
    if following is None:
        raise error
    name = pages.deal_id(error.beginning) or f"unnamed-{hashlib.blake2b(head['next'].encode()).hexdigest()[:12]}"
    return {"stages": [{**to_come(head["stage"], following), "deals": [Oversized(name)]}]}


def to_come(stage: str, url: str) -> dict[str, Any]:
    """A stage's group without deals, which are on its next page."""
    return {"stage": {"stage_id": stage}, "deals": [], "meta": {"next_page_url": url}}


def groups(answer: dict[str, Any], head: dict[str, str]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The deals of an answer, each with its stage group noted, and the stages that have a next page."""
    deals: list[dict[str, Any]] = []
    following = []
    # A stage's own page comes as one group, alone or in the same list.
    for group in answer.get("stages") or ([answer] if "deals" in answer else []):
        stage = mapping.stage_id(group.get("stage")) or head.get("stage", "")
        for deal in group.get("deals") or []:
            deals.append({**deal, mapping.LISTED_STAGE: stage} if isinstance(deal, dict) else deal)
        url = (group.get("meta") or {}).get("next_page_url")
        if url:
            following.append({"stage": stage, "next": pages.larger(url) if group.get("deals") else url})
    return deals, following


def remember_people(pull: Pull, deals: list[Any]) -> None:
    """Owners and creators are how team members become known."""
    people = {}
    for deal in deals:
        if isinstance(deal, dict):
            for key in ("owner", "creator"):
                person = deal.get(key)
                if isinstance(person, dict):
                    people[person.get("user_id")] = person
    Member.objects.remember(pull.connection.workspace, people.values())
