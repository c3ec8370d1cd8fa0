"""The planner's decisions under everything at once, in memory: a thousand examples in the time of a few real ones.

One record, which is created here or was there, two people who edit it and somebody in Nimble, workers that die, answers
that are lost or say no. Nothing is decided here: `planner`, `merge` and `failures` do that. The engine that writes
their decisions down is put through the same in `test_engine_machine.py`.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
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

from nimble import errors
from nimble.models import Connection
from sync import failures, merge, planner
from sync.models import IN_LINE, NEEDS_PERSON, OVERLAID, Edit, State

EXAMPLES = 1000
LONG_EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "1000"))
LEASE = timedelta(seconds=60)
FIELDS = st.sampled_from(["name", "amount"])
WHO = st.integers(0, 1)
Operation = Edit.Operation

# What a request comes to: whether Nimble does it, and the error that is met instead of its answer.
OUTCOMES: dict[str, tuple[bool, Callable[[], Exception] | None]] = {
    "done": (True, None),
    "answer lost": (True, errors.NoAnswer),
    "never arrived": (False, errors.NoAnswer),
    "no connection": (False, errors.Unreachable),
    "internal error": (False, errors.ServerError),
    "internal error after it was done": (True, errors.ServerError),
    "slow down": (False, errors.RateLimited),
    "refused": (False, errors.Invalid),
    "quota": (False, errors.PaymentRequired),
    "grant gone": (False, errors.NeedsReconnect),
    "gone": (False, errors.NotFound),
    "our own mistake": (False, lambda: ValueError("ours")),
}


class Line(RuleBasedStateMachine):
    """`edits`: the record's. `there`: what Nimble has, None where it has no such record. `told`: what it has done."""

    @initialize(is_there=st.booleans())
    def begin(self, is_there: bool) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.people = [Connection(pk=number, state=Connection.State.ACTIVE) for number in (1, 2)]
        self.edits: list[Edit] = []
        self.there: dict[str, Any] | None = {"name": "first", "amount": "1"} if is_there else None
        self.remote = dict(self.there or {})
        self.told: list[int] = []
        self.objects = int(is_there)
        self.resent: set[int] = set()
        self.dropped: set[int] = set()
        self.claimed: list[tuple[Edit, str]] = []
        self.typed = 0
        if not is_there:
            self.add(0, Operation.CREATE, {name: {"base": None, "new": self.value()} for name in ("name", "amount")})

    # --- people ---

    def value(self) -> str:
        self.typed += 1
        return f"typed {self.typed}"

    def add(self, who: int, operation: str, fields: dict[str, Any]) -> None:
        number = len(self.edits) + 1
        edit = Edit(pk=number, operation=operation, fields=fields, created_at=self.now, connection=self.people[who])
        self.edits.append(edit)

    @rule(who=WHO, fields=st.sets(FIELDS, min_size=1))
    def somebody_types(self, who: int, fields: set[str]) -> None:
        create = self.edits[0] if self.edits and self.edits[0].operation == Operation.CREATE else None
        if create and create.state not in (*OVERLAID, State.CONFIRMED):
            return
        shown = dict(self.remote)
        for edit in self.edits:
            if edit.state in OVERLAID:
                shown |= {name: change["new"] for name, change in edit.fields.items()}
        new = {name: {"base": shown.get(name), "new": self.value()} for name in sorted(fields)}
        for older in planner.covered(self.edits, new):
            older.state = State.SUPERSEDED
            new = planner.with_base_of(new, older)
        self.add(who, Operation.UPDATE, new)

    @precondition(lambda self: self.edits)
    @rule(data=st.data(), how=st.sampled_from(["retry", "resolve", "discard"]))
    def somebody_decides(self, data: st.DataObject, how: str) -> None:
        edit = data.draw(st.sampled_from(self.edits))
        if how == "resolve" and edit.state == State.CONFLICT and self.there is not None:
            edit.fields = {
                name: {"base": change.get("theirs", change["base"]), "new": change["new"]}
                for name, change in edit.fields.items()
            }
        elif how == "retry" and edit.state in (State.FAILED, State.REJECTED, State.BLOCKED, State.RETRYING):
            edit.error = {"ambiguous": True} if edit.error.get("ambiguous") else {}
        elif how == "discard" and edit.state in (*NEEDS_PERSON, *IN_LINE) and edit.state != State.SENDING:
            edit.state = State.DISCARDED
            self.dropped.add(edit.pk)
            return
        else:
            return
        edit.state, edit.attempts, edit.not_before = State.PENDING, 0, None
        self.resent.add(edit.pk)

    @rule(who=WHO)
    def a_grant_dies_or_comes_back(self, who: int) -> None:
        alive = self.people[who].state == Connection.State.ACTIVE
        self.people[who].state = Connection.State.RECONNECT if alive else Connection.State.ACTIVE
        self.unblock()

    def unblock(self) -> None:
        for edit in self.edits:
            if edit.state == State.BLOCKED and edit.error["reason"] == "reconnect" and planner.is_alive(edit):
                edit.state, edit.not_before = State.PENDING, None
                edit.error = {"ambiguous": True} if edit.error["ambiguous"] else {}

    # --- Nimble ---

    @precondition(lambda self: self.there is not None)
    @rule(field=FIELDS)
    def somebody_changes_it_in_nimble(self, field: str) -> None:
        self.there = {**(self.there or {}), field: f"theirs {self.value()}"}

    @precondition(lambda self: self.there is not None)
    @rule()
    def a_pull_reads_it(self) -> None:
        self.remote = dict(self.there or {})

    # --- workers ---

    @rule()
    def a_worker_claims(self) -> None:
        edit = planner.head(self.edits, self.now)
        if edit is None:
            return
        if edit.state == State.SENDING and edit.sent_at:
            edit.error = {**edit.error, "ambiguous": True}
        edit.state, edit.lease_until, edit.attempts = State.SENDING, self.now + LEASE, edit.attempts + 1
        edit.lease_token = f"{edit.pk}-{edit.attempts}-{len(self.claimed)}-{self.now:%H%M%S}"
        self.claimed.append((edit, edit.lease_token))

    @precondition(lambda self: self.claimed)
    @rule(which=st.integers(0, 3), outcome=st.sampled_from(sorted(OUTCOMES)))
    def a_worker_sends(self, which: int, outcome: str) -> None:
        """It may have stood still for so long that somebody else has taken the edit over."""
        edit, token = self.claimed.pop(which % len(self.claimed))
        if not self.is_mine(edit, token):
            return
        reached, failure = OUTCOMES[outcome]
        try:
            self.send(edit, reached, failure)
        except merge.Conflict:
            self.stop(edit, State.CONFLICT, {"reason": "conflict"})
        except Exception as error:
            verdict = failures.judge(edit, error, self.now - edit.created_at)
            if verdict.state == State.RETRYING:
                edit.not_before = self.now + timedelta(seconds=verdict.wait)
            self.stop(edit, verdict.state, verdict.error)
            if verdict.state == State.REJECTED:
                for later in self.edits[edit.pk :]:
                    if later.operation == Operation.UPDATE and later.state in OVERLAID:
                        later.fields = planner.rebased(edit, later) or later.fields
        else:
            self.stop(edit, State.CONFIRMED, {})
            self.remote = dict(self.there or {})

    @precondition(lambda self: self.claimed)
    @rule(which=st.integers(0, 3), point=st.sampled_from(["claimed", "leaving", "sent"]))
    def a_worker_is_killed(self, which: int, point: str) -> None:
        edit, token = self.claimed.pop(which % len(self.claimed))
        if point == "claimed" or not self.is_mine(edit, token):
            return
        try:
            self.send(edit, point == "sent", RuntimeError)
        except (merge.Conflict, RuntimeError, errors.NotFound):
            return

    @rule(minutes=st.sampled_from([0.5, 2, 20]))
    def time_goes_by(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def is_mine(self, edit: Edit, token: str) -> bool:
        return edit.state == State.SENDING and edit.lease_token == token

    def send(self, edit: Edit, reached: bool, failure: Callable[[], Exception] | None) -> None:
        wanted = {name: change["new"] for name, change in edit.fields.items()}
        if edit.operation == Operation.CREATE and edit.error.get("ambiguous") and self.there is not None:
            # Looked up, and found.
            return
        if edit.operation == Operation.UPDATE:
            if self.there is None:
                raise errors.NotFound
            plan = merge.plan(edit.fields, self.there, {})
            if plan.conflicts:
                edit.fields = {
                    name: {**change, "theirs": plan.conflicts[name]} if name in plan.conflicts else change
                    for name, change in edit.fields.items()
                }
                raise merge.Conflict
            if not plan.send:
                return
            wanted = plan.send
        edit.sent_at, edit.lease_until = self.now, self.now + LEASE
        if reached:
            self.objects += edit.operation == Operation.CREATE
            self.there = {**(self.there or {}), **wanted}
            self.told.append(edit.pk)
        if failure:
            raise failure()

    def stop(self, edit: Edit, state: str, error: dict[str, Any]) -> None:
        edit.state, edit.error, edit.lease_token, edit.lease_until = state, error, "", None

    # --- what always holds ---

    @invariant()
    def one_create_makes_at_most_one_object(self) -> None:
        assert getattr(self, "objects", 0) <= 1

    @invariant()
    def one_edit_at_a_time_is_sent(self) -> None:
        edits = getattr(self, "edits", [])
        live = [edit for edit in edits if edit.state == State.SENDING and not planner.lapsed(edit, self.now)]
        assert len(live) <= 1, live

    @invariant()
    def one_persons_edits_keep_their_order(self) -> None:
        for person in getattr(self, "people", []):
            mine = [pk for pk in self.told if self.edits[pk - 1].connection is person and pk not in self.resent]
            assert mine == sorted(set(mine)), f"told in the order {mine}"

    @invariant()
    def every_edit_is_somewhere(self) -> None:
        for edit in getattr(self, "edits", []):
            if edit.state == State.CONFIRMED:
                assert edit.pk in self.told, f"{edit.pk} counts as done, and Nimble was never told"
            elif edit.state == State.SUPERSEDED:
                later = self.edits[edit.pk :]
                assert any(edit.fields.keys() <= other.fields.keys() for other in later), f"{edit.pk} is lost"
            elif edit.state == State.DISCARDED:
                assert edit.pk in self.dropped
            else:
                assert edit.state in OVERLAID or edit.state in NEEDS_PERSON, f"{edit.pk} is {edit.state}"

    def teardown(self) -> None:
        """At rest everything that can be sent has been, and Nimble has the last of what was confirmed."""
        if not hasattr(self, "edits"):
            return
        for person in self.people:
            person.state = Connection.State.ACTIVE
        self.unblock()
        self.claimed.clear()
        for _ in range(3 * len(self.edits)):
            self.now += timedelta(hours=1)
            self.a_worker_claims()
            if self.claimed:
                self.a_worker_sends(0, "done")
        waiting = [edit for edit in self.edits if edit.state in IN_LINE and edit.state not in NEEDS_PERSON]
        behind = [edit for edit in waiting if any(one.state in NEEDS_PERSON for one in self.edits[: edit.pk - 1])]
        assert waiting == behind, f"at rest, and still waiting: {[(edit.pk, edit.state) for edit in waiting]}"
        self.every_edit_is_somewhere()
        self.one_persons_edits_keep_their_order()


def run(*, examples: int, steps: int) -> None:
    health = list(HealthCheck)
    how = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True, suppress_health_check=health
    )
    run_state_machine_as_test(Line, settings=how)


def test_planner_under_everything_at_once():
    run(examples=EXAMPLES, steps=30)


@pytest.mark.soak
def test_planner_under_everything_at_once_for_long():
    run(examples=20 * LONG_EXAMPLES, steps=60)
