"""What the machine knows of a sequence of steps: what was typed, what was accepted, and what Nimble was told."""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine, initialize

from contacts.models import Contact
from deals.models import Deal, Stage
from nimble.models import Connection
from sync import edits, ids, outbox
from sync.models import Edit, State
from tests.mirrors import Table
from tests.people import sign_in_again
from tests.sandboxes import SandboxServer
from tests.sync.machine.points import Standing
from tests.sync.machine.world import put_back

SECRET = "only between us"
# What is looked at most closely: values of which a field has one, by their names in Nimble and in an edit.
FIELDS = {"deal": {"name": "name", "amount": "amount"}, "contact": {"last name": "field:last name"}}
# Fields whose value Nimble is told as it was typed, so that it can be found.
FOLLOWED = {*FIELDS["deal"].values(), *FIELDS["contact"].values(), "note", "body"}
PATH = re.compile(r"/api/v\d/(?P<kind>contacts/note|deal|contact)s?/(?P<id>[^/?]+)(?:\?.*)?")


class Known(RuleBasedStateMachine):
    """`connections`: Ada's and Bjorn's. What is typed is unique and counts upwards, so that it can be followed."""

    sandbox: ClassVar[SandboxServer]
    connections: ClassVar[list[Connection]]
    tables: ClassVar[list[Table]]
    logged: ClassVar[list[str]]

    @initialize()
    def begin_anew(self) -> None:
        self.sandbox.reset()
        put_back(self.tables)
        for connection in self.connections:
            sign_in_again(connection, self.sandbox)
            connection.refresh_from_db()
        self.logged.clear()
        rows = [Deal.objects.order_by("pk"), Contact.objects.filter(record_type="person").order_by("pk")]
        self.deals, self.contacts = ([row.pk for row in found if editable(row)][:3] for found in rows)
        self.stages = list(Stage.objects.filter(role="open", archived_at=None).exclude(default_probability=None))
        self.serial = itertools.count(100)
        # What somebody typed → when, and in which line.
        self.typed: dict[str, tuple[int, str]] = {}
        # Edit → what was typed.
        self.accepted: dict[int, str] = {}
        # What somebody had sent again, created again, and dropped.
        self.resent: set[str] = set()
        self.sent_again: Counter[str] = Counter()
        self.dropped: set[int] = set()
        # Of Nimble's records.
        self.deleted: set[str] = set()
        self.hidden: set[str] = set()
        self.gone: set[tuple[str, int]] = set()
        self.held: list[Edit] = []
        self.standing: dict[int, Standing] = {}
        self.reached: dict[int, str] = {}
        # What Nimble has, was told in the order of the first time, and was told to create.
        self.there = {key: value for kind in FIELDS for key, value in self.values_of(kind).items()}
        self.told: Counter[str] = Counter()
        self.created: Counter[str] = Counter()
        self.heard = self.last_heard()
        self.stirred = True

    def type(self, who: int, soon: bool, make: Callable[[Any, str], Any]) -> Any:
        """Somebody types something unique; what is refused at once was never accepted."""
        value = str(next(self.serial))
        try:
            with transaction.atomic():
                made = make(self.connections[who].user, value)
        except edits.CannotEdit:
            return None
        edit = made if isinstance(made, Edit) else made and edit_of(made)
        if edit:
            self.typed[value] = (len(self.typed), f"{edit.kind}/{edit.record_id}/{who}")
            self.accepted[edit.pk] = value
        if soon:
            self.send()
        return made

    def send(self, times: int = 1) -> None:
        """A worker hears the bell."""
        self.stirred = True
        ids.become("push@here")
        for _ in range(times):
            outbox.deliver()
        self.listen()

    def drop(self, edit: Edit) -> None:
        """Somebody has dropped it, and with it what waited for it."""
        self.dropped.add(edit.pk)
        for other in Edit.objects.filter(error__dropped_with=edit.pk, state=State.DISCARDED).exclude(
            pk__in=self.dropped
        ):
            self.drop(other)

    def drop_if_ended(self, edit: Edit) -> None:
        edit.refresh_from_db()
        if edit.state == State.DISCARDED:
            self.drop(edit)

    def row(self, kind: str, which: int) -> Any:
        known = self.deals if kind == "deal" else self.contacts
        return (Deal if kind == "deal" else Contact)._default_manager.get(pk=known[which % len(known)])

    # --- what Nimble was told ---

    def last_heard(self) -> int:
        return int(self.sandbox.state()["log"]["last"])

    def listen(self) -> None:
        """Everything that Nimble was told since the last time, in its order."""
        for one in self.sandbox.writes(self.heard):
            self.heard = one["n"]
            found = PATH.fullmatch(one["path"])
            kind, nimble_id = (found["kind"], found["id"]) if found else ("", "")
            if one["method"] == "DELETE" and found:
                self.deleted.add(nimble_id)
            for name, value in said(one):
                if name == "body" and one["method"] == "PUT" and self.told[value]:
                    # Nothing reads a deal's note back: after a lost answer it is put once more, as it is.
                    continue
                self.told[value] += 1
                self.created[value] += one["method"] == "POST"
                if one["method"] == "PUT" and (kind, nimble_id, name) in self.there:
                    before, self.there[kind, nimble_id, name] = self.there[kind, nimble_id, name], value
                    self.nothing_is_overwritten_unseen(kind, nimble_id, name, before, value)
            if one["method"] == "POST" and one["path"].startswith("/api/v2/deals") and not found:
                self.there = self.values_of("deal") | self.there

    def nothing_is_overwritten_unseen(self, kind: str, nimble_id: str, name: str, before: str, now: str) -> None:
        raise NotImplementedError

    def values_of(self, kind: str) -> dict[tuple[str, str, str], str]:
        """What every record of a kind holds in Nimble, by its kind, its id and the name of the field."""
        return {
            (kind, one["id"], name): plain((one["values"] if kind == "deal" else one["fields"]).get(name))
            for one in self.sandbox.objects(kind)
            for name in FIELDS[kind]
        }


def said(one: dict[str, Any]) -> list[tuple[str, str]]:
    """The names and values of what was typed in the body of a request."""
    body = one["body"] or {}
    found = [(name, items) for name, items in body.get("fields_values", {}).items() if name in FIELDS["deal"]]
    if "/contact/" in one["path"]:
        found += [(name, items) for name, items in body.get("fields", {}).items() if name in FIELDS["contact"]]
    found += [(name, body[name]) for name in ("note", "body") if SECRET in str(body.get(name, ""))]
    return [(name, plain(value)) for name, value in found if value]


def plain(value: Any) -> str:
    """A value as it was typed, however Nimble or an edit writes it; of a note the number in it."""
    if isinstance(value, list):
        value = value[0]["value"] if value else None
    text = "" if value is None else str(value)
    if SECRET in text:
        return "".join(char for char in text if char.isdigit())
    try:
        return str(float(text)).removesuffix(".0")
    except ValueError:
        return text


def editable(row: Any) -> bool:
    return (row.remote.get("privacy") or {}).get("edit") is None and not row.is_private and bool(row.name)


def edit_of(note: Any) -> Edit:
    return Edit.objects.filter(kind=note.kind, record_id=note.pk).order_by("pk")[0]
