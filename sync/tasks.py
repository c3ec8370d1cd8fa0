"""Celery's side: messages that carry nothing or an id. Whatever they are about is found in the database."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from nimble import pace
from nimble.models import Connection
from sync import batches, ids, lines, outbox, quarantine, restored
from sync import pull as pulling
from sync.health import beat
from sync.models import Quarantined


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
    # What a person does to many edits takes turns with sending, so that nobody's edit waits for it.
    while batches.go_on():
        _deliver()
    _deliver()


def _deliver() -> None:
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


@shared_task(expires=60)
def read_again(quarantined_id: int, connection_id: int) -> None:
    """Read a record anew that could not be stored."""
    row = Quarantined.objects.filter(pk=quarantined_id).first()
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if row and connection and connection.workspace_id == row.workspace_id:
        quarantine.read_again(row, connection)
