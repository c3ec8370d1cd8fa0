"""Making edits and deciding about them: what a person can do to the outbox. Sending them is `sync.outbox`."""

from typing import Any

import structlog
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from nimble.models import Connection
from sync import bell, endings, events, overlay, planner, registry, twins
from sync.clock import database_now
from sync.mirror import Mirrored
from sync.models import OVERLAID, UNSENT, Batch, Edit, State
from sync.resource import Resource

log = structlog.get_logger(__name__)
Operation = Edit.Operation
DROPPED = (State.SUPERSEDED, State.DISCARDED, State.UNDONE)


class CannotEdit(Exception):
    """This person cannot change anything now; the message says why and what to do."""


def connection_of(user: Any, row: Mirrored) -> Connection:
    """The account that this person's edits of a row are made with. Raises `CannotEdit`."""
    found = Connection.objects.for_user(user).active().filter(workspace_id=row.workspace_id).first()
    if found is None:
        raise CannotEdit(_("Connect your Nimble account to change records."))
    return found


def record(
    *,
    author: Any,
    row: Mirrored,
    new: dict[str, Any],
    seen: dict[str, Any] | None = None,
    operation: str = Operation.UPDATE,
    depends_on: Edit | None = None,
    undoes: Edit | None = None,
    batch: Batch | None = None,
    contested: dict[str, Any] | None = None,
    contested_by: str = "",
) -> Edit | None:
    """Write down one edit of `row` and show it at once. One transaction; rings the bell after commit.

    `new`: field → wanted value. `seen`: field → the value that the person saw when they began (from the form); without
    it, what stands in the row now. Unsent edits of the same fields that they saw are superseded. Returns None when
    nothing changes.
    `contested`: field → what somebody has made of it meanwhile, and `contested_by` who: then the edit is a conflict at
    once, and nobody's edit gives way to it.
    """
    resource = registry.resource(row.kind)
    with events.atomic():
        connection = connection_of(author, row)
        row = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
        if operation != Operation.CREATE and row.nimble_id is None and not _being_created(row):
            raise CannotEdit(_("Nimble has not told which record this is. Change it in Nimble itself."))
        fields = _with_base(resource, row, new, seen or {}) if operation == Operation.UPDATE else _fresh(new)
        if operation == Operation.UPDATE:
            superseded = False
            if not contested:
                fields, superseded = _supersede(row, fields, author)
            fields = {name: change for name, change in fields.items() if change["base"] != change["new"]}
            if not fields:
                if superseded:
                    overlay.refresh(row)
                return None
        for name, theirs in (contested or {}).items():
            fields[name]["theirs"] = theirs
        edit = Edit.objects.create(
            workspace_id=row.workspace_id,
            connection=connection,
            author=author,
            kind=row.kind,
            record_id=row.pk,
            operation=operation,
            fields=fields,
            depends_on=depends_on,
            undoes=undoes,
            origin=structlog.contextvars.get_contextvars().get("request_id", ""),
            batch=batch,
            state=State.CONFLICT if contested else State.PENDING,
            error={"reason": "conflict", "name": contested_by} if contested else {},
            created_at=database_now(),
        )
        overlay.refresh(row)
        bell.ring()
    log.info("edit recorded", edit=edit.pk, kind=edit.kind, record=edit.record_id, fields=sorted(fields))
    return edit


def _fresh(new: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"base": None, "new": value} for name, value in new.items()}


def _with_base(
    resource: Resource, row: Mirrored, new: dict[str, Any], seen: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    remote = resource.values(row.remote)
    edits = overlay.open_edits(row.kind, [row.pk]).get(row.pk, [])
    shown = overlay.overlaid(remote, edits)
    fields = {}
    for name, value in new.items():
        base = seen.get(name, shown.get(name))
        fields[name] = {"base": base, "new": value}
    return fields


def _supersede(row: Mirrored, fields: planner.Fields, author: Any) -> tuple[planner.Fields, bool]:
    """Retire the open edits whose place the new one takes: its fields with their bases, and whether there were any.

    One that is being sent is left alone; what it sends is then the base. A worker may be claiming: compare-and-swap.
    """
    replaced = False
    waiting = list(Edit.objects.filter(kind=row.kind, record_id=row.pk, state__in=planner.COALESCE))
    rules = registry.resource(row.kind).rules(row, fields) if waiting else {}
    for older in planner.covered(waiting, fields, author.pk, rules):
        if Edit.objects.filter(pk=older.pk, state=older.state).update(state=State.SUPERSEDED) == 1:
            fields, replaced = planner.with_base_of(fields, older), True
    return fields, replaced


def _being_created(row: Mirrored) -> bool:
    return Edit.objects.filter(
        kind=row.kind, record_id=row.pk, operation=Operation.CREATE, confirmed_at=None, state__in=OVERLAID
    ).exists()


def create_of(row: Mirrored) -> Edit | None:
    """The create of a record that is not known to be in Nimble yet: what hangs on the record waits for it."""
    return Edit.objects.filter(kind=row.kind, record_id=row.pk, operation=Operation.CREATE, confirmed_at=None).first()


def remove(*, author: Any, row: Mirrored) -> Edit | None:
    """Delete a record: a create that never went out is dropped, else a delete is sent after it."""
    create = create_of(row)
    if create and not planner.is_doubtful(create) and discard(create):
        return None
    return record(author=author, row=row, new={}, operation=Operation.DELETE)


def withdraw(edit: Edit, state: str) -> bool:
    """End an edit that was never sent (`undone`, `discarded`); False when it is on its way or ended already."""
    resource = registry.resource(edit.kind)
    with events.atomic():
        row = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        # `sent_at` and not the attempts, which start anew when a person retries.
        if Edit.objects.filter(pk=edit.pk, state__in=UNSENT, sent_at=None).update(state=state) != 1:
            return False
        _end_dependents(edit, row)
        _settle_row(resource, edit)
    return True


def discard(edit: Edit) -> bool:
    """Drop an edit that waits or needs a person: Nimble's value comes back. False when it is being sent or ended."""
    resource = registry.resource(edit.kind)
    droppable = [*(s for s in OVERLAID if s != State.SENDING), State.REJECTED, State.FAILED]
    with events.atomic():
        row = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        if Edit.objects.filter(pk=edit.pk, state__in=droppable).update(state=State.DISCARDED) != 1:
            return False
        _end_dependents(edit, row)
        _settle_row(resource, edit)
    return True


def restore(edit: Edit) -> bool:
    """Put a discarded edit back into the line, and what was dropped with it: what somebody else has made of its fields
    meanwhile is noticed there.
    """
    resource = registry.resource(edit.kind)
    with events.atomic():
        row = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        kept = {"ambiguous": True} if planner.is_doubtful(edit) else {}
        done = not _is_baseless(edit, row) and Edit.objects.filter(pk=edit.pk, state=State.DISCARDED).update(
            state=State.PENDING, error=kept, not_before=None, attempts=0
        )
        if done and edit.operation == Operation.CREATE:
            overlay.refresh(row, gone_at=None)
        elif done:
            overlay.refresh(row)
        if done:
            for dependent in _waiting_for(edit, row).filter(state=State.DISCARDED, error__dropped_with=edit.pk):
                restore(dependent)
            bell.ring()
    return bool(done)


def _is_baseless(edit: Edit, row: Mirrored) -> bool:
    """Whether what it waits for is dropped itself: it would wait for ever."""
    if edit.depends_on is not None and edit.depends_on.state in DROPPED:
        return True
    if row.nimble_id is not None or edit.operation == Operation.CREATE:
        return False
    create = create_of(row)
    return create is not None and create.state in DROPPED


def _waiting_for(edit: Edit, row: Mirrored) -> QuerySet[Edit]:
    """The edits that can only go out after this one: what hangs on it, and changes of the record that it creates."""
    waiting = Q(depends_on=edit)
    if edit.operation == Operation.CREATE and row.nimble_id is None:
        waiting |= Q(kind=edit.kind, record_id=edit.record_id, id__gt=edit.pk)
    return Edit.objects.filter(waiting).order_by("id")


def _end_dependents(edit: Edit, row: Mirrored) -> None:
    """What was waiting for this edit to reach Nimble has nothing left to wait for, unless it is put back."""
    for dependent in _waiting_for(edit, row).exclude(state=State.SENDING):
        if discard(dependent):
            Edit.objects.filter(pk=dependent.pk).update(error={**dependent.error, "dropped_with": edit.pk})


def _settle_row(resource: Resource, edit: Edit) -> None:
    """The row without the edit; one that exists only through a create that is dropped becomes a tombstone."""
    if never_sent := Edit.objects.filter(pk=edit.pk, sent_at=None).first():
        endings.rebase(never_sent)
    row = resource.model._default_manager.get(pk=edit.record_id)
    if edit.operation == Operation.CREATE and (not row.remote or row.nimble_id is None):
        overlay.refresh(row, gone_at=database_now())
    else:
        overlay.refresh(row)


def retry(edit: Edit) -> bool:
    """Put an edit that failed, was refused, blocked or is ambiguous back into the line, at once; it is shown again.

    For an ambiguous create this is the person's 'it is not there: send it again'. Nobody has said so of a create whose
    answer was lost and that was going to be looked up: it still is.
    """
    states = [State.RETRYING, State.FAILED, State.REJECTED, State.BLOCKED, State.AMBIGUOUS]
    with events.atomic():
        row = twins.locked(edit)
        current = Edit.objects.select_for_update(no_key=True).get(pk=edit.pk)
        doubtful = current.state != State.AMBIGUOUS and current.error.get("ambiguous", False)
        kept = {"ambiguous": True} if doubtful else {}
        if doubtful and current.error.get("chosen"):
            kept["chosen"] = current.error["chosen"]
        done = Edit.objects.filter(pk=edit.pk, state=current.state, state__in=states).update(
            state=State.PENDING,
            not_before=None,
            attempts=0,
            error=kept,
            lease_token="",
            lease_until=None,
        )
        if done:
            overlay.refresh(row)
            bell.ring()
    return bool(done)


def look_again(edit: Edit) -> bool:
    """Put an ambiguous edit back into the line, to be looked up in Nimble before anything is sent.

    Raises `CannotEdit` where nothing reads such a record back: that stays for a person to decide.
    """
    if not registry.resource(edit.kind).readable:
        raise CannotEdit(_("Nimble does not let us read it back: look there yourself, and say whether it is there."))
    done = Edit.objects.filter(pk=edit.pk, state=State.AMBIGUOUS).update(
        state=State.PENDING, error={"ambiguous": True}, attempts=0, not_before=None
    )
    if done:
        bell.ring()
    return bool(done)


def choose(edit: Edit, nimble_id: str) -> bool:
    """The person says which of the candidates an ambiguous create has made: it is read, and never sent again."""
    if nimble_id not in [one.get("id") for one in edit.error.get("candidates") or []]:
        return False
    done = Edit.objects.filter(pk=edit.pk, state=State.AMBIGUOUS).update(
        state=State.PENDING, error={"ambiguous": True, "chosen": nimble_id}, attempts=0, not_before=None
    )
    if done:
        bell.ring()
    return bool(done)


def adopt(edit: Edit) -> bool:
    """The person says that an ambiguous create is in Nimble already: it ends, and is never sent again."""
    resource = registry.resource(edit.kind)
    with events.atomic():
        row = resource.model._default_manager.select_for_update(no_key=True).get(pk=edit.record_id)
        done = Edit.objects.filter(pk=edit.pk, state=State.AMBIGUOUS).update(
            state=State.CONFIRMED, confirmed_at=database_now(), error={}
        )
        if done:
            # Where nothing reads it back, what was written is all there is to show.
            found = [one.get("id") for one in edit.error.get("candidates") or [] if one.get("id")]
            nimble_id = {"nimble_id": found[0]} if len(found) == 1 else {}
            values = {name: change["new"] for name, change in edit.fields.items()}
            if edit.operation == Operation.UPDATE:
                values = {**row.remote, **values}
            if nimble_id:
                twins.join(row, found[0], database_now())
            overlay.refresh(row, remote=resource.adopted(row, values), **nimble_id)
    return bool(done)


def resolve(edit: Edit, choices: dict[str, Any]) -> bool:
    """Settle a conflict: field → the value to send. What Nimble has now becomes the base; nothing left ends it."""
    with events.atomic():
        # The row before its edit, as everywhere: one order of locks.
        row = twins.locked(edit)
        current = Edit.objects.select_for_update(no_key=True).get(pk=edit.pk)
        if current.state != State.CONFLICT:
            return False
        fields = {}
        for name, change in current.fields.items():
            theirs = change.get("theirs", change["base"])
            wanted = choices.get(name, change["new"])
            if "theirs" not in change or wanted != theirs:
                fields[name] = {"base": theirs, "new": wanted}
        current.fields = fields or current.fields
        current.state = State.PENDING if fields else State.DISCARDED
        current.error, current.attempts, current.not_before = {}, 0, None
        current.save(update_fields=["fields", "state", "error", "attempts", "not_before"])
        overlay.refresh(row)
        bell.ring()
    return True
