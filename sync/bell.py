"""Ringing the bell: a message that may be lost, from a thread of its own, so that no request waits for a broker."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)
# One thread: a broker that does not answer holds up other bells, never a page.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bell")


def ring() -> None:
    """After commit: there are edits to send. A lost bell costs two seconds, for beat rings anyway."""
    transaction.on_commit(lambda: _publish("sync.tasks.ring", expires=10), robust=True)


def ring_pull() -> None:
    """After commit: some stream is due."""
    transaction.on_commit(lambda: _publish("sync.tasks.pull_due", expires=60), robust=True)


def ring_quarantined(pk: int, connection_pk: int) -> None:
    """After commit: a person wants a record read anew that could not be stored."""
    transaction.on_commit(lambda: _publish("sync.tasks.read_again", args=[pk, connection_pk], expires=60), robust=True)


def _publish(task: str, **options: Any) -> None:
    """The task is named, not imported: what it does rings bells in its turn."""
    # With the request's id, so that the log tells whose bell it was.
    _thread.submit(copy_context().run, _send, task, options)


def _send(task: str, options: dict[str, Any]) -> None:
    try:
        current_app.send_task(task, retry=False, **options)
        log.info("bell rung", task=task)
    except Exception as error:
        # Whatever a broker's client raises: the work is in the database, and beat finds it.
        log.warning("the bell was not heard", task=task, error=type(error).__name__)
