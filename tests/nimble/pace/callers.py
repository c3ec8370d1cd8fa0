"""Other processes that ask Nimble in somebody's name, forked on the test database, with a name as workers have."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any

from django.db import connections

from nimble.client import Client
from nimble.errors import NimbleError, Paced
from nimble.models import Connection
from nimble.pace import holders
from tests.nimble.processes import fork

Ask = Callable[[Client], object]


class Caller:
    """Does with a client what it was made for, each time it is told to."""

    def __init__(self, connection: Connection, ask: Ask, name: str, **options: Any) -> None:
        self.pipe, far_end = fork.Pipe()
        self.process = fork.Process(target=_work, args=(connection.pk, ask, name, options, far_end), daemon=True)
        self.process.start()
        assert self.hear() == "ready"

    def go(self) -> None:
        self.pipe.send("go")

    def hear(self) -> Any:
        """What came of it: "done", or the name of an error."""
        assert self.pipe.poll(30)
        return self.pipe.recv()

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.process.join(10)


def _work(pk: int, ask: Ask, name: str, options: dict[str, Any], pipe: Pipe) -> None:
    connection = Connection.objects.get(pk=pk)
    holders.take_over(name)
    pipe.send("ready")
    while True:
        pipe.recv()
        try:
            with Client(connection, **options) as client:
                ask(client)
            pipe.send("done")
        except NimbleError as error:
            pipe.send(type(error).__name__)
        except BaseException as error:
            pipe.send(repr(error))
            os._exit(1)


@contextmanager
def callers(count: int, connection: Connection, ask: Ask, **options: Any) -> Iterator[list[Caller]]:
    """So many processes, named `worker-0-`, `worker-1-`, …"""
    connections.close_all()
    started: list[Caller] = []
    try:
        for number in range(count):
            started.append(Caller(connection, ask, f"worker-{number}-", **options))
        yield started
    finally:
        for caller in started:
            caller.kill()


def patiently(ask: Ask) -> Ask:
    """The same, again and again until it has its turn."""

    def until_done(client: Client) -> None:
        while True:
            try:
                ask(client)
            except Paced:
                continue
            return

    return until_done
