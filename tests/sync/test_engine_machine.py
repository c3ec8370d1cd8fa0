"""The whole engine under everything at once: a state machine over the real database and the sandbox's real HTTP.

People edit here and in Nimble, records are hidden and deleted there, answers are lost, refused and late, tokens die,
workers are killed at named points, leases lapse, messages come twice. After every step and at rest the invariants of
the engine are checked. How a failing seed is replayed: docs/development.md.
"""

import itertools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import connection as database
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contacts import actions as contact_actions
from contacts import mapping as contact_mapping
from contacts.models import Contact, ContactNote
from deals import actions as deal_actions
from deals.models import Deal, Stage
from nimble.models import Breaker, Connection, Pace
from sync import edits, endings, ids, lines, outbox, planner, pull, push, registry, store, undo
from sync.clock import database_now
from sync.models import IN_LINE, NEEDS_PERSON, OVERLAID, Edit, Run, State, Stream
from tests.mirrors import OWNERS, Table, stored
from tests.people import ADA, BJORN, Connect, sign_in_again
from tests.sandboxes import SandboxServer

EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "30"))
LONG_EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "1000"))
CHIARA = "chiara@lantern-pine.test"
SECRET = "only between us"
HERE = st.integers(0, 2)
WHO = st.sampled_from([0, 1])

# What may happen to the next request that matches.
FAULTS: dict[str, dict[str, Any]] = {
    "internal error": {"status": 500, "body": {"code": 107, "message": "internal"}},
    "internal error after it was done": {"status": 500, "body": {"code": 107, "message": "internal"}, "apply": True},
    "cut before": {"cut": "before"},
    "cut after": {"cut": "after"},
    "broken answer": {"truncate": True},
    "login page": {"html": True},
    "slow down": {"status": 429, "headers": {"Retry-After": "1"}, "body": {"message": "slow"}},
    "quota": {"status": 402, "body": {"code": 108, "message": "quota"}},
    "refused": {"status": 409, "body": {"code": 245, "message": "no", "errors": {}}},
    "forbidden": {"status": 403, "body": {"message": "Not yours"}},
    "dead token": {"status": 403, "body": {"message": "Can't authenticate request"}},
}
# Where a worker may be killed: a function, before it begins or after it returned.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "claimed": (lines, "claim", True),
    "leaving": (lines, "going_out", True),
    "answered": (endings, "confirm", False),
    "confirmed": (endings, "confirm", True),
    "stopping": (endings, "finish", False),
    "read": (store, "save_page", False),
    "written": (store, "_save_batch", True),
    "stored": (store, "save_page", True),
}


class Killed(BaseException):
    """SIGKILL, as far as one process can play it: nothing catches it, and open transactions are rolled back."""


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """The first to come by the point dies there."""
    module, name, after = POINTS[point]
    function = getattr(module, name)

    def dies(*arguments: Any, **options: Any) -> Any:
        if after:
            function(*arguments, **options)
        raise Killed

    setattr(module, name, dies)
    try:
        yield
    except Killed:
        pass
    finally:
        setattr(module, name, function)


class Engine(RuleBasedStateMachine):
    """`connections`: Ada's and Bjorn's. What is typed here is unique and counts upwards, so that it can be followed."""

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
        self.typed: dict[str, tuple[int, str]] = {}
        self.accepted: dict[int, str] = {}
        self.resent: set[str] = set()
        self.dropped: set[int] = set()
        self.sent_again: Counter[str] = Counter()
        self.deleted: set[str] = set()
        self.hidden: set[str] = set()
        self.held: list[Edit] = []
        self.reached: dict[int, str] = {}
        self.heard: Counter[str] | None = None
        self.checked: Counter[str] | None = None

    # --- people, here ---

    def type(self, who: int, make: Callable[[Any, str], Any]) -> Any:
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
        return made

    @rule(who=WHO, which=HERE, unseen=st.booleans())
    def type_an_amount(self, who: int, which: int, unseen: bool) -> None:
        """`unseen`: into a form that was opened before anything that waits was typed."""
        deal = Deal.objects.get(pk=self.deals[which])
        begun = registry.resource(deal.kind).values(deal.remote).get("amount")
        self.type(
            who,
            lambda user, value: deal_actions.change(
                author=user, deal=deal, field="amount", value=value, seen=begun, has_seen=unseen
            ),
        )

    @rule(who=WHO, which=HERE)
    def rename_a_deal(self, who: int, which: int) -> None:
        deal = Deal.objects.get(pk=self.deals[which])
        self.type(who, lambda user, value: deal_actions.change(author=user, deal=deal, field="name", value=value))

    @rule(who=WHO, which=HERE, to=st.integers(0, 9))
    def move_a_deal(self, who: int, which: int, to: int) -> None:
        deal = Deal.objects.get(pk=self.deals[which])
        stages = [stage for stage in self.stages if stage.pipeline.nimble_id == deal.pipeline_nimble_id]
        stage = stages[to % len(stages)]
        self.type(who, lambda user, _value: deal_actions.move(author=user, deal=deal, stage=stage))

    @rule(who=WHO, which=HERE)
    def rename_a_contact(self, who: int, which: int) -> None:
        contact = Contact.objects.get(pk=self.contacts[which])

        def rename(user: Any, value: str) -> Any:
            wanted = [{"value": value, "modifier": ""}]
            return contact_actions.change_field(author=user, contact=contact, name="last name", wanted=wanted)

        self.type(who, rename)

    @rule(who=WHO, which=HERE, drop=st.booleans())
    def tag_a_contact(self, who: int, which: int, drop: bool) -> None:
        contact = Contact.objects.get(pk=self.contacts[which])
        kept = contact.tags[1:] if drop else contact.tags
        self.type(
            who, lambda user, value: contact_actions.set_tags(author=user, contact=contact, tags=[*kept, f"t{value}"])
        )

    @rule(who=WHO, which=HERE)
    def write_a_note(self, who: int, which: int) -> None:
        contact = Contact.objects.get(pk=self.contacts[which])
        self.type(
            who, lambda user, value: contact_actions.write_note(author=user, contact=contact, text=f"{SECRET} {value}")
        )

    @rule(who=WHO, which=HERE)
    def write_a_deal_note(self, who: int, which: int) -> None:
        deal = Deal.objects.get(pk=self.deals[which])
        self.type(
            who,
            lambda user, value: deal_actions.write_note(author=user, deal=deal, title="Note", body=f"{SECRET} {value}"),
        )

    @rule(who=WHO, data=st.data())
    def change_or_remove_a_note(self, who: int, data: st.DataObject) -> None:
        notes = [*ContactNote.objects.filter(pk__in=self.records("contact_note"))]
        if not notes:
            return
        note = data.draw(st.sampled_from(notes))
        if data.draw(st.booleans()):
            self.type(
                who, lambda user, value: contact_actions.change_note(author=user, note=note, text=f"{SECRET} {value}")
            )
            return
        create = edit_of(note)
        self.type(who, lambda user, _value: contact_actions.remove_note(author=user, note=note))
        create.refresh_from_db()
        if create.state == State.DISCARDED:
            self.drop(create)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), how=st.sampled_from(["undo", "discard", "retry", "adopt", "ours", "theirs"]))
    def decide(self, data: st.DataObject, how: str) -> None:
        """Somebody decides about one of the edits, where that is offered."""
        edit = Edit.objects.get(pk=data.draw(st.sampled_from(sorted(self.accepted))))
        value = self.accepted[edit.pk]
        if how in ("ours", "theirs"):
            side = {"ours": "new", "theirs": "theirs"}[how]
            choices = {name: change[side] for name, change in edit.fields.items() if "theirs" in change}
            if edits.resolve(edit, choices):
                self.resent.add(value)
                self.drop_if_ended(edit)
        elif how == "retry":
            ambiguous = edit.state == State.AMBIGUOUS
            if edits.retry(edit):
                self.resent.add(value)
                self.sent_again[value] += ambiguous
        elif how == "adopt":
            edits.adopt(edit)
        elif how == "discard":
            if edits.discard(edit):
                self.drop(edit)
        elif edit.operation == Edit.Operation.UPDATE:
            try:
                back = undo.undo(edit, author=edit.author).edit
            except edits.CannotEdit:
                return
            # Whatever was built on it goes with it.
            for other in Edit.objects.filter(pk__in=self.accepted, state=State.UNDONE):
                self.drop(other)
            if back:
                self.resent |= {value, *map(str, (change["new"] for change in back.fields.values()))}
                self.accepted[back.pk] = "undo"

    def drop(self, edit: Edit) -> None:
        self.dropped.add(edit.pk)
        self.dropped |= set(Edit.objects.filter(depends_on=edit, state=State.DISCARDED).values_list("pk", flat=True))

    def drop_if_ended(self, edit: Edit) -> None:
        edit.refresh_from_db()
        if edit.state == State.DISCARDED:
            self.drop(edit)

    # --- Nimble ---

    @rule(which=HERE, field=st.sampled_from(["name", "amount"]))
    def somebody_changes_a_deal_in_nimble(self, which: int, field: str) -> None:
        row = Deal.objects.get(pk=self.deals[which])
        value: Any = next(self.serial)
        self.in_nimble("deal", row, set={field: value if field == "amount" else str(value)})

    @rule(which=HERE, field=st.sampled_from(["last name", "tags"]))
    def somebody_changes_a_contact_in_nimble(self, which: int, field: str) -> None:
        row = Contact.objects.get(pk=self.contacts[which])
        value = str(next(self.serial))
        if field == "tags" and row.nimble_id not in self.deleted:
            tags = self.sandbox.object("contact", row.known_id)["tags"]
            self.in_nimble("contact", row, set={"tags": [*tags[1:], f"n{value}"]})
        elif field != "tags":
            self.in_nimble("contact", row, set={"fields": {field: [{"value": value, "modifier": ""}]}})

    @rule(which=HERE, kind=st.sampled_from(["deal", "contact"]))
    def somebody_deletes_in_nimble(self, which: int, kind: str) -> None:
        row = self.row(kind, which)
        self.in_nimble(kind, row, delete=True)
        self.deleted.add(row.known_id)

    @rule(which=HERE, kind=st.sampled_from(["deal", "contact"]), who=WHO, back=st.booleans())
    def nimble_hides_a_record(self, which: int, kind: str, who: int, back: bool) -> None:
        row = self.row(kind, which)
        self.in_nimble(kind, row, hide_from=[] if back else [self.connections[who].email])
        self.hidden.add(row.known_id)

    def in_nimble(self, kind: str, row: Any, **what: Any) -> None:
        if row.nimble_id not in self.deleted:
            self.sandbox.edit(CHIARA, kind, row.nimble_id, **what)

    @rule(fault=st.sampled_from(sorted(FAULTS)), method=st.sampled_from(["PUT", "POST", "GET", "DELETE", "*"]))
    def the_line_is_bad(self, fault: str, method: str) -> None:
        self.sandbox.fault(method=method, path=r"^/api/v[12]/", times=1, **FAULTS[fault])

    @rule(who=WHO, how=st.sampled_from(["expire", "revoke"]))
    def a_token_dies(self, who: int, how: str) -> None:
        getattr(self.sandbox, how)(self.connections[who].email)

    @rule(who=WHO)
    def somebody_reconnects(self, who: int) -> None:
        sign_in_again(self.connections[who], self.sandbox)

    # --- workers ---

    @rule(times=st.integers(1, 3))
    def the_bell_rings(self, times: int) -> None:
        self.heard = None
        ids.become("push@here")
        for _ in range(times):
            outbox.deliver()

    @rule(point=st.sampled_from(["claimed", "leaving", "answered", "confirmed", "stopping"]), restarted=st.booleans())
    def a_worker_is_killed(self, point: str, restarted: bool) -> None:
        self.heard = None
        holder = ids.become("push@there")
        with killed_at(point):
            outbox.deliver()
        if restarted:
            lines.take_over(holder)
        ids.become("push@here")

    @rule()
    def a_worker_claims_and_stands_still(self) -> None:
        ids.become("push@slow")
        edit = lines.claim()
        ids.become("push@here")
        if edit:
            self.held.append(edit)

    @precondition(lambda self: self.held)
    @rule()
    def the_slow_worker_goes_on(self) -> None:
        self.heard = None
        push.push(self.held.pop(0))

    @rule()
    def time_goes_by(self) -> None:
        """Leases lapse, what waits is due, pauses are over, and what was under way has had its effect or none."""
        past, minute = database_now() - timedelta(seconds=1), timedelta(minutes=1)
        Edit.objects.filter(state=State.SENDING).update(lease_until=past)
        Edit.objects.filter(state__in=[State.RETRYING, State.PENDING]).update(
            not_before=None, sent_at=F("sent_at") - minute
        )
        Pace.objects.update(version=F("version") + 1, slots=[], held_until=None, budget={})
        Breaker.objects.update(version=F("version") + 1, state={})

    @rule(who=WHO)
    def a_pull(self, who: int) -> None:
        connection = Connection.objects.select_related("workspace").get(pk=self.connections[who].pk)
        if connection.is_usable:
            pull.sync_now(connection)
            pull.pull(connection)

    @rule(who=WHO, point=st.sampled_from(["read", "written", "stored"]))
    def a_pull_is_killed(self, who: int, point: str) -> None:
        with killed_at(point):
            self.a_pull(who)

    # --- what holds after every step ---

    @invariant()
    def every_accepted_edit_is_somewhere(self) -> None:
        if not getattr(self, "accepted", None):
            return
        told = self.told()
        for edit in Edit.objects.filter(pk__in=self.accepted):
            value = self.accepted[edit.pk]
            if edit.state in (State.DISCARDED, State.UNDONE):
                assert edit.pk in self.dropped, f"{edit} ended, and nobody asked for it"
            elif edit.state == State.SUPERSEDED:
                later = Edit.objects.filter(kind=edit.kind, record_id=edit.record_id, pk__gt=edit.pk)
                covered = any(edit.fields.keys() <= other.fields.keys() for other in later)
                assert covered or edit.fields.keys() <= {"stage", "pipeline", "tags"}, f"{edit} was replaced by nothing"
            elif edit.state == State.CONFIRMED and edit.fields.keys() & {"name", "amount", "field:last name", "note"}:
                assert told.get(value) or value == "undo" or value in self.sent_again, f"{edit} never reached Nimble"
            else:
                assert edit.state in (*OVERLAID, *NEEDS_PERSON, State.CONFIRMED), f"{edit} is nowhere"

    @invariant()
    def nothing_is_doubled_and_lines_keep_their_order(self) -> None:
        if not getattr(self, "accepted", None) or self.checked is self.told():
            return
        order: dict[str, int] = {}
        for value, count in self.told().items():
            if value in self.resent or value not in self.typed:
                continue
            assert count == 1, f"{value} was sent {count} times"
            number, line = self.typed[value]
            assert number > order.get(line, -1), f"{value} of {line} was sent after a later one"
            order[line] = number
        for kind in ("note", "deal_note"):
            texts = Counter(str(one.get("note") or one.get("body")).strip() for one in self.sandbox.objects(kind))
            for text, count in texts.items():
                if SECRET in text:
                    value = "".join(char for char in text if char.isdigit())
                    assert count <= 1 + self.sent_again[value], f"{count} objects of one create"
        self.checked = self.told()

    @invariant()
    def the_heads_found_are_the_ones_planned(self) -> None:
        now = database_now()
        lines_of: dict[tuple[str, int], list[Edit]] = {}
        for edit in Edit.objects.select_related("connection", "depends_on").order_by("pk"):
            lines_of.setdefault((edit.kind, edit.record_id), []).append(edit)
        planned = [planner.head(line, now) for line in lines_of.values()]
        assert {edit.pk for edit in planned if edit} == set(lines.heads(now).values_list("pk", flat=True))

    @invariant()
    def cursors_only_move_forward(self) -> None:
        for stream in Stream.objects.filter(name="contacts"):
            reached = stream.cursor.get("reached", "")
            assert reached >= getattr(self, "reached", {}).get(stream.pk, "")
            self.reached[stream.pk] = reached
            run = Run.objects.filter(stream=stream, state=Run.State.DONE).order_by("-pk").first()
            assert not run or not reached or reached <= database_now().isoformat()

    @invariant()
    def tombstones_are_confirmed(self) -> None:
        for kind, model in (("deal", Deal), ("contact", Contact)):
            for row in model._default_manager.exclude(gone_at=None):
                known = row.nimble_id in self.deleted or row.nimble_id in self.hidden
                assert known, f"{kind} {row.pk} counts as gone, and is there"

    # --- at rest ---

    def teardown(self) -> None:
        if not hasattr(self, "accepted"):
            return
        self.heard = None
        self.sandbox.clear_faults()
        for held in self.held:
            push.push(held)
        self.held = []
        for who in (0, 1):
            sign_in_again(self.connections[who], self.sandbox)
        for _ in range(40):
            self.time_goes_by()
            if not outbox.deliver():
                break
        waiting = Edit.objects.filter(pk__in=self.accepted, state__in=IN_LINE).exclude(state__in=NEEDS_PERSON)
        stuck = [edit for edit in waiting if not self.waits_for_a_person(edit)]
        assert not stuck, f"at rest, and still waiting: {stuck}"
        self.heard = None
        self.every_accepted_edit_is_somewhere()
        self.nothing_is_doubled_and_lines_keep_their_order()
        for connection in Connection.objects.select_related("workspace"):
            pull.sync_now(connection)
            runs = pull.pull(connection)
            assert {run.state for run in runs or []} == {"done"}, [(run.stream.name, run.error) for run in runs or []]
        for pk in self.deals:
            self.is_as_in_nimble(Deal.objects.get(pk=pk))
        for pk in self.contacts:
            self.is_as_in_nimble(Contact.objects.get(pk=pk))
        self.tombstones_are_confirmed()
        self.no_secret_is_in_the_log()

    def waits_for_a_person(self, edit: Edit) -> bool:
        """Behind something in its line that needs a person, or for one that it depends on."""
        before = Edit.objects.filter(kind=edit.kind, record_id=edit.record_id, pk__lt=edit.pk, state__in=NEEDS_PERSON)
        return before.exists() or (edit.depends_on is not None and edit.depends_on.state != State.CONFIRMED)

    def is_as_in_nimble(self, row: Any) -> None:
        if row.nimble_id in self.deleted or row.nimble_id in self.hidden:
            return
        there = self.sandbox.object(row.kind, row.nimble_id)
        resource = registry.resource(row.kind)
        values = resource.values(row.remote)
        opened = Edit.objects.filter(kind=row.kind, record_id=row.pk, state__in=OVERLAID).exists()
        if row.kind == "deal":
            now = (there["values"]["name"], number(there["values"].get("amount")), there["stage_id"])
            kept = (values["name"], number(values["amount"]), values["stage"])
            shown = (row.name, number(row.amount), row.stage_nimble_id)
        else:
            now = (there["fields"]["last name"][0]["value"], there["tags"])
            kept = (contact_mapping.first(values, "last name"), values["tags"])
            shown = (row.last_name, row.tags)
        assert kept == now, f"{row.kind} {row.pk}: kept {kept}, in Nimble {now}"
        assert opened or shown == now, f"{row.kind} {row.pk}: shown {shown}, in Nimble {now}"

    def no_secret_is_in_the_log(self) -> None:
        tokens = [token for connection in self.connections for token in tokens_of(connection)]
        for line in self.logged:
            assert SECRET not in line, "a note's text is in the log"
            assert not any(token in line for token in tokens), "a token is in the log"

    # --- helpers ---

    def row(self, kind: str, which: int) -> Any:
        return (Deal if kind == "deal" else Contact)._default_manager.get(
            pk=(self.deals if kind == "deal" else self.contacts)[which]
        )

    def records(self, kind: str) -> list[int]:
        made = Edit.objects.filter(pk__in=self.accepted, kind=kind, operation=Edit.Operation.CREATE)
        return sorted(made.values_list("record_id", flat=True))

    def told(self) -> "Counter[str]":
        """How often Nimble was told each typed value, in the order of the first time; read once a step of a worker."""
        if self.heard is None:
            self.heard = self._told()
        return self.heard

    def _told(self) -> "Counter[str]":
        found: Counter[str] = Counter()
        for one in self.sandbox.writes():
            body = one["body"] or {}
            for name in ("name", "amount"):
                found.update(str(item["value"]) for item in body.get("fields_values", {}).get(name, []))
            if "/contact/" in one["path"]:
                found.update(str(item["value"]) for item in body.get("fields", {}).get("last name", []))
            if SECRET in str(body.get("note", "")):
                found.update(["".join(char for char in body["note"] if char.isdigit())])
        return found


def number(value: Any) -> float | None:
    return None if value is None else float(value)


def editable(row: Any) -> bool:
    return (row.remote.get("privacy") or {}).get("edit") is None and not row.is_private and bool(row.name)


def edit_of(note: Any) -> Edit:
    return Edit.objects.filter(kind=note.kind, record_id=note.pk).order_by("pk")[0]


def tokens_of(connection: Connection) -> list[str]:
    return [
        part
        for token in connection.account.socialtoken_set.all()  # type: ignore[union-attr]
        for part in (token.token, token.token_secret)
    ]


def put_back(tables: list[Table]) -> None:
    """The database as it was after the first pull, all but who is connected."""
    models = {table.model for table in tables} | set(stored())
    with transaction.atomic(), database.constraint_checks_disabled(), database.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {database.ops.quote_name(model._meta.db_table)}")
        for table in tables:
            table.put_back({})
    Connection.objects.update(state=Connection.State.ACTIVE, state_reason="", lease_token="", lease_until=None)


class Listening(logging.Handler):
    """Keeps every line that the product logs."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(scope="module")
def small_world() -> Iterator[SandboxServer]:
    server = SandboxServer(contacts=12, deals=12)
    yield server
    server.close()


@pytest.fixture
def sandbox(small_world: SandboxServer) -> SandboxServer:
    """In place of the large one: it is reset for every example."""
    small_world.reset()
    return small_world


@pytest.fixture
def engine(transactional_db: None, connect: Connect, nimble: SandboxServer) -> Iterator[type[Engine]]:
    """The machine over a mirror that two people have pulled, listening to all that is logged."""
    connections = [connect(ADA), connect(BJORN)]
    for connection in connections:
        runs = pull.pull(connection)
        assert {run.state for run in runs or []} == {"done"}
    logged: list[str] = []
    world = {
        "sandbox": nimble,
        "connections": connections,
        "tables": [Table.of(model) for model in stored() if model not in OWNERS],
        "logged": logged,
    }
    listening = Listening(logged)
    logging.getLogger().addHandler(listening)
    yield type("Engine", (Engine,), world)
    logging.getLogger().removeHandler(listening)


def run(machine: type[Engine], *, examples: int, steps: int) -> None:
    health = list(HealthCheck)
    how = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True, suppress_health_check=health
    )
    run_state_machine_as_test(machine, settings=how)


@pytest.mark.broken_answers
def test_engine_under_everything_at_once(engine: type[Engine]):
    run(engine, examples=EXAMPLES, steps=20)


@pytest.mark.soak
@pytest.mark.broken_answers
def test_engine_under_everything_at_once_for_long(engine: type[Engine]):
    run(engine, examples=LONG_EXAMPLES, steps=50)
