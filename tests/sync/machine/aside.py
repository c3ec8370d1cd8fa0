"""Readers that step aside for people's writes: a worker beside them sends what waits meanwhile."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any
from unittest import mock

from nimble.models import Connection
from sync import lines, outbox
from sync.ahead import Ahead

_mine = threading.local()


@contextmanager
def a_sender_beside(awake: bool) -> Iterator[None]:
    """Whether somebody sends what this thread's pulls step aside for. If nobody does, they need not wait for it."""
    _mine.awake = awake
    try:
        yield
    finally:
        _mine.awake = False


@contextmanager
def stepping_aside() -> Iterator[None]:
    """While this lasts, pulls step aside as `a_sender_beside` says, at the same requests every time."""
    with (
        mock.patch.object(lines, "LOOK_SECONDS", 0),
        mock.patch.object(lines, "watch", _watching(lines.watch)),
        mock.patch.object(Ahead, "_submit", _reading_first(Ahead._submit)),
    ):
        yield


def _awake() -> bool:
    return getattr(_mine, "awake", False)


def _watching(watch: Callable[[Connection], Callable[[], bool]]) -> Callable[[Connection], Callable[[], bool]]:
    def watched(connection: Connection) -> Callable[[], bool]:
        if not _awake():
            return lambda: False
        waits, stepped_aside = watch(connection), False

        def somebody_waits() -> bool:
            nonlocal stepped_aside
            if stepped_aside:
                # Its slot is free by now. What cannot be sent even so is not waited for.
                outbox.deliver()
                stepped_aside = False
            else:
                stepped_aside = waits()
            return stepped_aside

        return somebody_waits

    return watched


def _reading_first(submit: Callable[..., "Future[Any]"]) -> Callable[..., "Future[Any]"]:
    def submitted(ahead: Ahead, task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        future = submit(ahead, task, *arguments)
        if _awake():
            # What is sent beside it must not come before the page is stored one time, and after it another.
            wait([future])
        return future

    return submitted
