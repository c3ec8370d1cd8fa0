"""Edits as pages show them: the record behind each, its fields in words, why it stopped, and what can be done.

The record's title and what Nimble has are shown only where the person may see the record; what they typed is theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sync import reasons, registry, words
from sync.models import UNSENT, Edit, State


@dataclass(frozen=True)
class Line:
    """One field of an edit. `text`: what can be typed in place of it, None where the value is no plain text."""

    number: int
    name: str
    label: str
    base: str
    ours: str
    theirs: str
    in_conflict: bool
    text: str | None
    errors: list[str]


@dataclass(frozen=True)
class Entry:
    """One edit with its record; `url` is empty where the person does not see it, `title` where it tells nothing."""

    edit: Edit
    row: Any
    title: str
    url: str
    labels: list[str]
    reason: reasons.Reason | None
    said: str

    @property
    def is_seen(self) -> bool:
        return self.row is not None

    @property
    def resource(self) -> registry.Resource:
        return registry.resource(self.edit.kind)

    @property
    def record(self) -> Any:
        """The record; an empty one of its workspace, where the person does not see it."""
        return self.row or self.resource.model(workspace_id=self.edit.workspace_id)

    @property
    def operation(self) -> str:
        return self.edit.operation

    @property
    def can_retry(self) -> bool:
        quota = self.edit.state == State.BLOCKED and self.edit.error.get("reason") != "reconnect"
        return quota or self.edit.state in (State.RETRYING, State.FAILED)

    @property
    def can_mend(self) -> bool:
        return self.edit.state in (State.REJECTED, State.FAILED)

    @property
    def can_decide(self) -> bool:
        return self.edit.state == State.CONFLICT and self.edit.error.get("reason") != "missing"

    @property
    def can_adopt(self) -> bool:
        return self.edit.state == State.AMBIGUOUS

    @property
    def must_reconnect(self) -> bool:
        return self.edit.state == State.BLOCKED and self.edit.error.get("reason") == "reconnect"

    @property
    def can_undo(self) -> bool:
        if self.edit.operation != Edit.Operation.UPDATE:
            return False
        unsent = self.edit.state in (State.PENDING, State.BLOCKED) and not self.edit.attempts
        return unsent or self.edit.state in (State.CONFIRMED, State.SENDING)

    @property
    def can_discard(self) -> bool:
        waits = self.edit.state in (*UNSENT, State.AMBIGUOUS, State.CONFLICT, State.REJECTED, State.FAILED)
        return waits and not (self.can_undo and self.edit.state == State.PENDING)


def of(edits: Iterable[Edit], user: Any) -> list[Entry]:
    """Entries of some edits: one statement for each kind of record, and one for each field's label."""
    edits = list(edits)
    rows = _rows(edits, user)
    labels: dict[tuple[int, str, str], str] = {}
    return [_entry(edit, rows.get((edit.kind, edit.record_id)), user, labels) for edit in edits]


def one(edit: Edit, user: Any) -> Entry:
    return of([edit], user)[0]


def _rows(edits: list[Edit], user: Any) -> dict[tuple[str, int], Any]:
    wanted: dict[str, set[int]] = {}
    for edit in edits:
        wanted.setdefault(edit.kind, set()).add(edit.record_id)
    return {
        (kind, row.pk): row
        for kind, ids in wanted.items()
        for row in registry.resource(kind).for_user(user).filter(pk__in=ids).defer("remote")
    }


def _entry(edit: Edit, row: Any, user: Any, labels: dict[tuple[int, str, str], str]) -> Entry:
    resource = registry.resource(edit.kind)
    title, url = resource.link(row, user) if row else ("", "")
    if row is None and edit.author_id == user.pk:
        title = resource.remembered(edit.record_id, user)
    return Entry(
        edit=edit,
        row=row,
        title=title,
        url=url,
        labels=[_label(edit, name, labels) for name in edit.fields],
        reason=reasons.of(edit),
        said=reasons.said(edit),
    )


def _label(edit: Edit, name: str, labels: dict[tuple[int, str, str], str]) -> str:
    """A field's label is its workspace's: an unsaved row of it is enough to ask for it."""
    key = (edit.workspace_id, edit.kind, name)
    if key not in labels:
        resource = registry.resource(edit.kind)
        labels[key] = str(resource.label(name, resource.model(workspace_id=edit.workspace_id)))
    return labels[key]


def lines(entry: Entry) -> list[Line]:
    """The edit's fields, with Nimble's messages at the ones they are about."""
    messages, _rest = reasons.field_messages(entry.edit)
    resource, row = entry.resource, entry.record
    found = []
    for number, (name, change) in enumerate(entry.edit.fields.items()):
        base, new, theirs = change.get("base"), change.get("new"), change.get("theirs")
        shown = entry.is_seen
        found.append(
            Line(
                number=number,
                name=name,
                label=entry.labels[number],
                base=resource.shown(name, base, row) if shown else "",
                ours=resource.shown(name, new, row),
                theirs=resource.shown(name, theirs, row) if shown and "theirs" in change else "",
                in_conflict="theirs" in change,
                text=_typable(resource, name, new, base, theirs),
                errors=messages.get(name, []),
            )
        )
    return found


def _typable(resource: registry.Resource, name: str, *values: Any) -> str | None:
    text = None if name in resource.references else words.editable(*values)
    return resource.as_typed(name, text) if text else text
