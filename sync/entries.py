"""Edits as pages show them: the record behind each, its fields in words, why it stopped, and what can be done.

The record's title and what Nimble has are shown only where the person may see the record; what they typed is theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nimble.models import Member
from sync import differences, reasons, registry, undo, when, words
from sync.differences import Piece
from sync.models import UNSENT, Edit, State
from sync.resource import Resource, Then

SHORT = 160


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

    @property
    def our_difference(self) -> list[Piece]:
        """What we changed in the text; empty where a comparison would not help."""
        return differences.marked(self.base, self.ours)

    @property
    def their_difference(self) -> list[Piece]:
        """What was changed in it in Nimble."""
        return differences.marked(self.base, self.theirs)


@dataclass(frozen=True)
class Candidate:
    """One that an ambiguous create may have made."""

    nimble_id: str
    title: str
    by: str
    at: datetime | None
    url: str


@dataclass(frozen=True)
class Entry:
    """One edit with its record; `url` is empty where the person does not see it, `title` where it tells nothing.

    `touched_by`, `touched_at`: of a conflict, who changed the record last in Nimble and when, where that is known.
    """

    edit: Edit
    row: Any
    title: str
    url: str
    labels: list[str]
    reason: reasons.Reason | None
    said: str
    lines: list[Line] = field(default_factory=list)
    touched_by: str = ""
    touched_at: datetime | None = None
    candidates: list[Candidate] = field(default_factory=list)

    @property
    def is_seen(self) -> bool:
        return self.row is not None

    @property
    def resource(self) -> Resource:
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
    def is_missing(self) -> bool:
        return self.edit.state == State.CONFLICT and self.edit.error.get("reason") == "missing"

    @property
    def can_recreate(self) -> bool:
        """The record is gone from Nimble, we still know it, and Nimble lets us make one like it."""
        return self.is_missing and self.edit.operation == Edit.Operation.UPDATE and self.resource.recreatable

    @property
    def can_adopt(self) -> bool:
        """Ambiguous, with nothing that could be read back: its author looks in Nimble and says that it is there."""
        return self.edit.state == State.AMBIGUOUS and not self.candidates

    @property
    def must_reconnect(self) -> bool:
        return self.edit.state == State.BLOCKED and self.edit.error.get("reason") == "reconnect"

    @property
    def not_undone(self) -> str:
        """Why it cannot be taken back; "" where it can."""
        return undo.refusal(self.edit)

    @property
    def can_undo(self) -> bool:
        return not self.not_undone

    @property
    def consequence(self) -> str:
        """What an undo does besides bringing the old values back."""
        return undo.consequence(self.edit)

    @property
    def can_restore(self) -> bool:
        return self.edit.state == State.DISCARDED

    @property
    def can_discard(self) -> bool:
        waits = self.edit.state in (*UNSENT, State.AMBIGUOUS, State.CONFLICT, State.REJECTED, State.FAILED)
        return waits and not (self.can_undo and self.edit.state == State.PENDING)


def of(edits: Iterable[Edit], user: Any) -> list[Entry]:
    """Entries of some edits: a handful of statements for each kind of record, however many they are."""
    edits = list(edits)
    rows = _rows(edits, user)
    links: dict[tuple[str, int], tuple[str, str]] = {}
    for kind in {kind for kind, _pk in rows}:
        own = [row for (of_kind, _pk), row in rows.items() if of_kind == kind]
        links |= {(kind, pk): link for pk, link in registry.resource(kind).links(own, user).items()}
    kinds = {(edit.workspace_id, edit.kind) for edit in edits}
    names = {(workspace, kind): registry.resource(kind).names(workspace, user) for workspace, kind in kinds}
    people = _people(edits)
    beside = _beside(edits, rows)
    typed = _typed_titles([edit for edit in edits if (edit.kind, edit.record_id) not in rows], user)
    return [
        _entry(
            edit,
            rows.get((edit.kind, edit.record_id)),
            links,
            names[edit.workspace_id, edit.kind],
            beside.get(edit.pk),
            people,
            typed,
            user,
        )
        for edit in edits
    ]


def one(edit: Edit, user: Any) -> Entry:
    return of([edit], user)[0]


def _rows(edits: Sequence[Edit], user: Any) -> dict[tuple[str, int], Any]:
    wanted: dict[str, set[int]] = {}
    for edit in edits:
        wanted.setdefault(edit.kind, set()).add(edit.record_id)
    return {
        (kind, row.pk): row
        for kind, ids in wanted.items()
        for row in registry.resource(kind).for_user(user).filter(pk__in=ids).defer("remote")
    }


def _beside(edits: Sequence[Edit], rows: Mapping[tuple[str, int], Any]) -> dict[int, Then]:
    """By edit, the values of then beside which its own are read; only of records that are seen."""
    found: dict[int, Then] = {}
    for kind in {kind for kind, _pk in rows}:
        resource = registry.resource(kind)
        own = {pk: row for (of_kind, pk), row in rows.items() if of_kind == kind}
        told = [edit for edit in edits if (edit.kind, edit.record_id) in rows and edit.kind == kind]
        now = {pk: resource.beside(row) for pk, row in own.items()}
        found |= {edit.pk: Then(now[edit.record_id], now[edit.record_id]) for edit in told}
        found |= resource.beside_then(told, own)
    return found


def _typed_titles(unseen: Sequence[Edit], user: Any) -> dict[tuple[str, int], str]:
    """What records that this person does not see are called in what they typed themselves, and nowhere else. One
    statement, none where they see them all.
    """
    wanted = {(edit.kind, edit.record_id) for edit in unseen if edit.author_id == user.pk}
    if not wanted:
        return {}
    own = Edit.objects.filter(author=user, record_id__in={pk for _kind, pk in wanted}).order_by("pk")
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for kind, pk, fields in own.values_list("kind", "record_id", "fields"):
        if (kind, pk) in wanted:
            found.setdefault((kind, pk), {}).update({name: change.get("new") for name, change in fields.items()})
    return {key: registry.resource(key[0]).typed_title(values) for key, values in found.items()}


def _people(edits: Sequence[Edit]) -> dict[tuple[int, str], str]:
    """The names of whoever is mentioned by Nimble's id. One statement, none where nobody is."""
    mentioned = set()
    for edit in edits:
        said = [edit.error, *(edit.error.get("candidates") or [])]
        mentioned |= {(edit.workspace_id, one["by"]) for one in said if one.get("by")}
    if not mentioned:
        return {}
    found = Member.objects.filter(
        workspace_id__in={workspace for workspace, _id in mentioned}, nimble_user_id__in={by for _ws, by in mentioned}
    )
    return {(member.workspace_id, member.nimble_user_id): str(member) for member in found}


def _entry(
    edit: Edit,
    row: Any,
    links: dict[tuple[str, int], tuple[str, str]],
    names: Any,
    beside: Then | None,
    people: dict[tuple[int, str], str],
    typed: dict[tuple[str, int], str],
    user: Any,
) -> Entry:
    resource = registry.resource(edit.kind)
    title, url = links.get((edit.kind, edit.record_id), ("", ""))
    if row is None and edit.author_id == user.pk:
        title = resource.remembered(edit.record_id, user) or typed.get((edit.kind, edit.record_id), "")
    lines = _lines(edit, resource, names, beside)
    return Entry(
        edit=edit,
        row=row,
        title=title,
        url=url,
        labels=[line.label for line in lines],
        reason=reasons.of(edit),
        said=reasons.said(edit),
        lines=lines,
        touched_by=edit.error.get("name") or people.get((edit.workspace_id, edit.error.get("by", "")), ""),
        touched_at=when.moment(edit.error.get("at")),
        candidates=[
            Candidate(
                nimble_id=each["id"],
                title=each.get("title") or each["id"],
                by=each.get("by", "")
                if resource.names_people
                else people.get((edit.workspace_id, each.get("by", "")), ""),
                at=when.moment(each.get("at")),
                url=resource.nimble_url(each["id"]),
            )
            for each in edit.error.get("candidates") or []
            if each.get("id")
        ],
    )


def _lines(edit: Edit, resource: Resource, names: Any, beside: Then | None) -> list[Line]:
    """The edit's fields, with Nimble's messages at the ones they are about. Where the record is not seen, `beside` is
    None and nobody is told more than what they typed.
    """
    messages, _rest = reasons.field_messages(edit)
    sides = {"new": beside.after if beside else {}}
    if beside:
        sides |= {"base": beside.before, "theirs": beside.after}
    found = []
    for number, (name, change) in enumerate(edit.fields.items()):
        told = {side: shown(edit, name, side, names, known) for side, known in sides.items() if side in change}
        found.append(
            Line(
                number=number,
                name=name,
                label=str(resource.label(name, names)),
                base=told.get("base", ""),
                ours=told.get("new", ""),
                theirs=told.get("theirs", ""),
                in_conflict="theirs" in change,
                text=_typable(resource, name, change.get("new"), change.get("base"), change.get("theirs")),
                errors=messages.get(name, []),
            )
        )
    return found


def shown(edit: Edit, name: str, side: str, names: Any, beside: Mapping[str, Any]) -> str:
    """A field's value on one side of an edit (`base`, `new`, `theirs`), read beside the other values of that side and
    those of the record.
    """
    own = {field: change[side] for field, change in edit.fields.items() if side in change}
    return registry.resource(edit.kind).shown(name, own.get(name), names, {**beside, **own})


def _typable(resource: Resource, name: str, *values: Any) -> str | None:
    text = None if name in resource.references else words.editable(*values)
    return resource.as_typed(name, text) if text else text
