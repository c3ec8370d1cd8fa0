"""Web, workers and beat killed at random while a team works: nothing is lost, nothing doubled, all in order.

    ./run soak tests/soak/test_kills.py -s
    SOAK_ROUNDS=50 SOAK_SEED=7 SOAK_DATABASE=postgresql SOAK_BROKER=redis ./run soak tests/soak/test_kills.py -s

`SOAK_ROUNDS` (200) says how often something is killed; `SOAK_SEED` repeats what was killed and typed, not its timing.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
import requests

from tests import servers
from tests.people import ADA, BJORN
from tests.processes import MakePortal, Portal, wait_for
from tests.soak.team import Typed, assemble
from tests.visitors import Visitor

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200"))
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(10**6))))
PEOPLE = (ADA, BJORN, "chiara@lantern-pine.test", "dmytro@lantern-pine.test")
PROGRAMS = ("web", "worker-push", "worker-push", "worker-pull", "beat")
DATABASES: dict[str, Callable[[], str]] = {"sqlite": lambda: "", "postgresql": servers.new_database}
BROKERS: dict[str, Callable[[], str]] = {
    "filesystem": lambda: "",
    "redis": lambda: servers.redis().url,
    "rabbitmq": lambda: servers.new_rabbitmq().url,
}
LEFT = """
from sync.models import IN_LINE, NEEDS_PERSON, Edit
left = Edit.objects.filter(state__in=IN_LINE)
needing = Edit.objects.filter(state__in=NEEDS_PERSON)
print(left.count(), *{f"{one.kind}:{one.state}:{one.error.get('reason')}" for one in left | needing})
"""
STORY = """
from sync.models import IN_LINE, NEEDS_PERSON, Attempt, Change, Edit
for left in Edit.objects.filter(state__in=[*IN_LINE, *NEEDS_PERSON]):
    for one in Edit.objects.filter(kind=left.kind, record_id=left.record_id).order_by("id"):
        print(one.pk, one.state, one.fields, one.error, one.created_at, one.sent_at, one.confirmed_at, one.request_id)
        for tried in Attempt.objects.filter(edit=one).order_by("id"):
            print("    ", tried.began_at, tried.ended_at, tried.outcome, tried.reason, tried.operation, tried.status)
    for seen in Change.objects.filter(kind=left.kind, record_id=left.record_id, field__in=list(left.fields)):
        print("  seen", seen.at, seen.field, seen.before, seen.after)
"""
ATTEMPTS = """
from django.db.models import Sum
from sync.models import Edit
print(Edit.objects.count(), Edit.objects.aggregate(n=Sum("attempts"))["n"])
"""


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Portal:
    database = servers.needed(DATABASES[os.environ.get("SOAK_DATABASE", "sqlite")])
    broker = servers.needed(BROKERS[os.environ.get("SOAK_BROKER", "filesystem")])
    chosen = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
    environment = {name: value for name, value in chosen.items() if value}
    # What is said is checked elsewhere; here the record of it would only grow.
    return make_portal("--contacts", "120", "--deals", "120", environment={**environment, "SANDBOX_RECORD": ""})


def test_programs_killed_at_random_lose_and_double_nothing(running: Portal):
    print(f"\n{ROUNDS} kills; the same again with SOAK_SEED={SEED}")
    chance = random.Random(SEED)
    visitors = {PEOPLE[0]: Visitor(running, PEOPLE[0])}
    running.claim = ""
    visitors |= {email: Visitor(running, email) for email in PEOPLE[1:]}
    for visitor in visitors.values():
        wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=300)  # noqa: B023
    wait_for(lambda: running.shell(LEFT).startswith("0"), "all is calm", timeout=60)
    people = assemble(running, visitors, SEED)
    began = running.sandbox.state()["log"]["last"]

    started, killed = time.monotonic(), Counter[str]()
    enough = threading.Event()
    threads = [threading.Thread(target=person.work, args=[enough], daemon=True) for person in people]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            running.sandbox.set(latency_ms=chance.choice([0, 0, 50, 200, 800]))
            time.sleep(chance.uniform(0.5, 2.5))
            program = chance.choice(PROGRAMS)
            running.kill(program)
            killed[program] += 1
            wait_for(lambda: answers(running), "the pages are back", timeout=60)
    finally:
        enough.set()
        for thread in threads:
            thread.join(60)
    worked = time.monotonic() - started
    running.sandbox.set(latency_ms=0)
    wait_for(lambda: running.shell(LEFT).startswith("0"), "every edit has ended", timeout=600, every=3)
    settled = time.monotonic() - started - worked

    left = running.shell(LEFT)
    assert left == "0", f"nobody is needed, but {left}:\n{story(running, began)}"
    typed = [each for person in people for each in person.typed]
    told = Told(running, began)
    check(typed, told)
    edits, attempts = running.shell(ATTEMPTS).split()
    seen = sum((Counter(person.answers) for person in people), Counter[int]())
    print(
        f"{killed.total()} kills in {worked:.0f} s ({', '.join(f'{name} {n}' for name, n in sorted(killed.items()))}), "
        f"calm {settled:.0f} s later. {len(typed)} forms by {len(people)} people, answered {dict(seen)} (0: not). "
        f"{edits} edits, {attempts} attempts, {told.count} writes. Nothing lost, nothing doubled, all in order."
    )


def story(running: Portal, since: int) -> str:
    """What became of the records that need somebody, and what Nimble was told of contacts meanwhile."""
    return running.shell(STORY) + "\n" + "\n".join(str(one)[:600] for one in running.sandbox.writes(since))


def answers(running: Portal) -> bool:
    try:
        return requests.get(f"{running.url}/healthz", timeout=5).ok
    except requests.exceptions.RequestException:
        return False


class Told:
    """What Nimble was told and did, by record and by what it was, in its order."""

    def __init__(self, running: Portal, since: int) -> None:
        self.values: dict[tuple[str, str], list[str]] = {}
        self.running = running
        self.count = 0
        for one in running.sandbox.writes(since):
            self.count += 1
            record = one["path"].partition("?")[0].split("/")[4]
            for what, value in self._said(one["path"], one["body"]):
                self.values.setdefault((what, record), []).append(value)

    def _said(self, path: str, body: dict) -> list[tuple[str, str]]:
        if path.startswith("/api/v2/deals/"):
            amount = body.get("fields_values", {}).get("amount")
            return [
                *([("move", body["stage_id"])] if "stage_id" in body else []),
                *([("amount", amount[0]["value"])] if amount else []),
            ]
        if path.startswith("/api/v1/contact/"):
            return [("rename", body["fields"]["last name"][0]["value"])]
        return []


def check(typed: list[Typed], told: Told) -> None:
    lines: dict[tuple[str, str], list[Typed]] = {}
    for each in typed:
        lines.setdefault((each.what, each.record), []).append(each)
    sandbox = told.running.sandbox
    notes = Counter(note["note"] for note in sandbox.objects("note"))
    for (what, record), line in lines.items():
        where = f"{what} of {record}"
        if what == "note":
            for each in line:
                count = notes[f"<p>{each.value}</p>\n"]
                assert count == 1 if each.accepted else count <= 1, f"{where}: {count} × {each.value}"
            continue
        if what == "tag":
            there = set(sandbox.object("contact", record)["tags"])
            assert {each.value for each in line if each.accepted} <= there, where
            continue
        values = told.values.get((what, record), [])
        assert in_order(values, [each.value for each in line]), f"{where}: {values} of {line}"
        assert all(one != other for one, other in pairwise(values)), f"{where}: twice in {values}"
        # What may stand there in the end: the last that was accepted, or one after it of which nobody knows.
        last = max((at for at, each in enumerate(line) if each.accepted), default=None)
        if last is not None:
            assert stands(sandbox, what, record) in {each.value for each in line[last:]}, f"{where}: {line[last:]}"


def in_order(values: list[str], typed: list[str]) -> bool:
    """Whether the values are some of what was typed, in the same order."""
    rest = iter(typed)
    return all(value in rest for value in values)


def stands(sandbox, what: str, record: str) -> str:
    if what == "rename":
        return sandbox.object("contact", record)["fields"]["last name"][0]["value"]
    deal = sandbox.object("deal", record)
    return deal["stage_id"] if what == "move" else str(int(deal["amount"]))
