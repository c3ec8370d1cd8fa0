"""Edits and real processes: what is saved here arrives in Nimble once, whatever stops, dies or expires meanwhile."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for
from tests.visitors import Visitor


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("--contacts", "40", "--deals", "40")
    yield portal
    assert portal.check_exchanges() > 20


@pytest.fixture(scope="module")
def visitor(running: Portal) -> Visitor:
    """Ada, whose mirror is filled by the workers."""
    someone = Visitor(running, ADA)
    wait_for(lambda: len(someone.cards()) > 10, "the workers fill the board", timeout=60)
    return someone


class Move:
    """One card, moved to another stage as a form without JavaScript does it."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.portal = visitor.portal
        self.since = self.portal.sandbox.state()["log"]["last"]
        cards = [card for card in visitor.cards() if card["editable"] and card["moved"] is False]
        self.card = cards[0]
        page = visitor.get(f"/deals/{self.card['deal']}/move/")
        stages = re.findall(r'name="stage"[^>]*value="([^"]+)"', page)
        checked = re.findall(r'name="stage"[^>]*value="([^"]+)"[^>]*checked', page)
        self.stage = next(stage for stage in stages if stage not in checked)
        visitor.moved.add(self.card["deal"])

    def send(self) -> "Move":
        answer = self.visitor.post(f"/deals/{self.card['deal']}/move/", {"stage": self.stage})
        assert answer.status_code == 200, answer.text[:500]
        return self

    def writes(self) -> list[dict[str, Any]]:
        """What Nimble was told, and did, since."""
        return [one for one in self.portal.sandbox.writes(self.since) if one["path"].startswith("/api/v2/deals/")]

    def arrives(self, timeout: float = 20) -> None:
        wait_for(lambda: len(self.writes()) == 1, "the move is in Nimble, once", timeout=timeout)
        one = self.writes()[0]
        assert one["method"] == "PUT"
        assert one["user_id"] == self.portal.sandbox.users[ADA]["user_id"]


def test_move_arrives_within_seconds(visitor: Visitor):
    Move(visitor).send().arrives(timeout=10)


def test_move_with_the_worker_stopped_arrives_once_when_it_starts(visitor: Visitor, running: Portal):
    running.stop("worker")
    move = Move(visitor).send()
    assert move.writes() == []
    running.start("worker")
    move.arrives()


def test_worker_killed_while_it_sends_comes_back_and_goes_on(visitor: Visitor, running: Portal):
    move = Move(visitor)
    running.sandbox.set(latency_ms=1500)
    move.send()
    path = "/api/v2/deals/"
    wait_for(
        lambda: any(one["path"].startswith(path) for one in running.sandbox.log(move.since)) or None,
        "the worker has begun",
        timeout=20,
    )
    running.kill("worker-push")
    running.sandbox.set(latency_ms=0)
    move.arrives(timeout=60)


def test_expired_token_is_noticed_by_nobody(visitor: Visitor, running: Portal):
    running.sandbox.expire(ADA)
    Move(visitor).send().arrives()


def test_nimble_down_keeps_the_edit_and_sends_it_afterwards(visitor: Visitor, running: Portal):
    running.stop("sandbox")
    cards = visitor.cards()
    assert cards, "the board is shown without Nimble"
    running.start("sandbox")
    wait_for(lambda: running.sandbox.state(), "the sandbox is back")
    move = Move(visitor)
    running.stop("sandbox")
    move.send()
    running.start("sandbox")
    wait_for(lambda: running.sandbox.state(), "the sandbox is back")
    move.since = 0
    move.arrives(timeout=60)


def test_broken_broker_costs_no_edit(visitor: Visitor, running: Portal):
    queue = running.var / "broker" / "queue"
    aside = queue.rename(queue.with_name("aside"))
    queue.write_text("not a folder")
    move = Move(visitor).send()
    queue.unlink()
    aside.rename(queue)
    move.arrives(timeout=60)
