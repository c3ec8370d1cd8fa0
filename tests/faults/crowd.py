"""Several processes that send what is due at the same moment: forked, so that eight of them start in no time."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

from django.db import connections

from sync import tasks

fork = multiprocessing.get_context("fork")


class Sender:
    """Hears the bell when it is rung, and says when it is done."""

    def __init__(self) -> None:
        self.pipe, far_end = fork.Pipe()
        self.process = fork.Process(target=_work, args=(far_end,), daemon=True)
        self.process.start()

    def ring(self) -> None:
        self.pipe.send("ring")

    def done(self, timeout: float = 60) -> None:
        assert self.pipe.poll(timeout), "the bell was heard, and nobody came back"
        assert self.pipe.recv() == "done"


def _work(pipe: Pipe) -> None:
    pipe.send("ready")
    while pipe.recv():
        try:
            tasks.ring()
            pipe.send("done")
        except BaseException as error:
            pipe.send(repr(error))
            os._exit(1)


@contextmanager
def senders(count: int) -> Iterator[list[Sender]]:
    """So many processes, each with database connections of its own. Make no edit before: the thread that rings the bell
    must not hold a lock when this process is forked.
    """
    connections.close_all()
    crowd = [Sender() for _ in range(count)]
    try:
        assert [one.pipe.recv() for one in crowd] == ["ready"] * count
        yield crowd
    finally:
        for one in crowd:
            one.process.kill()
            one.process.join(10)


def ring_all(crowd: list[Sender]) -> None:
    """One bell, heard by all of them at once."""
    for one in crowd:
        one.ring()
    for one in crowd:
        one.done()
