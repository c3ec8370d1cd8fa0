"""Real processes on the test database: forked, so that eight start in no time, with connections of their own."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe

from django.db import connections
from django.utils import timezone

from nimble import tokens
from nimble.errors import NimbleError
from nimble.models import Connection

fork = multiprocessing.get_context("fork")


class Worker:
    """Asks for a person's token when told to, and says what it got: the token, or the error's name."""

    def __init__(self, connection: Connection, ahead: timedelta = timedelta()) -> None:
        self.pipe, far_end = fork.Pipe()
        self.process = fork.Process(target=_work, args=(connection.pk, far_end, ahead), daemon=True)
        self.process.start()

    def ask(self, refused: str | None = None) -> None:
        self.pipe.send(refused)

    def hear(self) -> str:
        assert self.pipe.poll(20)
        return self.pipe.recv()

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.process.join(10)


def _work(pk: int, pipe: Pipe, ahead: timedelta) -> None:
    right = timezone.now
    timezone.now = lambda: right() + ahead
    connection = Connection.objects.get(pk=pk)
    pipe.send("ready")
    while True:
        refused = pipe.recv()
        try:
            pipe.send(tokens.access_token(connection, refused=refused))
        except NimbleError as error:
            pipe.send(type(error).__name__)
        except BaseException as error:
            pipe.send(repr(error))
            os._exit(1)


@contextmanager
def workers(count: int, connection: Connection, *, apart: timedelta = timedelta()) -> Iterator[list[Worker]]:
    """`apart`: how far the clock of each is ahead of the one before it; that of the first one is right."""
    connections.close_all()
    started = [Worker(connection, number * apart) for number in range(count)]
    try:
        assert [worker.hear() for worker in started] == ["ready"] * count
        yield started
    finally:
        for worker in started:
            worker.kill()
