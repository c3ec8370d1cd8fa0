"""The portal in a thread of the tests' own process: what it was asked is answered before the next test begins."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import LiveServerThread

from sync import bell, interest

PATIENCE = 15


class Portal(ThreadedWSGIServer):
    """The portal in a thread of the tests' process, as `live_server` starts it; knows how many connections it has."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connected = 0
        self.changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.changed:
            self.connected += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.changed:
                self.connected -= 1
                self.changed.notify_all()

    def left(self) -> bool:
        """Waits until everyone is gone, and what they asked for is answered to the end."""
        with self.changed:
            return self.changed.wait_for(lambda: self.connected == 0, PATIENCE)


LiveServerThread.server_class = Portal


@pytest.fixture
def answered(request: pytest.FixtureRequest) -> Iterator[None]:
    """After the test, what its pages asked for is answered before the database is emptied under it: a page that is
    closed leaves its last request behind, a poll or a move that nobody waited for.
    """
    yield
    if "live_server" in request.fixturenames:
        assert request.getfixturevalue("live_server").thread.httpd.left(), "Someone still asks the portal."
        done_in_threads()


def done_in_threads() -> None:
    """What a request left to a thread is done."""
    for thread in (interest._thread, bell._thread):
        with contextlib.suppress(TimeoutError):
            thread.submit(lambda: None).result(timeout=10)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """What a request left to a thread is done before the test's database is emptied under it."""
    done_in_threads()
