"""What happened to a deal, newest first: notes, tasks, stage changes, and changes of its fields and files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from contacts import queries as contacts
from deals import currencies, mapping
from deals.forms import title_of
from deals.models import Deal, DealFile, DealNote, DealTask
from deals.record import Record
from sync import attempts, when
from sync.models import OVERLAID, Change, Edit, State

MOST = 200
OLDEST = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One field's change."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Event:
    """`kind`: note, task, stage, change, file or edit. `at` is a day alone where Nimble says no more. `did`: what was
    done, where the kind does not say it.
    """

    kind: str
    at: datetime | None
    who: str
    is_day: bool = False
    lines: list[Line] = field(default_factory=list)
    stage: str = ""
    before: str = ""
    lasted: float | None = None
    did: str = ""
    note: DealNote | None = None
    task: DealTask | None = None
    edit: Edit | None = None
    tries: list[attempts.Told] = field(default_factory=list)
    can_undo: bool = False

    @property
    def title(self) -> str:
        """The note's title, where it says more than the note's first words."""
        if self.note is None:
            return ""
        title = self.note.title
        return "" if title in (title_of(self.note.body), self.note.body.strip()[: len(title)]) else title


def events(record: Record) -> list[Event]:
    """All of it: ten statements at most beyond the record's own."""
    found = [
        *_notes(record),
        *_tasks(record),
        *_stages(record),
        *_changes(record),
        *_edits(record),
        *_files(record),
    ]
    return sorted(found, key=lambda event: event.at or OLDEST, reverse=True)[:MOST]


def _notes(record: Record) -> Iterator[Event]:
    listed = list(record.deal.notes.filter(gone_at=None, removed=False).defer("remote")[:MOST])
    edits = contacts.unsettled_of(DealNote.kind, [note.pk for note in listed], record.user)
    for note in listed:
        yield Event("note", note.written_at, record.members.get(note.author_id, ""), note=note, edit=edits.get(note.pk))


def _tasks(record: Record) -> Iterator[Event]:
    """The tasks that were made here; how they went on, Nimble alone knows."""
    listed = list(record.deal.tasks.filter(gone_at=None).defer("remote")[:MOST])
    edits = contacts.unsettled_of(DealTask.kind, [task.pk for task in listed], record.user) if listed else {}
    for task in listed:
        who = record.members.get(task.author_id, "")
        lines = [Line(_("Due"), "", record.text("datetime", task.due.isoformat()))] if task.due else []
        if task.assignee_id and task.assignee_id != task.author_id:
            lines.append(Line(_("Assigned to"), "", record.text("user", task.assignee_id)))
        yield Event("task", task.written_at, who, lines=lines, task=task, edit=edits.get(task.pk))


def _files(record: Record) -> Iterator[Event]:
    """What was done to files here: what is in Nimble or on its way there."""
    named = {row.pk: row.name for row in record.changed_files}
    if not named:
        return
    edits = Edit.objects.filter(kind=DealFile.kind, record_id__in=named, state__in=[*OVERLAID, State.CONFIRMED])
    did = {"create": _("added a file"), "update": _("renamed a file"), "delete": _("removed a file")}
    for edit in edits.select_related("connection").order_by("-id")[:MOST]:
        renamed = edit.fields.get("name") or {}
        lines = [Line("", renamed.get("base") or "", renamed.get("new") or named[edit.record_id])]
        yield Event("file", edit.created_at, edit.connection.name, lines=lines, did=did[edit.operation], edit=edit)


def _stages(record: Record) -> Iterator[Event]:
    """Where the deal went, and how long it had been in the stage before."""
    steps = mapping.transitions(record.deal.remote)
    first = steps[0] if steps else None
    for earlier, step in [*([(None, first)] if first else []), *pairwise(steps)]:
        at = when.moment(step.get("when"))
        began = when.moment(earlier.get("when")) if earlier else None
        who = step.get("who")
        yield Event(
            "stage",
            at,
            str(who.get("name") or "") if isinstance(who, dict) else "",
            is_day=len(str(step.get("when") or "")) <= len("2026-03-31"),
            stage=_stage_name(step.get("to_stage")),
            before=_stage_name(step.get("from_stage")),
            lasted=(at - began).total_seconds() if at and began else None,
        )


def _stage_name(stage: Any) -> str:
    return str(stage.get("name") or "") if isinstance(stage, dict) else ""


def _changes(record: Record) -> Iterator[Event]:
    """What pulls saw change in Nimble. Stages are told by their transitions."""
    rows = Change.objects.filter(kind=Deal.kind, record_id=record.deal.pk).order_by("-at", "-pk")[:MOST]
    moments: dict[tuple[Any, str], list[Line]] = {}
    for row in rows:
        if not _is_told(record, row.field):
            before = (row.before, record.currencies.before(row.at))
            after = (row.after, record.currencies.after(row.at))
            moments.setdefault((row.at, row.by), []).extend(_lines(record, row.field, before, after))
    for (at, by), lines in moments.items():
        yield Event("change", at, record.members.get(by, ""), lines=lines)


def _edits(record: Record) -> Iterator[Event]:
    """What was changed here: what is in Nimble or on its way, and what Nimble refused of the reader's own."""
    refused = Q(state__in=[State.REJECTED, State.FAILED], author=record.user)
    shown = Q(state__in=[*OVERLAID, State.CONFIRMED]) | refused
    edits = Edit.objects.filter(shown, kind=Deal.kind, record_id=record.deal.pk).select_related("connection")
    listed = list(edits.order_by("-id")[:MOST])
    tries = attempts.of(listed)
    for edit in listed:
        arrived = edit.state == State.CONFIRMED
        before, after = _currencies(record, edit)
        lines = [
            line
            for name, change in edit.fields.items()
            if not (arrived and _is_told(record, name)) and name != "pipeline"
            for line in _lines(record, name, (change.get("base"), before), (change.get("new"), after))
        ]
        mine = edit.author_id == record.user.pk
        if lines:
            yield Event(
                "edit",
                edit.created_at,
                edit.connection.name,
                lines=lines,
                edit=edit,
                tries=tries.get(edit.pk, []),
                can_undo=mine and arrived and edit.operation == Edit.Operation.UPDATE,
            )


def _is_told(record: Record, name: str) -> bool:
    return name in ("stage", "pipeline") and bool(mapping.transitions(record.deal.remote))


def _currencies(record: Record, edit: Edit) -> tuple[str, str]:
    """The deal's currency on either side of an edit: it may change it itself, also in vain."""
    own = edit.fields.get("currency")
    if own:
        return currencies.code(own.get("base")), currencies.code(own.get("new"))
    at = currencies.moment(edit)
    return record.currencies.before(at), record.currencies.after(at)


def _lines(record: Record, name: str, before: tuple[Any, str], after: tuple[Any, str]) -> list[Line]:
    """`before` and `after`: each a value, with the deal's currency at that time. Of tags, those that came or went."""
    label = record.label(name)
    if name == "tags":
        there, now = before[0] or [], after[0] or []
        told = [
            (_("{field}: {value} added"), [tag for tag in now if tag not in there]),
            (_("{field}: {value} removed"), [tag for tag in there if tag not in now]),
        ]
        if lines := [
            Line("", "", text.format(field=label, value=record.told(name, tags, ""))) for text, tags in told if tags
        ]:
            return lines
    return [Line(label, record.told(name, *before), record.told(name, *after))]
