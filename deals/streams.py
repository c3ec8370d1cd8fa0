"""The streams of pipelines and deals.

Deals are all read by the stage listings, through `next_page_url`, at first and once a day, and hourly by one connection
of a workspace (`deals.walk`); in between by what was updated last. The others compare Nimble's own sums each hour, a
request a pipeline, and walk where these differ from what they are shown.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from deals import checks, mapping, metadata
from deals.models import Deal, DealField, DealSight, Pipeline, PipelineSight
from deals.resources.deals import forget_standard_ids
from deals.schema import store_fields
from deals.walk import latest, remember_people, updated, walk
from nimble import errors
from nimble.models import Connection, Member
from sync import opened, overlay, rhythm, when
from sync.clock import database_now
from sync.models import Stream
from sync.registry import StreamSpec, resource
from sync.runs import Pull

log = structlog.get_logger(__name__)

CHECK_SECONDS = 3600
# How long the others wait for the one that walks each hour.
FOLLOW = timedelta(minutes=90)
OWN_WALK = timedelta(days=1)
NEWEST = (50, 200, 1000)
# Stamps have whole seconds, and what is listed may lag behind what was written.
OVERLAP_SECONDS = 120


def pull_pipelines(pull: Pull) -> None:
    """Pipelines with their stages and lost reasons, and the metadata of deal fields: two requests."""
    answer, read_at = pull.read(pull.client.pipelines)
    listed = [one for one in mapping.listed(answer.get("pipelines")) if isinstance(one, dict)]
    pull.expect(len(listed))
    tally = pull.page("pipeline", listed, read_at=read_at)
    for position, payload in enumerate(listed):
        Pipeline.objects.filter(pk__in=[tally.ids.get(payload.get("pipeline_id") or "", 0)]).update(position=position)
    if listed:
        settle_pipelines(pull, tally.ids.values())
    fields, _read_at = pull.read(pull.client.deal_fields)
    save_fields(pull.workspace_id, metadata.fields(fields))
    Member.objects.remember(pull.connection.workspace, [p.get("creator") for p in listed])
    pull.move()


def settle_pipelines(pull: Pull, listed: Iterable[int]) -> None:
    """A pipeline that this listing lacks, and that Nimble does not give them on its own either, is hidden from this
    person. It is gone once nobody else whose connection works is shown it.
    """
    sights = PipelineSight.objects.filter(record__workspace_id=pull.workspace_id)
    missing = Pipeline.objects.filter(workspace_id=pull.workspace_id, gone_at=None, nimble_id__isnull=False)
    hidden = sights.filter(connection=pull.connection, hidden_at__isnull=False)
    for pipeline in missing.exclude(pk__in=listed).exclude(pk__in=hidden.values("record_id")):
        try:
            pull.client.pipeline(pipeline.known_id)
        except (errors.NotFound, errors.Forbidden) as error:
            seen = sights.filter(record=pipeline, hidden_at=None, connection__in=Connection.objects.active())
            if isinstance(error, errors.NotFound) and not seen.exclude(connection=pull.connection).exists():
                # As of now: a page that was read before must not bring it back.
                now = database_now()
                overlay.refresh(pipeline, gone_at=now, fetched_at=now)
            opened.hide(resource(Pipeline.kind), pull.connection, pipeline.pk)
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
        store_fields(workspace_id, fields)
        if before != set(known.filter(is_standard=True).values_list("field_id", "name")):
            # What deals say was read with other names: the next walk, due at once, stores each of them anew.
            Deal.objects.filter(workspace_id=workspace_id).update(digest="")
            Stream.objects.filter(connection__workspace_id=workspace_id, name="deals").update(cursor={})
    forget_standard_ids()


def pull_deals(pull: Pull) -> None:
    """What changed, newest first; each hour, whether all is as Nimble says it is, and the whole walk where not."""
    # Another process may have stored the metadata anew.
    forget_standard_ids()
    if pull.checkpoint or not pull.cursor.get("walked") or not newest(pull):
        through(pull)
        return
    now = database_now()
    checked = when.moment(pull.cursor.get("checked")) or when.moment(pull.cursor["walked"])
    if checked and (now - checked).total_seconds() < CHECK_SECONDS:
        return
    if walk_is_due(pull, now) or not checks.agree(pull):
        through(pull)
    else:
        pull.complete({**pull.cursor, "checked": now.isoformat()})


def through(pull: Pull) -> None:
    """The whole walk."""
    pull.complete(walk(pull, partial(newest, pull)))


def walk_is_due(pull: Pull, now: datetime) -> bool:
    """Each hour one connection of a workspace walks, the one that did so before; the others follow where it does not.

    Each walks by itself once a day, and where a deal has to be missing from a second listing before it is gone.
    """
    walked = when.moment(pull.cursor.get("walked"))
    if walked is None or now - walked >= OWN_WALK:
        return True
    if DealSight.objects.filter(connection=pull.connection, missing=1, record__gone_at=None).exists():
        return True
    others = Stream.objects.filter(
        name=pull.stream.name,
        connection__in=Connection.objects.active().filter(workspace_id=pull.workspace_id),
    ).exclude(pk=pull.stream.pk)
    latest_walk = max(
        (found for cursor in others.values_list("cursor", flat=True) if (found := when.moment(cursor.get("walked")))),
        default=None,
    )
    return latest_walk is None or latest_walk < walked or now - latest_walk >= FOLLOW


def newest(pull: Pull, since: str | None = None) -> bool:
    """Read the deals updated last until what this connection had read before (or the stamp `since`); False when even
    1,000 did not reach it.

    It goes by Nimble's own stamps, not by what is stored: a colleague's pull may have stored what this person has not
    been shown yet.
    """
    reached = when.moment(since or pull.cursor.get("reached"))
    known = reached and when.overlap(reached, OVERLAP_SECONDS)
    counted = 0
    for limit in NEWEST:
        try:
            answer, read_at = pull.read(partial(pull.client.deals, sort="updated:desc", limit=limit))
        except errors.AnswerTooLarge:
            # This listing has no pages to make smaller: the next walk, which has, brings what changed.
            log.warning("the deals that changed last are too large for one answer", limit=limit)
            return True
        listed = answer.get("resources") or []
        total = (answer.get("meta") or {}).get("total")
        # Each answer begins with those of the one before; a walk has counted all of them.
        pull.page("deal", listed, read_at=read_at, counted=0 if since else max(len(listed) - counted, 0))
        counted = len(listed)
        remember_people(pull, listed)
        met = known is not None and any(stamp < known for stamp in map(updated, listed) if stamp)
        if met or len(listed) < limit or (isinstance(total, int) and total <= limit):
            # Never past this run's start: a stamp in the future would hide all that follows.
            last = min(when.moment(latest(listed)) or pull.run.started_at, pull.run.started_at)
            pull.complete({**pull.cursor, "reached": max(filter(None, (last, reached))).isoformat()})
            return True
    return False


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
