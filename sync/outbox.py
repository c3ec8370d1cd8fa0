"""The way out: as long as there is something to send, claim it and push it. The database is the queue.

`sync.lines` claims the head of a record's line, `sync.push` sends one edit, `sync.failures` says what a failure means,
`sync.endings` writes down how it ended.
"""

from collections.abc import Callable

import structlog

from crmportal import statements
from nimble import pace
from nimble.models import Connection
from sync import lines, push
from sync.clock import database_now
from sync.models import Edit, State

log = structlog.get_logger(__name__)


def deliver(report: Callable[[Edit], None] | None = None) -> int:
    """Send what is due, one edit after the other; returns how many were claimed. `report` is told of each.

    In an outage the queue is left alone, until a probe is due: the first edit then makes it.
    """
    unblock()
    tried = 0
    while not pace.outage() and (edit := lines.claim()):
        try:
            push.push(edit)
        except Exception as error:
            # Not even its failure could be written down. Its lease lapses, and the others need not wait for that.
            # The text stays out of the log: a database's error quotes values.
            log.error("an edit could not be finished", edit=edit.pk, error=type(error).__name__)
        tried += 1
        if report:
            edit.refresh_from_db()
            report(edit)
    return tried


def unblock() -> None:
    """What waited for a connection that works again goes back into the line, where it stood. So does, hourly, what met
    the plan's limit.
    """
    if not statements.rows("blocked", lambda: Edit.objects.filter(state=State.BLOCKED).values_list("pk")[:1]):
        return
    waiting = Edit.objects.filter(state=State.BLOCKED, error__reason="reconnect")
    for edit in waiting.filter(connection__state=Connection.State.ACTIVE, connection__account__isnull=False):
        # Whether an earlier attempt may be in Nimble must not be forgotten.
        kept = {name: edit.error[name] for name in ("ambiguous", "chosen") if edit.error.get(name)}
        Edit.objects.filter(pk=edit.pk, state=State.BLOCKED).update(state=State.PENDING, error=kept, not_before=None)
    room = Edit.objects.filter(state=State.BLOCKED, error__reason="quota", not_before__lte=database_now())
    room.update(state=State.RETRYING, not_before=None)
