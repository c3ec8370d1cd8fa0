"""The doorbell breaks, is torn off or rings five times: with every broker; on every database by `./run soak`."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
import requests

from tests import servers
from tests.failpoints import points
from tests.integration.test_workers import Move
from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for
from tests.visitors import Visitor

pytestmark = pytest.mark.integration


class Broker(Protocol):
    """What can be stopped and started while everything else runs."""

    url: str

    def stop(self) -> None: ...

    def start(self) -> None: ...


class Folders:
    """The filesystem broker; stopped, its folder is gone. The worker ends then, and makes it anew when it starts."""

    url = "filesystem://"
    queue: Path

    def stop(self) -> None:
        shutil.rmtree(self.queue)

    def start(self) -> None:
        self.queue.mkdir(exist_ok=True)


MAKERS = {"filesystem": Folders, "redis": servers.new_redis, "rabbitmq": servers.new_rabbitmq}
EVERY_DAY = {("filesystem", "sqlite"), ("redis", "sqlite"), ("rabbitmq", "postgresql")}
COMBINATIONS = [
    pytest.param(
        (broker, database),
        id=f"{broker}-{database}",
        marks=[] if (broker, database) in EVERY_DAY else [pytest.mark.soak],
    )
    for broker in MAKERS
    for database in ("sqlite", "postgresql")
]


class Running(NamedTuple):
    portal: Portal
    broker: Broker
    visitor: Visitor
    points: Path


@pytest.fixture(scope="module", params=COMBINATIONS)
def running(request: pytest.FixtureRequest, make_portal: MakePortal, tmp_path_factory) -> Iterator[Running]:
    """A portal on this broker and database, with failpoints in all of its programs."""
    broker_name, database = request.param
    broker = servers.needed(MAKERS[broker_name])
    folder = tmp_path_factory.mktemp("failpoints")
    environment = points.environment(folder)
    if broker_name != "filesystem":
        environment["CELERY_BROKER_URL"] = broker.url
    if database == "postgresql":
        environment["DATABASE_URL"] = servers.needed(servers.new_database)
    portal = make_portal("--contacts", "20", "--deals", "60", environment=environment)
    if isinstance(broker, Folders):
        broker.queue = portal.var / "broker" / "queue"
    visitor = Visitor(portal, ADA)
    wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=90)
    yield Running(portal, broker, visitor, folder)
    portal.end()
    if isinstance(broker, servers.Server):
        broker.remove()


def stage_shown(visitor: Visitor, move: Move) -> bool:
    """Whether the page has the deal where it was moved to."""
    page = visitor.get(f"/deals/{move.card['deal']}/move/")
    return re.findall(r'name="stage"[^>]*value="([^"]+)"[^>]*checked', page) == [move.stage]


def test_web_killed_between_the_commit_and_the_bell_costs_nothing(running: Running):
    move = Move(running.visitor)
    points.arm(running.points, "committed")
    with pytest.raises(requests.ConnectionError):
        move.send()
    assert not points.armed(running.points, "committed")
    move.arrives(timeout=5)
    wait_for(lambda: running.visitor.session.get(f"{running.portal.url}/healthz", timeout=5).ok, "the web is back")


def test_broker_that_is_down_costs_no_edit_and_delays_it_by_seconds(running: Running):
    running.broker.stop()
    try:
        move = Move(running.visitor).send()
        assert stage_shown(running.visitor, move), "the page says that it is saved"
        move.arrives(timeout=30)
    finally:
        running.broker.start()


def test_broker_that_was_restarted_rings_again(running: Running):
    running.broker.stop()
    running.broker.start()
    Move(running.visitor).send().arrives(timeout=30)
    wait_for(lambda: ready(running.portal), "everything is well again", timeout=90)
    Move(running.visitor).send().arrives(timeout=10)


def test_message_that_comes_five_times_is_one_request(running: Running):
    running.portal.stop("worker-push")
    move = Move(running.visitor).send()
    running.portal.sandbox.set(latency_ms=300)
    running.portal.shell("from sync.tasks import ring\nfor _ in range(5): ring.apply_async(expires=60, retry=False)")
    running.portal.start("worker-push")
    move.arrives()
    running.portal.sandbox.set(latency_ms=0)
    Move(running.visitor).send().arrives(timeout=10)
    assert len(move.writes()) == 2, "the five-fold one, and the one after it"


def ready(portal: Portal) -> bool:
    return requests.get(f"{portal.url}/readyz", timeout=10).ok
