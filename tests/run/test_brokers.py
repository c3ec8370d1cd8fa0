"""The broker is killed and comes back, empty: edits wait for nothing but the bell, and everybody hears it again."""

import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests import servers
from tests.integration.test_workers import Move
from tests.people import ADA
from tests.processes import Portal, wait_for
from tests.visitors import Visitor

# A restart as such is in every run of the checks (`tests/faults`); this looks at every broker and at health, too.
pytestmark = [pytest.mark.integration, pytest.mark.soak]


@pytest.fixture(params=[servers.new_redis, servers.new_rabbitmq], ids=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[servers.Server]:
    make: Callable[[], servers.Server] = request.param
    server = servers.needed(make)
    yield server
    server.remove()


def is_ready(portal: Portal) -> bool:
    return requests.get(f"{portal.url}/readyz", timeout=10).status_code == 200


def test_restarted_broker_costs_no_edit_and_health_is_green_again(broker: servers.Server, tmp_path):
    with Portal(tmp_path, "--contacts", "20", "--deals", "40", environment={"CELERY_BROKER_URL": broker.url}) as portal:
        visitor = Visitor(portal, ADA)
        wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=90)
        Move(visitor).send().arrives()

        assert broker.process
        broker.process.kill()
        broker.process.wait()
        began = time.monotonic()
        move = Move(visitor).send()
        assert time.monotonic() - began < 5, "no page waits for the broker"
        broker.start()
        move.arrives(timeout=90)
        Move(visitor).send().arrives(timeout=60)
        wait_for(lambda: is_ready(portal), "everybody hears the bell again", timeout=120)
