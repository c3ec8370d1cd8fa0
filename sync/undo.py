"""Taking an edit back: an unsent one is withdrawn, a sent one gets a compensating edit that obeys the same rules.

Whoever changed a field since is noticed: then the compensating edit is a conflict from the start, for a person to
decide, and what they made of it stays as it is until then.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from nimble.models import Member
from sync import edits, events, merge, overlay, planner, registry
from sync.models import UNSENT, Batch, Change, Edit, State
from sync.resource import Resource

Operation = Edit.Operation


class Since(NamedTuple):
    """Who changed a field after an edit of it, where that is known, and when."""

    by: str
    at: datetime | None


class Undone(NamedTuple):
    """What became of an undo. `edit`: the compensating edit, None where withdrawing was enough.

    `since`: set where somebody changed it since, and the compensating edit waits as a conflict.
    """

    edit: Edit | None = None
    since: Since | None = None

    @property
    def text(self) -> str:
        """What to tell who asked for it."""
        if self.since is None:
            return _("Undone")
        if self.since.by:
            return _("{name} has changed it since: your inbox shows both, and you decide.").format(name=self.since.by)
        return _("It was changed in Nimble since: your inbox shows both, and you decide.")


def refusal(edit: Edit) -> str:
    """Why an edit cannot be taken back, in words; "" where it can."""
    if edit.state in (State.SUPERSEDED, State.DISCARDED, State.UNDONE):
        return _("It never reached Nimble, so there is nothing to take back.")
    if edit.state in (State.CONFLICT, State.REJECTED, State.FAILED, State.AMBIGUOUS):
        return _("It is not in Nimble as far as is known: decide about it, or discard it.")
    if edit.operation == Operation.DELETE and (edit.sent_at or edit.confirmed_at):
        return _("Nimble cannot bring back what was removed.")
    if edit.operation == Operation.CREATE and edit.state in (State.RETRYING, State.SENDING) and edit.sent_at:
        return _("It is on its way to Nimble: wait until it has arrived.")
    if edit.sent_at or edit.confirmed_at:
        return registry.resource(edit.kind).lasting(edit)
    return ""


def consequence(edit: Edit) -> str:
    """What an undo does besides bringing the old values back; "" for nothing else."""
    if edit.operation == Operation.CREATE and edit.state == State.CONFIRMED:
        return _("It is removed from Nimble, with all that was added to it since.")
    return ""


def undo(edit: Edit, *, author: Any, batch: Batch | None = None) -> Undone:
    """Take an edit back. Raises `edits.CannotEdit` with the reason in words."""
    resource = registry.resource(edit.kind)
    with events.atomic():
        row = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        if edit.operation == Operation.UPDATE:
            _drop_later(edit)
        if edits.withdraw(edit, State.UNDONE):
            return Undone()
        edit.refresh_from_db()
        if reason := refusal(edit):
            raise edits.CannotEdit(reason)
        if edit.operation == Operation.CREATE:
            return Undone(edits.remove(author=author, row=row))
        return _compensate(edit, resource, row, author, batch)


def _compensate(edit: Edit, resource: Resource, row: Any, author: Any, batch: Batch | None) -> Undone:
    """An edit back to where this one began. The base is what it made of each field, as Nimble writes that."""
    shown = overlay.overlaid(resource.values(row.remote), overlay.open_edits(row.kind, [row.pk]).get(row.pk, []))
    rules = resource.rules(row, edit.fields)
    seen, back, contested = {}, {}, {}
    for name, change in edit.fields.items():
        made, now = change["new"], shown.get(name)
        back[name], seen[name] = change.get("base"), made
        if edit.state != State.CONFIRMED:
            continue
        if resource.equal(made, now):
            # As Nimble writes it.
            seen[name] = now
            continue
        try:
            merge.merge(made, change.get("base"), now, rules.get(name, merge.SINGLE))
        except merge.Conflict:
            contested[name] = now
    since = changed_since(edit, list(contested)) if contested else None
    made_edit = edits.record(
        author=author,
        row=row,
        new=back,
        seen=seen,
        undoes=edit,
        batch=batch,
        contested=contested,
        contested_by=since.by if since else "",
    )
    return Undone(made_edit, since)


def changed_since(edit: Edit, names: list[str]) -> Since:
    """Who changed one of these fields after the edit: a colleague through the portal, else somebody in Nimble."""
    later = Edit.objects.filter(
        kind=edit.kind, record_id=edit.record_id, id__gt=edit.pk, state__in=[*UNSENT, State.SENDING, State.CONFIRMED]
    )
    for other in later.select_related("connection").order_by("-id")[:50]:
        if other.fields.keys() & set(names):
            return Since(other.connection.name, other.created_at)
    change = (
        Change.objects.filter(kind=edit.kind, record_id=edit.record_id, field__in=names, at__gte=edit.created_at)
        .order_by("-at", "-pk")
        .first()
    )
    if change is None:
        return Since("", None)
    if registry.resource(edit.kind).names_people:
        return Since(change.by, change.at)
    member = Member.objects.filter(workspace_id=edit.workspace_id, nimble_user_id=change.by).first()
    return Since(str(member) if member else "", change.at)


def _drop_later(edit: Edit) -> None:
    """Whoever takes a change back takes back what was built on it: later edits of its fields that never went out."""
    later = Edit.objects.filter(
        kind=edit.kind,
        record_id=edit.record_id,
        author_id=edit.author_id,
        id__gt=edit.pk,
        operation=Operation.UPDATE,
        state__in=[*UNSENT, State.REJECTED, State.CONFLICT],
        # Not what takes back a later one: it leads to where this one begins.
        undoes=None,
    )
    for other in later:
        if other.fields.keys() & edit.fields.keys() and not planner.is_doubtful(other):
            Edit.objects.filter(pk=other.pk, state=other.state, lease_token=other.lease_token).update(
                state=State.UNDONE
            )
