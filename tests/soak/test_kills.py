"""Programs killed at random while somebody works: every move arrives, none twice. `SOAK_ROUNDS` says how often."""

import os
import random
import time

import pytest

from tests.integration.test_workers import Move
from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for
from tests.visitors import Visitor

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "40"))
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(10**6))))


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Portal:
    return make_portal("--contacts", "60", "--deals", str(80 + 6 * ROUNDS))


def test_programs_killed_at_random_lose_and_double_nothing(running: Portal):
    print(f"\n{ROUNDS} rounds; the same again with SOAK_SEED={SEED}")
    chance = random.Random(SEED)
    visitor = Visitor(running, ADA)
    wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=120)
    began = running.sandbox.state()["log"]["last"]
    moves = 0
    for _ in range(ROUNDS):
        running.sandbox.set(latency_ms=chance.choice([0, 0, 200, 800]))
        for _ in range(chance.choice([1, 1, 2])):
            Move(visitor).send()
            moves += 1
        time.sleep(chance.random() * 1.5)
        running.kill(chance.choice(["worker-push", "worker-push", "worker-pull", "beat"]))
    running.sandbox.set(latency_ms=0)

    def written() -> list[str]:
        return [one["path"] for one in running.sandbox.writes(began)]

    wait_for(lambda: len(written()) >= moves, "every move is in Nimble", timeout=180)
    time.sleep(5)
    paths = written()
    assert len(paths) == len(set(paths)) == moves
