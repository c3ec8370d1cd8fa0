"""The sending worker looks at the table by itself while no bell rings: a dead broker costs seconds, not edits."""

import threading
import time
from collections.abc import Callable

import structlog
from django.db import close_old_connections

from sync import batches, outbox
from sync.models import Edit

log = structlog.get_logger(__name__)
# Beat rings every two seconds; after so many without a bell somebody has to look.
SILENCE_SECONDS = 3.0

_heard = 0.0
_over = threading.Event()
_thread: threading.Thread | None = None


def work(report: Callable[[Edit], None] | None = None) -> None:
    """Send what is due; `report` is told of each edit. What a person does to many takes turns with sending, so that
    nobody's edit waits for it.
    """
    while batches.go_on():
        outbox.deliver(report)
    outbox.deliver(report)


def hear() -> None:
    """The bell rang."""
    global _heard
    _heard = time.monotonic()


def start() -> None:
    """Look out from now on, on a thread of its own. Once for a process."""
    global _thread
    if _thread is None:
        _thread = threading.Thread(target=_watch, name="lookout", daemon=True)
        _thread.start()


def stop(seconds: float) -> None:
    """Look no more; returns when what is being sent has been sent, or after so many seconds."""
    _over.set()
    if _thread is not None:
        _thread.join(seconds)


def _watch() -> None:
    while not _over.wait(SILENCE_SECONDS / 3):
        if time.monotonic() - _heard < SILENCE_SECONDS:
            continue
        close_old_connections()
        try:
            work()
        except Exception as error:
            # The database may be away as well. Without the text: a database's error quotes values.
            log.warning("nothing could be sent", error=type(error).__name__)
        finally:
            close_old_connections()
