"""Where processes count: in files of the slot that each holds as long as it lives, and that the next one takes over.

So there are never more files than processes have run at the same time, however often these are started anew, and no
count goes back when one dies: its successor counts on. The kernel frees the slot of whoever is killed, too.
"""

import fcntl
import itertools
import os
from pathlib import Path

from prometheus_client import values


class Slot:
    """This process's slot in a folder; a forked child takes one of its own. Callable, as prometheus_client wants it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owner = 0
        self.number = 0
        self.lock = -1

    def __call__(self) -> int:
        if self.owner != os.getpid():
            if self.lock >= 0:
                # The parent's, which keeps it.
                os.close(self.lock)
            self.number, self.lock = self._take()
            self.owner = os.getpid()
        return self.number

    def _take(self) -> tuple[int, int]:
        for number in itertools.count():
            path = self.folder / f"{number}.lock"
            try:
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except PermissionError:
                if not path.exists():
                    raise
                # Of another user, who ran a command here.
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return number, lock
        raise AssertionError


def count_in(folder: Path) -> None:
    """Let this process count in a slot of this folder. Before anything is counted."""
    values.ValueClass = values.MultiProcessValue(Slot(folder))
