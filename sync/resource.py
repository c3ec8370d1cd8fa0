"""What an app tells the engine about one kind of record, and what they call to each other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from sync import words
from sync.merge import Rule
from sync.mirror import Mirrored

if TYPE_CHECKING:
    from nimble.client import Client
    from nimble.models import Connection
    from sync.models import Edit

User = AbstractBaseUser | AnonymousUser


class Unstorable(Exception):
    """A payload that is not what the documents promise: the record is quarantined, its page goes on."""


class Misunderstood(Exception):
    """Nimble took a write for something else, and its repair, too. Carries what it has made of the record."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("Nimble stored something else than what was sent.")
        self.answer = answer


class Oversized(NamedTuple):
    """Stands in a page for a record that alone is more than one answer may hold: it is quarantined by its id."""

    nimble_id: str


class Then(NamedTuple):
    """What `Resource.beside` said of a record just before an edit, and after it."""

    before: dict[str, Any]
    after: dict[str, Any]


class Parsed(NamedTuple):
    """A payload taken apart: its id, what is everybody's, and what is the viewer's own."""

    nimble_id: str
    remote: dict[str, Any]
    view: dict[str, Any]


class Audience(NamedTuple):
    """Who may read a private record: users by their ids in Nimble, and groups, whose members Nimble alone knows."""

    users: frozenset[str]
    groups: frozenset[str]


class Found(NamedTuple):
    """The outcome of looking up a create whose answer was lost.

    `payload`: the one object that it made. `candidates`: several that it may have made, for a person. Neither: it was
    not applied and may be sent again. `readable` False: nothing reads such objects back, a person has to decide.
    """

    payload: dict[str, Any] | None = None
    candidates: Sequence[dict[str, Any]] = ()
    readable: bool = True


class Editor(Protocol):
    """Makes the form of one field, filled with `begun`; None where this person does not change it.

    Of a valid form `wanted()` is the value to send; `template` draws its inputs.
    """

    def __call__(self, field: str, *, begun: Any, prefix: str, data: Any = None) -> Any: ...


class Resource:
    """One kind of record. Subclasses live in `<app>/resources`; the pure parts in `<app>/mapping.py`."""

    kind: str
    model: type[Mirrored]
    # A subclass of `Sight`, whose `record` is the model.
    sight: type[Any] | None = None
    # What the digest leaves out: it changes by itself, or differs from viewer to viewer.
    volatile: frozenset[str] = frozenset()
    # Fields whose value is the id of something else: chosen, never typed.
    references: frozenset[str] = frozenset()
    # False where no operation reads such a record back.
    readable = True
    # Whether Nimble lets us make a record anew from what is known of one that is gone: see `successor`.
    recreatable = False
    # Whether Nimble says who changed or made such a record by their name, where it says their id of others.
    names_people = False
    # Whether people change such records here, and what such a record is called.
    is_edited = True
    title_of_kind: Any = ""

    def parse(self, payload: dict[str, Any]) -> Parsed:
        """Take a payload apart. Raises `Unstorable`."""
        raise NotImplementedError

    def keep(self, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        """The `remote` to store, given what is stored: for parts that one operation gives and another does not."""
        return new

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        """`remote` as field → value: what edits name, what the merge compares and the history shows."""
        raise NotImplementedError

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """The typed columns, of `values` (overlaid) and of the rest of `remote`."""
        raise NotImplementedError

    def rules(self, row: Any, names: Iterable[str]) -> dict[str, Rule]:
        """How these fields of a record are merged, where that is not as one plain value."""
        return {}

    def equal(self, one: Any, other: Any) -> bool:
        """Whether two values of a field are the same to a reader: what Nimble has made of one it was sent."""
        return bool(one == other)

    def last_touch(self, payload: dict[str, Any]) -> dict[str, str]:
        """Who changed a record last in Nimble (`by`, a user's id) and when (`at`, as it came), where that is said."""
        found = {"by": payload.get("updated_by") or payload.get("updater"), "at": payload.get("updated")}
        return {name: value[:64] for name, value in found.items() if isinstance(value, str) and value}

    def candidate(self, payload: dict[str, Any]) -> dict[str, str]:
        """What a person needs to tell whether this is what they made: `id`, `title`, `by` (a user's id), `at`."""
        found = {
            "id": payload.get("id") or payload.get("deal_id"),
            "by": payload.get("creator") or payload.get("owner_id"),
            "at": payload.get("created"),
        }
        return {name: value[:64] for name, value in found.items() if isinstance(value, str) and value}

    def successor(self, row: Any, connection: "Connection") -> Any:
        """A new, unsaved row like this one, to be created by this connection: for a record that is gone from Nimble.

        Its `remote` is what is known of the old one as far as a create takes it.
        """
        raise NotImplementedError

    def relink(self, old: Any, new: Any) -> None:
        """Let what is kept here of the old row hang on its successor, too; in the same transaction."""

    def join(self, twin: Any, row: Any) -> None:
        """Both rows turned out to be one object of Nimble's, and `row` stays: what hangs on its twin moves there."""

    def adopted(self, row: Any, values: dict[str, Any]) -> dict[str, Any]:
        """The `remote` of a create that a person says is in Nimble, though nothing could be read back."""
        return dict(values)

    def removed(self, row: Any, at: datetime) -> None:
        """After a delete was confirmed, in the same transaction: what went with it."""

    def lasting(self, edit: "Edit") -> str:
        """Why nothing takes back this edit, which is in Nimble, in words; "" where something does."""
        return ""

    def made(self, wanted: Mapping[str, Any], current: Mapping[str, Any]) -> bool | None:
        """Of an update that makes something inside the record: whether it is there already, in what Nimble has now (as
        `fetch` gave it). None for one that makes nothing, which may be sent twice.
        """
        return None

    def audience(self, remote: dict[str, Any]) -> Audience | None:
        """Whom Nimble shows such a record; None: everybody of the company."""
        return None

    def hidden(self, connection: "Connection", pk: int) -> None:
        """After Nimble refused a record to a person, in the same transaction: what told them of it besides."""

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        """After rows were stored (pk → remote), in the same transaction: tables that hang on them."""

    # --- sending, with the author's client; raises nimble.errors ---

    def fetch(self, client: "Client", row: Any) -> dict[str, Any] | None:
        """The record as it is now in Nimble; None where no operation reads it back."""
        raise NotImplementedError

    def create(self, client: "Client", row: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Send a create; returns Nimble's answer. Not idempotent: the outbox sees to it that it is sent once."""
        raise NotImplementedError

    def update(
        self, client: "Client", row: Any, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Send the merged fields; `current` is what `fetch` gave, exactly as it came: what nobody touched goes back so.

        Idempotent; returns Nimble's answer. Raises `Misunderstood`.
        """
        raise NotImplementedError

    def delete(self, client: "Client", row: Any) -> None:
        """Delete in Nimble. Idempotent: NotFound counts as done."""
        raise NotImplementedError

    def look_up(self, client: "Client", row: Any, edit: "Edit") -> Found:
        """Find what a create whose answer was lost has made."""
        raise NotImplementedError

    # --- people ---

    def wish(self, asked: dict[str, Any], names: Any) -> str:
        """What `change_one` is asked for, as a person reads it; `names` is what `names` made."""
        return ""

    def change_one(self, pk: int, asked: dict[str, Any], *, author: User) -> "Edit | None":
        """Do to one record what a batch of many asks for; None where it is so already. Raises `edits.CannotEdit`."""
        raise NotImplementedError

    def for_user(self, user: User) -> models.QuerySet[Any]:
        """The rows that this person may see: the one place where access to this kind is decided."""
        raise NotImplementedError

    def url(self, row: Any) -> str:
        """The page of a record."""
        raise NotImplementedError

    def nimble_url(self, nimble_id: str) -> str:
        """Where a record can be looked at in Nimble; "" where no address of it is known."""
        return ""

    def title(self, row: Any) -> str:
        """What a list calls the record."""
        return str(row)

    def link(self, row: Any, user: User) -> tuple[str, str]:
        """The title and the page of a record as this person may see them: both may name another record."""
        return self.title(row), self.url(row)

    def remembered(self, pk: int, user: User) -> str:
        """What to call a record that is gone, where this person still sees what it belonged to; else ""."""
        return ""

    def typed_title(self, values: dict[str, Any]) -> str:
        """What a record is called by these values, which a person typed; "" where they name it not."""
        return ""

    def links(self, rows: Sequence[Any], user: User) -> dict[int, tuple[str, str]]:
        """`link` of many rows at once, by their pk."""
        return {row.pk: self.link(row, user) for row in rows}

    def names(self, workspace_id: int, user: Any) -> Any:
        """What `label` and `shown` need to know of a workspace, as this person may know it: made once for many fields
        and values.
        """
        return None

    def label(self, field: str, names: Any) -> str:
        """What a person calls a field; `names` is what `names` made."""
        return field.replace("_", " ")

    def shown(self, field: str, value: Any, names: Any, beside: Mapping[str, Any]) -> str:
        """A value of a field as a person reads it; `names` is what `names` made, `beside` the fields that it needs."""
        return words.plain(value)

    def beside(self, row: Any) -> dict[str, Any]:
        """The present values of fields without which another cannot be read, such as an amount's currency."""
        return {}

    def beside_then(self, edits: Sequence["Edit"], rows: Mapping[int, Any]) -> dict[int, Then]:
        """By edit, what `beside` said of its record around the edit, where that can differ from what it says now.
        `rows`: the records by pk. However many edits, a handful of statements.
        """
        return {}

    def editor(self, row: Any, user: User) -> Editor | None:
        """What makes the forms with which the record's page changes its fields; None where there are none."""
        return None

    def as_typed(self, field: str, text: str) -> str:
        """A value that is one text, as a person types it into an input."""
        return text

    def parse_typed(self, field: str, text: str, row: Any) -> Any:
        """The value that was typed for a field. Raises `ValueError` with what would do, in words."""
        return text
