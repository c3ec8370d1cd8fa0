"""Celery's side: messages that carry nothing or an id. Whatever they are about is found in the database."""

from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_shutdown

from nimble import pace
from nimble.models import Connection
from sync import ids, lines, lookout, quarantine, restored
from sync import pull as pulling
from sync.health import beat
from sync.models import Quarantined

# The supervisor kills what has not ended by itself a little later.
STOP_SECONDS = 5.0


@celeryd_after_setup.connect
def begin(sender: str, instance: Any, **_more: Any) -> None:
    """A worker starts where the one of the same name was killed; the supervisor never runs two of them.

    The broker need not be there yet: the sending worker does not wait for it.
    """
    holder = ids.become(sender)
    restored.settle_if_behind()
    lines.take_over(holder)
    pulling.take_over(holder)
    pace.take_over(holder)
    if "push" in instance.app.amqp.queues.consume_from:
        lookout.start()


@worker_shutdown.connect
def end(**_more: Any) -> None:
    """What is being sent without a bell is not cut off."""
    lookout.stop(STOP_SECONDS)


@shared_task(expires=10)
def ring() -> None:
    """Send what is due. Rung after each edit, and by beat, since every broker may lose every message."""
    lookout.hear()
    beat("push")
    # Who works off a long queue is not deaf meanwhile.
    lookout.work(lambda _edit: beat("push"))


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
