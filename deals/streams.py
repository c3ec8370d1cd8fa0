"""The streams of pipelines and deals.

Deals are all read by the stage listings, through `next_page_url`, at first and hourly; in between by what was updated
last. A walk keeps its checkpoint after every page.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from deals import checks, mapping
from deals.models import Deal, DealField, DealSight, Pipeline
from deals.resource import forget_standard_ids
from nimble import errors
from nimble.models import Connection, Member
from sync import overlay, rhythm, sweep, when
from sync.clock import database_now
from sync.models import Run, Stream
from sync.pull import Pull
from sync.registry import StreamSpec
from sync.upsert import upsert

PAGE = 100
WALK_SECONDS = 3600
NEWEST = (50, 200, 1000)


def pull_pipelines(pull: Pull) -> None:
    """Pipelines with their stages and lost reasons, and the metadata of deal fields: two requests."""
    answer, read_at = pull.read(pull.client.pipelines)
    listed = [one for one in mapping.listed(answer.get("pipelines")) if isinstance(one, dict)]
    pull.expect(len(listed))
    tally = pull.page("pipeline", listed, read_at=read_at)
    for position, payload in enumerate(listed):
        Pipeline.objects.filter(pk__in=[tally.ids.get(payload.get("pipeline_id") or "", 0)]).update(position=position)
    if listed:
        settle_pipelines(pull, tally.ids.values(), read_at)
    metadata, _read_at = pull.read(pull.client.deal_fields)
    save_fields(pull.workspace_id, mapping.fields(metadata))
    Member.objects.remember(pull.connection.workspace, [p.get("creator") for p in listed])
    pull.move()


def settle_pipelines(pull: Pull, listed: Iterable[int], read_at: datetime) -> None:
    """A pipeline that this listing lacks may only be kept from this person. Gone is what Nimble does not find on its
    own either, and no other usable connection's listing has held since.
    """
    others = Connection.objects.active().filter(workspace_id=pull.workspace_id).exclude(pk=pull.connection.pk)
    missing = Pipeline.objects.filter(workspace_id=pull.workspace_id, gone_at=None, nimble_id__isnull=False)
    for pipeline in missing.exclude(pk__in=listed):
        lacking = Run.objects.filter(
            stream__name="pipelines", state=Run.State.DONE, started_at__gt=pipeline.fetched_at or read_at
        )
        if others.exclude(pk__in=lacking.values("stream__connection_id")).exists():
            continue
        try:
            pull.client.pipeline(pipeline.known_id)
        except errors.NotFound:
            overlay.refresh(pipeline, gone_at=read_at)
        except errors.Refused:
            continue


def save_fields(workspace_id: int, fields: list[dict[str, Any]]) -> None:
    """Store the metadata of deal fields whole. An empty answer says nothing: every account has standard fields."""
    if not fields:
        return
    with transaction.atomic():
        known = DealField.objects.filter(workspace_id=workspace_id)
        before = set(known.filter(is_standard=True).values_list("field_id", "name"))
        known.exclude(field_id__in=[field["id"] for field in fields]).delete()
        DealField.objects.bulk_create(
            {
                field["id"]: DealField(
                    workspace_id=workspace_id,
                    field_id=field["id"][:64],
                    pipeline_nimble_id=field["pipeline"],
                    name=field["name"][:255],
                    kind=field["kind"][:30],
                    choices=field["choices"],
                    presentation=field["presentation"],
                    multiples=field["multiples"],
                    is_standard=field["is_standard"],
                    read_only=field["read_only"],
                    group=field["group"][:255],
                    tab=field["tab"][:255],
                    position=position,
                )
                for position, field in enumerate(fields)
            }.values(),
            update_conflicts=True,
            unique_fields=["workspace", "field_id"],
            update_fields=[
                "pipeline_nimble_id", "name", "kind", "choices", "presentation", "multiples", "is_standard",
                "read_only", "group", "tab", "position",
            ],
        )  # fmt: skip
        if before != set(known.filter(is_standard=True).values_list("field_id", "name")):
            # What deals say was read with other names: the next walk, due at once, stores each of them anew.
            Deal.objects.filter(workspace_id=workspace_id).update(digest="")
            Stream.objects.filter(connection__workspace_id=workspace_id, name="deals").update(cursor={})
    forget_standard_ids()


def pull_deals(pull: Pull) -> None:
    """What changed, newest first; the whole walk at first, hourly, and where the newest do not reach back enough."""
    # Another process may have stored the metadata anew.
    forget_standard_ids()
    walked = when.moment(pull.cursor.get("walked"))
    _now, now = pull.read(lambda: None)
    overdue = walked is None or (now - walked).total_seconds() >= WALK_SECONDS
    if pull.checkpoint or pull.full or overdue or not newest(pull):
        walk(pull)


def newest(pull: Pull) -> bool:
    """Read the deals updated last until one is met that is stored just so; False when even 1,000 did not reach it."""
    for limit in NEWEST:
        answer, read_at = pull.read(partial(pull.client.deals, sort="updated:desc", limit=limit))
        listed = answer.get("resources") or []
        total = (answer.get("meta") or {}).get("total")
        tally = pull.page("deal", listed, read_at=read_at)
        remember_people(pull, listed)
        if tally.unchanged or len(listed) < limit or (isinstance(total, int) and total <= limit):
            pull.complete(pull.cursor)
            return True
    return False


def walk(pull: Pull) -> None:
    """Every deal of every pipeline, stage by stage; then what was missing from it is settled."""
    checkpoint = pull.checkpoint or begin_walk(pull)
    while checkpoint["queue"]:
        head, *rest = checkpoint["queue"]
        try:
            checkpoint = step(pull, head, {**checkpoint, "queue": rest})
        except errors.Refused:
            # One pipeline that this person may not list must not keep them from the others.
            if "pipeline" not in head:
                raise
            hide(pull, head["pipeline"])
            if not (rest or checkpoint["read"]):
                raise
            checkpoint = {**checkpoint, "queue": rest}
    since = when.moment(checkpoint["since"])
    assert since is not None  # noqa: S101 written by begin_walk
    rows = Deal.objects.filter(workspace_id=pull.workspace_id, gone_at=None, pipeline_nimble_id__in=checkpoint["read"])
    pull.move(gone=sweep.settle(pull, "deal", rows, since, checkpoint["upto"]))
    checks.compare(pull, checkpoint.get("sums") or {}, checkpoint["read"], partial(newest, pull))
    pull.complete({"walked": checkpoint["since"]})


def hide(pull: Pull, pipeline: str) -> None:
    """Nimble keeps this pipeline from this person: so do we with its deals, also with those that others have read."""
    deals = Deal.objects.filter(workspace_id=pull.workspace_id, gone_at=None, pipeline_nimble_id=pipeline)
    hidden = DealSight.objects.filter(connection=pull.connection, hidden_at__isnull=False)
    now = database_now()
    rows = [
        {"record_id": pk, "connection_id": pull.connection.pk, "hidden_at": now}
        for pk in deals.exclude(pk__in=hidden.values("record_id")).values_list("pk", flat=True)
    ]
    with transaction.atomic():
        upsert(DealSight, rows, ["record_id", "connection_id"])


def begin_walk(pull: Pull) -> dict[str, Any]:
    """The first checkpoint: every pipeline is still to `read`, and when the listing began."""
    answer, started = pull.read(lambda: pull.client.deals(sort="updated:desc", limit=1))
    total = (answer.get("meta") or {}).get("total")
    pull.expect(total if isinstance(total, int) else None)
    pipelines = Pipeline.objects.filter(workspace_id=pull.workspace_id, gone_at=None).values_list(
        "nimble_id", flat=True
    )
    queue = [{"pipeline": nimble_id} for nimble_id in pipelines]
    upto = sweep.newest(Deal, pull.workspace_id)
    return {"since": started.isoformat(), "queue": queue, "read": [], "upto": upto}


def step(pull: Pull, head: dict[str, str], checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Read one item of the queue (a pipeline's first pages, or a stage's next page); returns the moved checkpoint."""
    if "pipeline" in head:
        answer, read_at = pull.read(
            partial(pull.client.pipeline_deals, head["pipeline"], sort="created:asc", limit=PAGE)
        )
    else:
        answer, read_at = pull.read(partial(pull.client.next_page, head["next"]))
    if "pipeline" in head:
        said = {**checkpoint.get("sums", {}), **checks.stated(answer)}
        checkpoint = {**checkpoint, "read": [*checkpoint["read"], head["pipeline"]], "sums": said}
    while True:
        deals, following = groups(answer, head)
        # Depth first: the following page of this stage is read while this one is stored.
        upcoming = following[0] if following else None
        reading = pull.ahead(partial(pull.client.next_page, upcoming["next"])) if upcoming else None
        checkpoint = {**checkpoint, "queue": [*following, *checkpoint["queue"]]}
        pull.page("deal", deals, read_at=read_at, checkpoint=checkpoint)
        remember_people(pull, deals)
        if reading is None or upcoming is None:
            return checkpoint
        answer, read_at = reading.result()
        head = upcoming
        checkpoint = {**checkpoint, "queue": checkpoint["queue"][1:]}


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
            following.append({"stage": stage, "next": url})
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


PIPELINES = StreamSpec("pipelines", _("Pipelines"), order=10, rhythm=rhythm.STEADY, run=pull_pipelines)
DEALS = StreamSpec(
    "deals",
    _("Deals"),
    order=20,
    rhythm=rhythm.LIVE,
    run=pull_deals,
    usable=True,
    pages=frozenset({"deals"}),
    repair=checks.repair,
)
