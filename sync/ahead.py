"""Reading pages on a thread of its own while those before them are stored."""

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

from django.db import connection, connections

T = TypeVar("T")

# Pages that are on their way or wait while one is stored: more than one, so that a page that takes long to store does
# not keep the next request from being sent.
PAGES = 2
# Seconds after which a thread that computes lets another one have its turn. A reader needs but a moment, many times for
# each answer: with Python's own 5 ms it would still be sending its request when the page before has been stored.
TURN_SECONDS = 0.0001


def _prepare() -> None:
    """Once a process. What it has loaded so far stays: the collector of garbage need not walk all of it again and
    again, a tenth of a second each time, because pages come and go.
    """
    sys.setswitchinterval(TURN_SECONDS)
    if not gc.get_freeze_count():
        gc.freeze()


class Ahead:
    """One reading thread, begun with the second page; what it opened is closed when the `with` ends.

    A read that is under way then goes on to its end, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._reading: deque[Future[Any]] = deque()

    def of(self, pages: Iterator[T]) -> Iterator[T]:
        """The same pages, those that follow being read while the caller stores one. What a read raises comes in its
        place, after the pages before it.

        The thread has a database connection of its own, kept from one read to the next. Who calls this in a transaction
        reads by themselves: that connection would not see what they wrote, and might wait for it.
        """
        if connection.in_atomic_block:
            yield from pages
            return
        if (page := next(pages, None)) is None:
            return
        for _ in range(PAGES):
            self._reading.append(self._submit(next, pages, None))
        while page is not None:
            yield page
            page = self._reading.popleft().result()
            self._reading.append(self._submit(next, pages, None))

    def _submit(self, task: Callable[..., Any], *args: Any) -> "Future[Any]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=1,
                thread_name_prefix="read-ahead",
                initializer=_prepare,
            )
        return self._pool.submit(task, *args)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for reading in self._reading:
            reading.cancel()
        if self._pool is not None:
            self._pool.submit(connections.close_all)
            self._pool.shutdown(wait=False)
