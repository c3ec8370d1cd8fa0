"""What is missing from a complete listing: hidden from this viewer at once; a tombstone only once it is sure.

Gone means: absent from two complete listings and 404 on its own, while no colleague is shown it. Where much vanishes at
once nothing is believed before a person has looked (`sync.brakes`).
"""

from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F, Max, QuerySet

from nimble import errors
from nimble.models import Connection
from sync import brakes, events, overlay, quarantine, registry
from sync.clock import database_now
from sync.resource import Resource
from sync.runs import Pull
from sync.upsert import upsert

# Listings in a row without it after which a record is asked for by itself; seldom, where it is only hidden.
LOOKS = (2, 3, 8, 24, 168)
# So many that a listing lacks are asked for one by one before they are hidden.
ASKED = 20


def newest(model: Any, workspace_id: int) -> int:
    """The newest row when a listing begins: what is stored after it, the listing need not hold."""
    return model._default_manager.filter(workspace_id=workspace_id).aggregate(last=Max("pk"))["last"] or 0


def hide(pull: Pull, kind: str, rows: QuerySet[Any]) -> None:
    """Rows that this connection has never been shown, and that its complete listing lacks: others' records."""
    sight = registry.resource(kind).sight
    if sight is None:
        return
    unseen = rows.exclude(pk__in=sight._default_manager.filter(connection=pull.connection).values("record_id"))
    now = database_now()
    ids = list(unseen.values_list("pk", flat=True))
    for start in range(0, len(ids), 500):
        writes = [
            {"record_id": pk, "connection_id": pull.connection.pk, "hidden_at": now} for pk in ids[start : start + 500]
        ]
        with events.atomic():
            upsert(sight, writes, ["record_id", "connection_id"])
            events.note(pull.workspace_id, kind, ids[start : start + 500])


def settle(pull: Pull, kind: str, rows: QuerySet[Any], listed_since: datetime, upto: int) -> int:
    """After a complete listing that began at `listed_since`: returns how many records were found gone.

    `rows`: what the listing should have held; `upto`: what `newest` said when it began. Sights of this connection that
    it did not renew are missing from it, and rows without one belong to others.
    """
    resource = registry.resource(kind)
    if resource.sight is None:
        return 0
    hide(pull, kind, rows.filter(pk__lte=upto))
    pull.decide(upto)
    sights = resource.sight._default_manager.filter(connection=pull.connection, record__in=rows)
    missing = sights.filter(seen_at__lt=listed_since)
    # What was hidden already has been counted by the brake before.
    believed = brakes.believed(pull, kind, missing.filter(hidden_at=None), sights.filter(seen_at__gte=listed_since))
    if believed is None:
        return 0
    now = database_now()
    quarantine.settle(pull.connection, kind, listed_since)
    _ask(pull, resource, believed)
    with events.atomic():
        ids = list(believed.values_list("record_id", flat=True))
        events.note(pull.workspace_id, kind, ids)
        events.narrowed(pull.workspace_id, kind, {pk: [pull.connection.nimble_user_id] for pk in ids})
        believed.update(hidden_at=now)
    missing = missing.filter(hidden_at__isnull=False)
    missing.update(missing=F("missing") + 1)
    gone = 0
    doubtful = missing.filter(missing__in=LOOKS, record__gone_at=None, record__nimble_id__isnull=False)
    for sight in doubtful.select_related("record"):
        try:
            resource.fetch(pull.client, sight.record)
        except errors.Forbidden:
            # It is there, but not for this viewer.
            continue
        except errors.NotFound:
            # Who must reconnect may be the only one who sees it; who left or disconnected sees nothing any more.
            others = resource.sight._default_manager.filter(
                record=sight.record,
                hidden_at=None,
                connection__state__in=(Connection.State.ACTIVE, Connection.State.RECONNECT),
            )
            if not others.exclude(connection=pull.connection).exists():
                overlay.refresh(sight.record, gone_at=now, fetched_at=now)
                gone += 1
        else:
            # Its own read still brings it: the listing was wrong, or raced a change.
            sights.filter(pk=sight.pk).update(missing=0, hidden_at=None, seen_at=now)
    return gone


def _ask(pull: Pull, resource: Resource, sights: QuerySet[Any]) -> None:
    """Before a few records are hidden, each is asked for by itself: what is deleted or moved while a listing is paged
    shifts others over the edge of a page. What Nimble shows is stored, and so is no longer missing.
    """
    doubtful = list(sights.select_related("record")[: ASKED + 1])
    if len(doubtful) > ASKED:
        return
    for sight in doubtful:
        try:
            payload, read_at = pull.read(partial(resource.fetch, pull.client, sight.record))
        except (errors.NotFound, errors.Forbidden):
            continue
        pull.page(resource.kind, [payload], read_at=read_at, counted=0)
