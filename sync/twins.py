"""One object of Nimble's and two rows here: a pull may bring what a create has made before the create knows of it.

The row of the create stays, for people have its address; what hangs on the other one moves there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet

from sync import events, registry
from sync.models import Change, Edit

log = structlog.get_logger(__name__)


def possible(row: Any, payloads: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of some records of Nimble's those that the create of `row` may have made: what was here before it, and what
    another create has made, it has not.
    """
    ids = [one for one in map(_id, payloads) if one]
    others = type(row)._default_manager.filter(workspace_id=row.workspace_id, nimble_id__in=ids).exclude(pk=row.pk)
    taken = set(others.filter(Q(pk__lt=row.pk) | Exists(_creates(row.kind))).values_list("nimble_id", flat=True))
    return [one for one in payloads if _id(one) not in taken]


def _id(payload: dict[str, Any]) -> str:
    found = payload.get("id") or payload.get("deal_id")
    return found if isinstance(found, str) else ""


def _creates(kind: str) -> QuerySet[Edit]:
    return Edit.objects.filter(kind=kind, record_id=OuterRef("pk"), operation=Edit.Operation.CREATE)


def locked(edit: Edit) -> Any:
    """The row that an edit is about, locked: another one than when it was claimed, where that was joined with it."""
    rows = registry.resource(edit.kind).model._default_manager
    pk, is_of = None, edit.record_id
    while pk != is_of:
        pk, row = is_of, rows.select_for_update(no_key=True).get(pk=is_of)
        is_of = Edit.objects.values_list("record_id", flat=True).get(pk=edit.pk)
    return row


def join(row: Any, nimble_id: str, at: datetime) -> None:
    """`row` turns out to be what Nimble calls `nimble_id`: a row that a pull has made of that is joined with it.

    In the transaction that gives the row its id, the row itself being locked.
    """
    rows = type(row)._default_manager
    later = rows.filter(workspace_id=row.workspace_id, nimble_id=nimble_id, pk__gt=row.pk)
    twin = later.exclude(Exists(_creates(row.kind))).select_for_update(no_key=True).first()
    if twin is None:
        return
    resource = registry.resource(row.kind)
    rows.filter(pk=twin.pk).update(nimble_id=None, gone_at=at, rev=twin.rev + 1)
    events.note(row.workspace_id, row.kind, [row.pk, twin.pk])
    for history in (Edit, Change):
        history.objects.filter(kind=row.kind, record_id=twin.pk).update(record_id=row.pk)
    if resource.sight:
        sights = resource.sight._default_manager
        known = sights.filter(record=row).values_list("connection_id", flat=True)
        sights.filter(record=twin).exclude(connection__in=list(known)).update(record=row)
        sights.filter(record=twin).delete()
    resource.join(twin, row)
    log.info("rows joined", kind=row.kind, record=row.pk, twin=twin.pk)
