"""The columns of one row: `overlay(remote, open edits)`, written by one function, only where nobody was faster."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from sync import events, registry
from sync.mirror import Mirrored
from sync.models import OVERLAID, Edit, State
from sync.resource import Resource

Operation = Edit.Operation
# A create that was refused keeps its text on the page, for its author to mend.
SHOWN_CREATES = (State.REJECTED, State.FAILED)
_OVERLAID = Q(state__in=OVERLAID) | Q(state__in=SHOWN_CREATES, operation=Operation.CREATE)


def open_edits(kind: str, record_ids: Sequence[int]) -> dict[int, list[Edit]]:
    """The edits that lie over each of these records, oldest first."""
    found: dict[int, list[Edit]] = {}
    if not record_ids:
        return found
    for edit in Edit.objects.filter(_OVERLAID, kind=kind, record_id__in=record_ids).order_by("id"):
        found.setdefault(edit.record_id, []).append(edit)
    return found


def over(row: Mirrored) -> list[Edit]:
    """The edits that lie over a row as it was read, oldest first: two statements are no snapshot, and what has been
    confirmed since is neither in that row nor open any more. Who has locked the row needs only `open_edits`.
    """
    confirmed = Q(state=State.CONFIRMED)
    if row.fetched_at:
        # Not what lies in the future, as after the clock was set back: the row may be newer than that. A minute is no
        # future: a database that writes times as text compares them no more finely than a millisecond.
        confirmed &= Q(confirmed_at__gt=row.fetched_at, confirmed_at__lte=Now() + timedelta(minutes=1))
    return list(Edit.objects.filter(_OVERLAID | confirmed, kind=row.kind, record_id=row.pk).order_by("id"))


def overlaid(values: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Nimble's values with the open edits over them; `removed` is true while a delete is on its way."""
    result = dict(values)
    for edit in edits:
        if edit.operation == Operation.DELETE:
            result["removed"] = True
        for name, change in edit.fields.items():
            result[name] = change["new"]
    return result


def project(resource: Resource, remote: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """The typed columns of a row."""
    return resource.columns(remote, overlaid(resource.values(remote), edits))


def refresh(row: Mirrored, **changes: Any) -> None:
    """Write the row's columns anew, with `changes` (`remote`, `fetched_at`, …), inside the caller's transaction.

    Compare-and-swap on `rev`: whoever is second reads again and projects again, so no writer's work is lost.
    """
    resource = registry.resource(row.kind)
    with events.atomic():
        events.note(row.workspace_id, row.kind, [row.pk])
        _write(resource, row, changes)


def _write(resource: Resource, row: Mirrored, changes: dict[str, Any]) -> None:
    manager = type(row)._default_manager
    while True:
        remote = changes.get("remote", row.remote)
        edits = open_edits(row.kind, [row.pk]).get(row.pk, [])
        written = {**project(resource, remote, edits), **changes, "rev": row.rev + 1}
        if manager.filter(pk=row.pk, rev=row.rev).update(**written) == 1:
            for name, value in written.items():
                setattr(row, name, value)
            return
        row.refresh_from_db()
