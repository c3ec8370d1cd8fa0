"""Named points that somebody comes by: there a worker is killed, or a pull stands still until it is told to go on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from django.db import connections

from contacts import streams as contact_streams
from sync import endings, lines, runs, store, sweep

# A function, and whether it is the point before it begins or the one after it has returned.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "claimed": (lines, "claim", True),
    "leaving": (lines, "going_out", True),
    "answered": (endings, "confirm", False),
    "confirmed": (endings, "confirm", True),
    "stopping": (endings, "finish", False),
    "read": (store, "save_page", False),
    "written": (store, "_save_batch", True),
    "stored": (store, "save_page", True),
    "page in hand": (runs.Pull, "page", False),
    "ids in hand": (contact_streams, "see", False),
    "notes in hand": (contact_streams, "settle_notes", False),
    "listed": (sweep, "settle", False),
    "at its end": (runs, "_finish", False),
}
SENDING = ["claimed", "leaving", "answered", "confirmed", "stopping"]
STORING = ["read", "written", "stored"]
# Outside of every transaction; with the streams that come by.
BETWEEN = [
    ("page in hand", ["deals"]),
    ("page in hand", ["contacts"]),
    ("page in hand", ["notes"]),
    ("ids in hand", ["listing"]),
    ("notes in hand", ["notes"]),
    ("listed", ["deals"]),
    ("listed", ["listing"]),
    ("at its end", ["deals"]),
    ("at its end", ["contacts"]),
    ("at its end", ["listing"]),
]

_mine = threading.local()


class Killed(BaseException):
    """SIGKILL, as far as one process can play it: nothing catches it, and open transactions are rolled back."""


@contextmanager
def watched() -> Iterator[None]:
    """While this lasts, whoever comes by a point is noticed."""
    with ExitStack() as stack:
        for owner, name in {(owner, name) for owner, name, _after in POINTS.values()}:
            stack.enter_context(mock.patch.object(owner, name, _noticing(owner, name)))
        yield


def _noticing(owner: Any, name: str) -> Callable[..., Any]:
    function = getattr(owner, name)

    def noticed(*arguments: Any, **options: Any) -> Any:
        _come_by((owner, name, False), arguments)
        returned = function(*arguments, **options)
        _come_by((owner, name, True), arguments)
        return returned

    return noticed


def _come_by(point: tuple[Any, str, bool], arguments: tuple[Any, ...]) -> None:
    """What this thread is to do at the first point of this name does not happen twice."""
    if getattr(_mine, "point", None) == point:
        _mine.point = None
        _mine.then(*arguments)


def _at(point: str, then: Callable[..., None]) -> None:
    _mine.point, _mine.then = POINTS[point], then


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """The first to come by the point dies there."""

    def die(*_arguments: Any) -> None:
        raise Killed

    _at(point, die)
    try:
        yield
    except Killed:
        pass
    finally:
        _mine.point = None


class Standing:
    """A pull on a thread of its own, which stands still at a point until it may go on, or ends without coming by it."""

    def __init__(self, point: str, task: Callable[[], object]) -> None:
        self._arrived, self._may_go_on = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[point, task])
        self._thread.start()
        self._arrived.wait()

    def _run(self, point: str, task: Callable[[], object]) -> None:
        _at(point, self._stand)
        try:
            task()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()
            self._arrived.set()

    def _stand(self, *arguments: Any) -> None:
        # What it reads ahead has been read by then, every time.
        for pull in arguments:
            if isinstance(pull, runs.Pull):
                wait(pull._ahead._reading)
        self._arrived.set()
        self._may_go_on.wait()

    def go_on(self) -> None:
        """To its end."""
        self._may_go_on.set()
        self._thread.join()
        if self._error:
            raise self._error
