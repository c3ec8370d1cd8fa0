"""What keeping to the pace costs each request, as a ratio within one run."""

import time
from collections.abc import Callable
from statistics import median

import pytest

from nimble import tokens, transport
from nimble.client import Client
from nimble.models import Connection
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 300


def milliseconds(once: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        once()
        taken.append(time.perf_counter() - started)
        # Below the rate, so that nothing has to wait for its turn.
        time.sleep(max(0.0, 0.025 - taken[-1]))
    return median(taken) * 1000


def test_pace_of_a_request(ada: Connection, nimble: SandboxServer, capsys):
    def bare() -> None:
        token = tokens.access_token(ada)
        transport.send("GET", "/api/v1/myself", operation="get-myself", token=token)

    floor = milliseconds(bare)
    with Client(ada) as client:
        kept = milliseconds(client.myself)
    single = milliseconds(Client(ada).myself)
    with capsys.disabled():
        print(
            f"\na request with its token: {floor:.1f} ms; at the pace, with a slot that is kept: {kept / floor:.2f} × "
            f"({kept:.1f} ms), with one of its own: {single / floor:.2f} × ({single:.1f} ms)"
        )
