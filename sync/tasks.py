"""Celery's side: messages that carry nothing or an id. Whatever they are about is found in the database."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from nimble import pace
from nimble.models import Connection
from sync import ids, lines, outbox, restored
from sync import pull as pulling
from sync.health import beat


@worker_ready.connect
def take_over(sender: Any, **_more: Any) -> None:
    """A worker starts where the one of the same name was killed; the supervisor never runs two of them."""
    holder = ids.become(sender.hostname)
    restored.settle_if_behind()
    lines.take_over(holder)
    pulling.take_over(holder)
    pace.take_over(holder)


@shared_task(expires=10)
def ring() -> None:
    """Send what is due. Rung after each edit, and by beat, since every broker may lose every message."""
    beat("push")
    # Who works off a long queue is not deaf meanwhile.
    outbox.deliver(lambda _edit: beat("push"))


@shared_task(expires=60)
def pull_due() -> None:
    """Let every connection with a due stream be pulled."""
    beat("pull")
    if pace.outage():
        return
    for connection in pulling.connections_due():
        pull.apply_async([connection.pk], expires=60, retry=False)


@shared_task(expires=60)
def pull(connection_id: int) -> None:
    """Pull what is due of one connection; returns at once when another worker is at it."""
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if connection:
        pulling.pull(connection)
