"""Making a record anew that is gone from Nimble, out of what is known of it and what a person wanted to change."""

from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from nimble.models import Connection
from sync import edits, events, merge, overlay, registry
from sync.clock import database_now
from sync.models import Change, Edit, State
from sync.resource import Resource
from sync.upsert import upsert

Operation = Edit.Operation


def recreate(edit: Edit, *, author: Any) -> Edit:
    """Create the record again with the edit's values; the edit ends in the create. Raises `edits.CannotEdit`.

    The new record gets what the old one had as far as Nimble's create takes it, and what is kept here of the old one.
    The author's other edits of the old record that wait for the same decision go into it, too.
    """
    resource = registry.resource(edit.kind)
    with events.atomic():
        old = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        lost = Edit.objects.select_for_update(no_key=True).filter(
            kind=edit.kind,
            record_id=edit.record_id,
            author=author,
            state=State.CONFLICT,
            operation=Operation.UPDATE,
            error__reason="missing",
        )
        waiting = list(lost.order_by("id"))
        if not resource.recreatable or edit.pk not in [one.pk for one in waiting]:
            raise edits.CannotEdit(_("It has moved on meanwhile: there is nothing to create again."))
        connection = edits.connection_of(author, old)
        row = resource.successor(old, connection)
        if row.remote and not _may_know(resource, old, connection):
            raise edits.CannotEdit(_("It is hidden from you in Nimble, so nothing of it may be copied."))
        row.save()
        resource.relink(old, row)
        now = database_now()
        if resource.sight:
            # Private records are shown to whom they were shown to: so far that is their author.
            upsert(
                resource.sight,
                [{"record_id": row.pk, "connection_id": connection.pk, "seen_at": now}],
                ["record_id", "connection_id"],
            )
        create = edits.record(
            author=author, row=row, new=_wanted(resource, old, row, waiting), operation=Operation.CREATE
        )
        assert create is not None  # noqa: S101 a create is never empty of change
        Edit.objects.filter(pk__in=[one.pk for one in waiting]).update(
            state=State.SUPERSEDED, error={"reason": "recreated", "as": create.pk}
        )
        overlay.refresh(old)
    return create


def _may_know(resource: Resource, old: Any, connection: Connection) -> bool:
    """What somebody is shown no more they must not get by way of a copy, except what they were shown themselves."""
    if resource.for_user(connection.user).filter(pk=old.pk).exists():
        return True
    if old.is_private:
        return False
    if old.gone_at is not None:
        return True
    if resource.sight is None:
        return False
    # Deleted a moment ago, or kept from them since: no listing has said which yet.
    shown = resource.sight._default_manager.filter(record=old, connection=connection, seen_at__isnull=False).first()
    changed = Change.objects.filter(kind=old.kind, record_id=old.pk).aggregate(last=Max("at"))["last"]
    return bool(shown and (changed is None or changed <= shown.seen_at))


def _wanted(resource: Resource, old: Any, row: Any, waiting: list[Edit]) -> dict[str, Any]:
    """What the new record is to have: the old one's values, each with what its edits made of it."""
    values = {name: value for name, value in resource.values(row.remote).items() if not merge.same(value, None)}
    for edit in waiting:
        rules = resource.rules(old, edit.fields)
        for name, change in edit.fields.items():
            base, now = change.get("base"), values.get(name)
            try:
                values[name] = merge.merge(base, change["new"], now, rules.get(name, merge.SINGLE))
            except merge.Conflict:
                # There is nobody left in Nimble to disagree with.
                values[name] = change["new"]
    return values
