"""Reading one answer on a thread of its own while the one before it is stored."""

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeVar

from django.db import connections

T = TypeVar("T")

# Seconds after which a thread that computes lets another one have its turn. A reader needs but a moment, many times for
# each answer: with Python's own 5 ms it would still be sending its request when the page before has been stored.
TURN_SECONDS = 0.0005


class Ahead:
    """One reading thread, begun with the first read; what it opened is closed when the `with` ends.

    A read that is under way then goes on to its end, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def read(self, fetch: Callable[[], T]) -> "Future[T]":
        """Begin a read; it has a database connection of its own, kept from one read to the next."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                max_workers=1,
                thread_name_prefix="read-ahead",
                initializer=sys.setswitchinterval,
                initargs=(TURN_SECONDS,),
            )
        return self._pool.submit(fetch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.submit(connections.close_all)
            self._pool.shutdown(wait=False)
