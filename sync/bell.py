"""Ringing the bell: a message that may be lost, from a thread of its own, so that no request waits for a broker."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import structlog
from django.db import transaction

from sync import tasks

log = structlog.get_logger(__name__)
# One thread: a broker that does not answer holds up other bells, never a page.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bell")


def ring() -> None:
    """After commit: there are edits to send. A lost bell costs two seconds, for beat rings anyway."""
    transaction.on_commit(lambda: _publish(tasks.ring, expires=10), robust=True)


def ring_pull() -> None:
    """After commit: some stream is due."""
    transaction.on_commit(lambda: _publish(tasks.pull_due, expires=60), robust=True)


def ring_quarantined(pk: int, connection_pk: int) -> None:
    """After commit: a person wants a record read anew that could not be stored."""
    transaction.on_commit(lambda: _publish(tasks.read_again, args=[pk, connection_pk], expires=60), robust=True)


def _publish(task: Any, **options: Any) -> None:
    # With the request's id, so that the log tells whose bell it was.
    _thread.submit(copy_context().run, _send, task, options)


def _send(task: Any, options: dict[str, Any]) -> None:
    try:
        task.apply_async(retry=False, **options)
        log.info("bell rung", task=task.name)
    except Exception as error:
        # Whatever a broker's client raises: the work is in the database, and beat finds it.
        log.warning("the bell was not heard", task=task.name, error=type(error).__name__)
