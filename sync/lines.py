"""Claiming the head of a record's line. The database is the queue: a claim is a compare-and-swap, and so is its end.

The attempt is committed with the claim, before anything is sent, so a killed worker leaves a trace that the next one
follows. Every later statement carries the lease's token: a late answer overwrites nothing.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from crmportal import statements
from nimble.models import Connection
from nimble.retry import LONGEST
from sync import attempts, events, newest, planner, registry, restored
from sync.clock import database_now
from sync.ids import lease_token
from sync.models import IN_LINE, Edit, State

Operation = Edit.Operation

# A time as such, or the database's own in a statement that is composed once.
Moment = datetime | Now

LEASE_SECONDS = 60
# How often a background reader looks whether an edit waits, at most.
LOOK_SECONDS = 0.2


class LostLease(Exception):
    """Somebody else has taken this edit over: whatever we learn about it now is theirs to write."""


def heads(now: Moment) -> Any:
    """The edits that `planner.head` would send now, of all records, found by one statement."""
    same_record = Edit.objects.filter(kind=OuterRef("kind"), record_id=OuterRef("record_id")).exclude(pk=OuterRef("pk"))
    # A colleague whose grant died must not hold up everybody; but nothing can be done to what is not created yet.
    alive = Q(connection__state=Connection.State.ACTIVE) | Q(operation=Operation.CREATE)
    busy = same_record.filter(state=State.SENDING, lease_until__gte=now)
    left = same_record.filter(alive, state=State.SENDING)
    earlier = Q(id__lt=OuterRef("id"))
    # Nothing waits for longer: it was put off before the clock was set back.
    waited = Q(not_before=None) | Q(not_before__lte=now) | Q(not_before__gt=now + timedelta(seconds=LONGEST))
    due = Q(state__in=[State.PENDING, State.RETRYING]) & waited
    first = ~Exists(same_record.filter(alive, earlier, state__in=IN_LINE)) & ~Exists(left)
    lapsed = Q(state=State.SENDING, lease_until__lt=now)
    return (
        Edit.objects.filter((due & first) | (lapsed & ~Exists(left.filter(earlier))))
        .filter(Q(depends_on=None) | Q(depends_on__state=State.CONFIRMED))
        .filter(connection__state=Connection.State.ACTIVE)
        .exclude(Exists(busy))
    )


def sendable(now: Moment) -> Any:
    """The heads that Nimble would take: where one create was refused for the plan's limit, the others would be, too."""
    full = Edit.objects.filter(connection=OuterRef("connection"), state=State.BLOCKED, error__reason="quota")
    return heads(now).exclude(Q(operation=Operation.CREATE) & Exists(full))


def claim() -> Edit | None:
    """Take the oldest head for this worker, or None. The attempt is committed with the claim."""
    for _ in range(20):
        found = statements.rows("claimable", _claimable)
        if not found:
            return None
        [(kind, record_id, now)] = found
        with events.atomic():
            edit = _head_of(kind, record_id, now)
            if edit is None:
                continue
            mine = Edit.objects.filter(pk=edit.pk, state=edit.state, lease_token=edit.lease_token)
            token, until = lease_token(), now + timedelta(seconds=LEASE_SECONDS)
            if mine.update(state=State.SENDING, lease_token=token, lease_until=until, attempts=edit.attempts + 1) != 1:
                continue
            was_sending = edit.state == State.SENDING
            edit.state, edit.lease_token, edit.attempts = State.SENDING, token, edit.attempts + 1
            attempts.begin(edit, now)
            events.note(edit.workspace_id, edit.kind, [edit.record_id])
        if was_sending and edit.sent_at:
            edit.error = {**edit.error, "ambiguous": True}
        return edit
    return None


def _claimable() -> Any:
    """The oldest head by its kind and record, and the database's time. Of a connection that may send nothing now,
    nothing is claimed only to be put back.
    """
    # What is held for longer than anything can be was so before the clock was set back.
    farthest = Now() + timedelta(seconds=LONGEST)
    held = Q(connection__pace__held_until__gt=Now(), connection__pace__held_until__lte=farthest)
    free = sendable(Now()).exclude(held).order_by("id")
    return free.annotate(now=Now()).values_list("kind", "record_id", "now")[:1]


def _head_of(kind: str, record_id: int, now: datetime) -> Edit | None:
    """The head of a record's line. The record stays locked until the claim is committed: nobody else takes another."""
    rows = registry.resource(kind).model._default_manager.select_for_update(no_key=True)
    if not rows.filter(pk=record_id).values("pk"):
        return None
    line = Edit.objects.filter(kind=kind, record_id=record_id, state__in=IN_LINE)
    return planner.head(line.select_related("connection__workspace", "author", "depends_on").order_by("id"), now)


def waiting(connection: Connection) -> bool:
    """Whether an edit of this connection's could be sent now: people's writes go before background reads."""
    # Nearly always there is none at all, and every background read asks: a glance before the whole question.
    unsettled = statements.rows(("unsettled", connection.pk), partial(_unsettled, connection.pk))
    return bool(unsettled) and sendable(database_now()).filter(connection=connection).exists()


def watch(connection: Connection) -> Callable[[], bool]:
    """`waiting`, for who asks before each of many requests: that nothing waits is believed for a moment."""
    looked = -math.inf

    def somebody_waits() -> bool:
        nonlocal looked
        if time.monotonic() - looked < LOOK_SECONDS:
            return False
        if waits := waiting(connection):
            return waits
        looked = time.monotonic()
        return False

    return somebody_waits


def _unsettled(connection_id: int) -> Any:
    return Edit.objects.filter(connection_id=connection_id, state__in=IN_LINE).values_list("pk")[:1]


def going_out(edit: Edit, now: datetime) -> None:
    """Commit that a write leaves now, by the database's clock, and take a whole lease for it. From here on a lost
    answer is ambiguous.

    Where a backup was restored under this worker, nothing leaves: what that needs is done instead. Raises `LostLease`.
    """
    until = now + timedelta(seconds=LEASE_SECONDS)
    try:
        with transaction.atomic():
            number = newest.advance()
            if held(edit).update(sent_at=now, lease_until=until) != 1:
                raise LostLease
    except newest.Older:
        restored.settle_if_behind()
        raise LostLease from None
    newest.note(number)
    edit.sent_at = now


def held(edit: Edit) -> Any:
    """The claimed edit as a queryset, empty once somebody else has taken it over."""
    return Edit.objects.filter(pk=edit.pk, state=State.SENDING, lease_token=edit.lease_token)


def take_over(holder: str) -> int:
    """What a killed predecessor was sending is free at once; returns how many edits that were."""
    now = database_now()
    left = Edit.objects.filter(state=State.SENDING, lease_token__startswith=holder, lease_until__gt=now)
    return left.update(lease_until=now - timedelta(seconds=1))
