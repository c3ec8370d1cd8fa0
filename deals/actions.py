"""What a person does to deals: each action is one transaction that leaves an edit for the outbox."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from django.utils.translation import gettext as _

from deals import creation, holding
from deals.models import Deal, DealContact, DealFile, DealNote, DealTask, Stage
from nimble.models import Connection
from sync import edits, events
from sync.clock import database_now
from sync.models import OVERLAID, Edit, State


def create(*, author: Any, stage: Stage, values: dict[str, Any], related: Sequence[str] = ()) -> Edit:
    """Make a deal in a stage: here at once, in Nimble as soon as it is sent; later edits and notes of it wait for that.

    `values`: field → value as `deals.mapping.values` has it, `name` among them; without `owner` it is the author's.
    `related`: Nimble's ids of contacts that take part. Raises `CannotEdit` for an archived stage.
    """
    refuse_archived(stage)
    with events.atomic():
        connection = edits.connection_of(author, stage.pipeline)
        me = connection.nimble_user_id
        deal = Deal.objects.create(workspace_id=stage.pipeline.workspace_id, remote=creation.begun(me, database_now()))
        place = {"pipeline": stage.pipeline.nimble_id, "stage": stage.nimble_id}
        given = {"owner": me, **values, **place}
        if related:
            given["contacts"] = [{"id": one, "note": ""} for one in related]
        DealContact.objects.bulk_create(
            DealContact(deal=deal, contact_nimble_id=one, position=position) for position, one in enumerate(related)
        )
        edit = edits.record(author=author, row=deal, new=given, operation=Edit.Operation.CREATE)
    assert edit is not None, "a create always says something"  # noqa: S101
    return edit


def move(
    *,
    author: Any,
    deal: Deal,
    stage: Stage,
    seen: str | None = None,
    reason: str = "",
    also: Mapping[str, Any] | None = None,
) -> Edit | None:
    """Move a deal to a stage of its pipeline or of another. `seen`: the stage the card was taken from.

    `reason`: why it was lost. Nimble keeps none on a deal, so it is written as a note. Raises `CannotEdit` for an
    archived stage. `also`: further fields with their values, in the same edit: a probability, for a stage that has
    none of its own. None when the deal stands there already.
    """
    refuse_archived(stage)
    new: dict[str, Any] = {**(also or {}), "stage": stage.nimble_id}
    if deal.pipeline_nimble_id != stage.pipeline.nimble_id:
        new["pipeline"] = stage.pipeline.nimble_id or ""
    with events.atomic():
        drop_refused(author=author, deal=deal, fields={"stage", "pipeline", "probability", *new}, of="stage")
        if also:
            drop_refused(author=author, deal=deal, fields=set(also))
        edit = edits.record(author=author, row=deal, new=new, seen={"stage": seen} if seen else None)
        drop_reasons(deal)
        if reason and edit:
            title = _("Lost: {reason}").format(reason=reason)
            write_note(author=author, deal=deal, title=title[:256], body=title, depends_on=edit, lost_reason=reason)
    return edit


def refuse_archived(stage: Stage) -> None:
    """Raise `CannotEdit` for a stage that takes no deals any more."""
    if stage.archived_at is not None or stage.pipeline.archived_at is not None:
        raise edits.CannotEdit(_("This stage is archived: choose another one."))


def drop_reasons(deal: Deal) -> None:
    """Discard the notes that say why a deal was lost, where another move came instead before it went out."""
    for edit in Edit.objects.filter(
        kind=DealNote.kind,
        state__in=OVERLAID,
        depends_on__kind=Deal.kind,
        depends_on__record_id=deal.pk,
        depends_on__state=State.SUPERSEDED,
    ):
        edits.discard(edit)


def drop_refused(*, author: Any, deal: Deal, fields: Set[str], of: str = "") -> None:
    """Discard what Nimble refused of this person's, where it is of these fields alone (and `of` this one): something
    else comes instead.
    """
    refused = Edit.objects.filter(
        kind=Deal.kind, record_id=deal.pk, author=author, state__in=[State.REJECTED, State.FAILED]
    )
    for edit in refused:
        if edit.operation == Edit.Operation.UPDATE and edit.fields.keys() <= fields and (not of or of in edit.fields):
            edits.discard(edit)


def change(*, author: Any, deal: Deal, field: str, value: Any, seen: Any = None, has_seen: bool = False) -> Edit | None:
    """Change one field, with a value as `deals.mapping.values` has it (a form has checked it)."""
    return edits.record(author=author, row=deal, new={field: value}, seen={field: seen} if has_seen else None)


def change_several(*, author: Any, deal: Deal, values: Mapping[str, Any]) -> Edit | None:
    """Change some fields in one edit; takes the place of what Nimble refused of these fields alone."""
    with events.atomic():
        drop_refused(author=author, deal=deal, fields=values.keys())
        return edits.record(author=author, row=deal, new=dict(values))


def write_note(
    *, author: Any, deal: Deal, title: str, body: str, depends_on: Edit | None = None, lost_reason: str = ""
) -> DealNote:
    """Write a note on a deal; shown at once, sent as soon as the deal itself is in Nimble, and what it `depends_on`.

    `lost_reason`: why the deal is lost, where it says that; reports count it.
    """
    with events.atomic():
        connection: Connection = edits.connection_of(author, deal)
        note = DealNote.objects.create(
            workspace_id=deal.workspace_id,
            deal=deal,
            author_id=connection.nimble_user_id,
            lost_reason=lost_reason,
            written_at=database_now(),
        )
        edits.record(
            author=author,
            row=note,
            new={"title": title, "body": body},
            operation=Edit.Operation.CREATE,
            depends_on=depends_on or _create_of(deal),
        )
    note.refresh_from_db()
    return note


def change_note(*, author: Any, note: DealNote, title: str, body: str) -> Edit | None:
    """Change a note that was written here."""
    return edits.record(author=author, row=note, new={"title": title, "body": body})


def remove_note(*, author: Any, note: DealNote) -> Edit | None:
    """Remove a note; one that was never sent is simply dropped."""
    return edits.remove(author=author, row=note)


def _create_of(deal: Deal) -> Edit | None:
    """What goes out before anything that hangs on a deal which is not in Nimble yet."""
    return edits.create_of(deal) if deal.nimble_id is None else None


def remove(*, author: Any, deal: Deal) -> Edit | None:
    """Delete a deal with all that hangs on it: hidden at once, withdrawn until it goes out, never undone after that.

    It goes out when `holding.HELD` is over. One that was never sent is simply dropped, by whoever made it: nobody else
    could take that back. Raises `CannotEdit`.
    """
    create = _create_of(deal)
    if create and create.author_id != author.pk:
        raise edits.CannotEdit(_("It is not in Nimble yet: until it is, only who made it can delete it."))
    with events.atomic():
        edit = edits.remove(author=author, row=deal)
        return holding.hold(edit) if edit else None


def add_file(*, author: Any, deal: Deal, name: str, link: str, source: str) -> Edit | None:
    """Add a file by its link at an external storage (`DealFile.Source`)."""
    with events.atomic():
        edits.connection_of(author, deal)
        row = DealFile.objects.create(workspace_id=deal.workspace_id, deal=deal)
        new = {"name": name, "link": link, "source": source}
        create = Edit.Operation.CREATE
        return edits.record(author=author, row=row, new=new, operation=create, depends_on=_create_of(deal))


def rename_file(*, author: Any, file: DealFile, name: str) -> Edit | None:
    """Rename a file that Nimble keeps."""
    return edits.record(author=author, row=file, new={"name": name})


def remove_file(*, author: Any, file: DealFile) -> Edit | None:
    """Remove a file, when `holding.HELD` is over; one that was never sent is simply dropped."""
    with events.atomic():
        edit = edits.remove(author=author, row=file)
        return holding.hold(edit) if edit else None


def add_task(*, author: Any, deal: Deal, values: dict[str, Any]) -> Edit | None:
    """Make a task for people of a deal. `values`: as `deals.resources.tasks` names them."""
    with events.atomic():
        connection = edits.connection_of(author, deal)
        row = DealTask.objects.create(
            workspace_id=deal.workspace_id,
            deal=deal,
            author_id=connection.nimble_user_id,
            written_at=database_now(),
        )
        create = Edit.Operation.CREATE
        return edits.record(author=author, row=row, new=values, operation=create, depends_on=_create_of(deal))
