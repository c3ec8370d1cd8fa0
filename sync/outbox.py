"""The way out: claim the head of a record's line, push it as its author, confirm. The database is the queue.

Every state change is a compare-and-swap that carries the lease's token, so a late answer overwrites nothing; the
attempt is committed before the request goes out, so a killed worker leaves a trace that the next one follows.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from nimble import errors, retry
from nimble.client import Client
from nimble.models import Connection
from sync import clean, merge, overlay, registry, store
from sync.clock import database_now
from sync.ids import lease_token
from sync.models import IN_LINE, OVERLAID, Edit, State

log = structlog.get_logger(__name__)
Operation = Edit.Operation

LEASE_SECONDS = 60
MAX_ATTEMPTS = 10
# Nimble's troubles are not the edit's: they never end it, for a day. Between tries of them at most this long.
WEATHER = (
    errors.Unreachable,
    errors.NoAnswer,
    errors.ServerError,
    errors.RateLimited,
    errors.AppRefused,
    errors.DeadToken,
)
WEATHER_SECONDS = 60.0
WEATHER_LASTS = timedelta(days=1)
# A write that hangs longer than this is taken for lost; with the read before it, it stays inside one lease.
TIMEOUT = (5.0, 15.0)


def take_over(holder: str) -> int:
    """What a killed predecessor was sending is free at once; returns how many edits that were."""
    now = database_now()
    held = Edit.objects.filter(state=State.SENDING, lease_token__startswith=holder, lease_until__gt=now)
    return held.update(lease_until=now - timedelta(seconds=1))


class LostLease(Exception):
    """Somebody else has taken this edit over: whatever we learn about it now is theirs to write."""


class Ambiguous(Exception):
    """A create whose answer was lost, and which may be in Nimble: a person decides. Carries the candidates."""

    def __init__(self, candidates: list[dict[str, Any]]) -> None:
        super().__init__("It may be in Nimble.")
        self.candidates = candidates


class Conflicting(Exception):
    """Somebody changed the same field in Nimble. Carries field → what Nimble has, and the record as it was read."""

    def __init__(self, theirs: dict[str, Any], current: dict[str, Any] | None) -> None:
        super().__init__("Changed in Nimble, too.")
        self.theirs = theirs
        self.current = current


class Missing(Exception):
    """The record that the edit changes is gone from Nimble, or hidden from its author."""


def heads(now: datetime) -> Any:
    """The edits that may be sent now: first in their record's line, due, independent, by a usable connection.

    Includes the ones whose sender's lease has lapsed.
    """
    same_record = Edit.objects.filter(kind=OuterRef("kind"), record_id=OuterRef("record_id"))
    # A colleague whose grant died must not hold up everybody; but nothing can be done to what is not created yet.
    alive = Q(connection__state=Connection.State.ACTIVE) | Q(operation=Operation.CREATE)
    earlier = same_record.filter(alive, id__lt=OuterRef("id"), state__in=IN_LINE)
    beside = same_record.filter(state=State.SENDING).exclude(pk=OuterRef("pk"))
    waiting = Q(state__in=[State.PENDING, State.RETRYING]) & (Q(not_before=None) | Q(not_before__lte=now))
    lapsed = Q(state=State.SENDING, lease_until__lt=now)
    return (
        Edit.objects.filter(waiting | lapsed)
        .filter(Q(depends_on=None) | Q(depends_on__state=State.CONFIRMED))
        .filter(connection__state=Connection.State.ACTIVE)
        .exclude(Exists(earlier))
        .exclude(Exists(beside))
    )


def claim() -> Edit | None:
    """Take the oldest head for this worker, or None. The attempt is committed with the claim."""
    for _ in range(20):
        now = database_now()
        edit = heads(now).select_related("connection__workspace", "author").order_by("id").first()
        if edit is None:
            return None
        token = lease_token()
        lapsed = edit.state == State.SENDING
        taken = heads(now).filter(pk=edit.pk, state=edit.state, lease_token=edit.lease_token)
        # The check that it heads its line is part of the UPDATE: claim and check are one statement.
        if (
            Edit.objects.filter(pk__in=taken.values("pk"), state=edit.state, lease_token=edit.lease_token).update(
                state=State.SENDING,
                lease_token=token,
                lease_until=now + timedelta(seconds=LEASE_SECONDS),
                attempts=edit.attempts + 1,
            )
            == 1
        ):
            edit.state, edit.lease_token, edit.attempts = State.SENDING, token, edit.attempts + 1
            if lapsed and edit.sent_at:
                edit.error = {**edit.error, "ambiguous": True}
            return edit
    return None


def deliver(report: Callable[[Edit], None] | None = None) -> int:
    """Send what is due, one edit after the other; returns how many were tried. `report` is told of each."""
    unblock()
    tried = 0
    while edit := claim():
        try:
            push(edit)
        except Exception as error:
            # Not even its failure could be written down. Its lease lapses, and the others need not wait for that.
            # The text stays out of the log: a database's error quotes values.
            log.error("an edit could not be finished", edit=edit.pk, error=type(error).__name__)
        tried += 1
        if report:
            edit.refresh_from_db()
            report(edit)
    return tried


def push(edit: Edit) -> None:
    """Send one claimed edit and write down what became of it. Never raises what Nimble does."""
    resource = registry.resource(edit.kind)
    row = resource.model._default_manager.get(pk=edit.record_id)
    structlog.contextvars.bind_contextvars(edit=edit.pk, kind=edit.kind, record=edit.record_id)
    started = database_now()
    try:
        client = Client(edit.connection, timeout=TIMEOUT)
        try:
            payload = _send(resource, client, edit, row)
            confirm(edit, row, payload, started)
        finally:
            edit.request_id = client.last.request_id if client.last else ""
    except LostLease:
        log.warning("lease lost")
    except Conflicting as conflict:
        if conflict.current is not None:
            # Whichever way it is decided, Nimble's side is known from now on.
            store.save_page(resource, edit.connection, [conflict.current], read_at=started)
        fields = {
            name: {**change, "theirs": conflict.theirs[name]} if name in conflict.theirs else change
            for name, change in edit.fields.items()
        }
        finish(edit, row, State.CONFLICT, {"reason": "conflict", "message": str(conflict)}, fields=fields)
    except Ambiguous as doubt:
        found = [{"id": item.get("id") or item.get("deal_id") or ""} for item in doubt.candidates]
        finish(edit, row, State.AMBIGUOUS, {"reason": "ambiguous", "message": str(doubt), "candidates": found})
    except Missing:
        message = "It is no longer in Nimble, or hidden from you there."
        finish(edit, row, State.CONFLICT, {"reason": "missing", "message": message})
    except errors.NimbleError as error:
        fail(edit, row, error)
    except Exception as error:
        # Ours, not Nimble's: it must be seen, and must not take the edit with it.
        log.exception("push failed")
        fail(edit, row, error)
    finally:
        structlog.contextvars.unbind_contextvars("edit", "kind", "record")


def _send(resource: registry.Resource, client: Client, edit: Edit, row: Any) -> dict[str, Any] | None:
    if edit.operation == Operation.CREATE:
        return _create(resource, client, edit, row)
    if edit.operation == Operation.DELETE:
        _going_out(edit)
        with contextlib.suppress(errors.NotFound):
            resource.delete(client, row)
        return None
    try:
        current = clean.payload(resource.fetch(client, row))
    except errors.NotFound as gone:
        raise Missing from gone
    if current is None:
        theirs = {name: change.get("base") for name, change in edit.fields.items()}
    else:
        theirs = resource.values(resource.keep(row.remote, resource.parse(current).remote))
    plan = merge.plan(edit.fields, theirs, resource.set_keys_of(row, edit.fields))
    if plan.conflicts:
        raise Conflicting(plan.conflicts, current)
    if not plan.send:
        return current
    _going_out(edit)
    return clean.payload(resource.update(client, row, plan.send, current))


def _create(resource: registry.Resource, client: Client, edit: Edit, row: Any) -> dict[str, Any]:
    if edit.error.get("ambiguous"):
        found = resource.look_up(client, row, edit)
        if found.payload is not None:
            return _brought_up_to(resource, client, edit, row, clean.payload(found.payload))
        if found.candidates or not found.readable:
            raise Ambiguous(list(found.candidates))
    _going_out(edit)
    return clean.payload(resource.create(client, row, _wanted(edit)))


def _wanted(edit: Edit) -> dict[str, Any]:
    return {name: change["new"] for name, change in edit.fields.items()}


def _brought_up_to(
    resource: registry.Resource, client: Client, edit: Edit, row: Any, found: dict[str, Any]
) -> dict[str, Any]:
    """The object that a create has made after all; its author may have changed their words since."""
    parsed = resource.parse(found)
    have = resource.values(parsed.remote)
    send = {name: value for name, value in _wanted(edit).items() if not resource.equal(have.get(name), value)}
    if not send:
        return found
    row.nimble_id = parsed.nimble_id
    _going_out(edit)
    return clean.payload(resource.update(client, row, send, found))


def _going_out(edit: Edit) -> None:
    """Commit that a write leaves now, and take a whole lease for it. From here on a lost answer is ambiguous."""
    now = database_now()
    until = now + timedelta(seconds=LEASE_SECONDS)
    if _ours(edit).update(sent_at=now, lease_until=until) != 1:
        raise LostLease
    edit.sent_at = now


def _ours(edit: Edit) -> Any:
    return Edit.objects.filter(pk=edit.pk, state=State.SENDING, lease_token=edit.lease_token)


def confirm(edit: Edit, row: Any, payload: dict[str, Any] | None, started: datetime) -> None:
    """End an edit as in Nimble, with what Nimble answered stored in the same transaction."""
    resource = registry.resource(edit.kind)
    parsed = resource.parse(payload) if payload is not None else None
    with transaction.atomic():
        # The row before its edit, here as in `edits.record`: one order of locks. A pull may be storing the row.
        row = type(row)._default_manager.select_for_update().get(pk=row.pk)
        now = database_now()
        if (
            _ours(edit).update(
                state=State.CONFIRMED,
                confirmed_at=now,
                sent_at=edit.sent_at or started,
                error={},
                request_id=edit.request_id,
                lease_token="",
                lease_until=None,
            )
            != 1
        ):
            raise LostLease
        if edit.operation == Operation.DELETE:
            overlay.refresh(row, gone_at=now)
        elif parsed is None:
            overlay.refresh(row)
        else:
            remote = resource.keep(row.remote, parsed.remote)
            overlay.refresh(
                row, remote=remote, digest=store.digest(resource, remote), fetched_at=now, nimble_id=parsed.nimble_id
            )
            resource.saved({row.pk: remote})
            if resource.sight:
                store.saw(resource.sight, edit.connection, {row.pk: parsed.view}, now)
    log.info("edit confirmed", attempts=edit.attempts)


def finish(edit: Edit, row: Any, state: str, error: dict[str, Any], **changes: Any) -> None:
    """End this attempt in `state`, if the lease is still ours."""
    with transaction.atomic():
        row = type(row)._default_manager.select_for_update().get(pk=row.pk)
        mine = _ours(edit).update(
            state=state, error=error, lease_token="", lease_until=None, request_id=edit.request_id, **changes
        )
        if mine == 1:
            if state == State.REJECTED:
                rebase(edit)
            overlay.refresh(row)
    log.info("edit stopped", state=state, reason=error.get("reason"))


def fail(edit: Edit, row: Any, error: Exception) -> None:
    """Sort a failure: what waits and is tried again, what blocks, what the author has to see."""
    said = {"reason": type(error).__name__, "message": str(error) if isinstance(error, errors.NimbleError) else ""}
    # Of this attempt or an earlier one nobody knows whether Nimble has applied it.
    lost = edit.sent_at is not None and getattr(error, "ambiguous", True)
    doubtful = lost or bool(edit.error.get("ambiguous"))
    if isinstance(error, errors.NeedsReconnect):
        finish(edit, row, State.BLOCKED, {**said, "reason": "reconnect", "ambiguous": doubtful})
    elif isinstance(error, errors.PaymentRequired):
        finish(edit, row, State.BLOCKED, {**said, "reason": "quota", "ambiguous": doubtful})
    elif isinstance(error, errors.NimbleError) and not (error.retryable or error.ambiguous):
        if isinstance(error, errors.NotFound) and edit.operation != Operation.CREATE:
            finish(edit, row, State.CONFLICT, {**said, "reason": "missing"})
            return
        finish(edit, row, State.REJECTED, {**said, "fields": getattr(error, "fields", {}), "ambiguous": doubtful})
    elif edit.attempts >= MAX_ATTEMPTS and not _weather(edit, error):
        finish(edit, row, State.FAILED, {**said, "ambiguous": doubtful})
    else:
        asked = getattr(error, "retry_after", None)
        pause = retry.delay(edit.attempts, asked)
        wait = retry.jittered(max(min(pause, WEATHER_SECONDS), asked or 0.0) if _weather(edit, error) else pause)
        due = database_now() + timedelta(seconds=wait)
        finish(edit, row, State.RETRYING, {**said, "ambiguous": doubtful}, not_before=due)


def _weather(edit: Edit, error: Exception) -> bool:
    return isinstance(error, WEATHER) and database_now() - edit.created_at < WEATHER_LASTS


def rebase(edit: Edit) -> None:
    """An edit ended without reaching Nimble: later ones that began from its values begin from its base instead."""
    later = Edit.objects.filter(
        kind=edit.kind, record_id=edit.record_id, id__gt=edit.pk, operation=Operation.UPDATE, state__in=OVERLAID
    )
    for other in later:
        begun = [
            name
            for name, change in edit.fields.items()
            if name in other.fields and other.fields[name].get("base") == change["new"]
        ]
        if begun:
            for name in begun:
                other.fields[name]["base"] = edit.fields[name].get("base")
            Edit.objects.filter(pk=other.pk, state=other.state).update(fields=other.fields)


def unblock() -> None:
    """What waited for a connection that works again goes back into the line, where it stood."""
    waiting = Edit.objects.filter(state=State.BLOCKED, error__reason="reconnect")
    for edit in waiting.filter(connection__state=Connection.State.ACTIVE, connection__account__isnull=False):
        # Whether an earlier attempt may be in Nimble must not be forgotten.
        kept = {"ambiguous": True} if edit.error.get("ambiguous") else {}
        Edit.objects.filter(pk=edit.pk, state=State.BLOCKED).update(state=State.PENDING, error=kept, not_before=None)
