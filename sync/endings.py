"""How an attempt ends: confirmed, with what Nimble answered, or stopped. Only while its lease is still ours."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from nimble import errors
from sync import attempts, events, lines, overlay, planner, registry, store, twins
from sync.clock import database_now
from sync.metrics import ATTEMPTS
from sync.models import OVERLAID, Edit, State

log = structlog.get_logger(__name__)
Operation = Edit.Operation


def confirm(edit: Edit, row: Any, payload: dict[str, Any] | None, started: datetime) -> None:
    """End an edit as in Nimble, with what Nimble answered stored in the same transaction. Raises `LostLease`."""
    resource = registry.resource(edit.kind)
    parsed = resource.parse(payload) if payload is not None else None
    with events.atomic():
        # The row before its edit, here as in `edits.record`: one order of locks. A pull may be storing the row.
        row = twins.locked(edit)
        now = database_now()
        if (
            lines.held(edit).update(
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
            raise lines.LostLease
        attempts.end(edit, State.CONFIRMED, "", now)
        if edit.operation == Operation.DELETE:
            # As of now: a page that was read before must not bring it back.
            overlay.refresh(row, gone_at=now, fetched_at=now)
            resource.removed(row, now)
        elif parsed is None:
            overlay.refresh(row)
        else:
            if parsed.nimble_id != row.nimble_id:
                twins.join(row, parsed.nimble_id, now)
            remote = resource.keep(row.remote, parsed.remote)
            store.narrow(resource, row, remote, now)
            overlay.refresh(
                row, remote=remote, digest=store.digest(resource, remote), fetched_at=now, nimble_id=parsed.nimble_id
            )
            resource.saved({row.pk: remote})
            if resource.sight:
                store.saw(resource.sight, edit.connection, {row.pk: parsed.view}, now)
    ATTEMPTS.labels(State.CONFIRMED.value).inc()
    log.info("edit confirmed", attempts=edit.attempts)


def finish(edit: Edit, row: Any, state: str, error: dict[str, Any], **changes: Any) -> None:
    """End this attempt in `state`, if the lease is still ours."""
    with events.atomic():
        row = twins.locked(edit)
        mine = lines.held(edit).update(
            state=state, error=error, lease_token="", lease_until=None, request_id=edit.request_id, **changes
        )
        if mine == 1:
            attempts.end(edit, state, error.get("reason", ""), database_now())
            if state == State.REJECTED:
                rebase(edit)
            overlay.refresh(row)
    ATTEMPTS.labels(str(state)).inc()
    log.info("edit stopped", state=state, reason=error.get("reason"))


def postpone(edit: Edit, wait: errors.Paced) -> None:
    """It was not this edit's turn, and nothing was sent: back into the line, as if nobody had claimed it.

    An outage ends for all at once, and then they go in the order in which they were made; other waits are its own.
    """
    now = database_now()
    due = None if isinstance(wait, errors.Outage) else now + timedelta(seconds=wait.retry_after or 1.0)
    with events.atomic():
        mine = lines.held(edit).update(
            state=State.RETRYING if edit.attempts > 1 else State.PENDING,
            attempts=edit.attempts - 1,
            error={**edit.error, "reason": type(wait).__name__, "message": str(wait)},
            not_before=due,
            lease_token="",
            lease_until=None,
        )
        if mine == 1:
            attempts.forget(edit)
            events.note(edit.workspace_id, edit.kind, [edit.record_id])
    log.info("edit postponed", reason=type(wait).__name__)


def rebase(edit: Edit) -> None:
    """An edit ended without reaching Nimble: later ones that began from its values begin from its base instead."""
    later = Edit.objects.filter(
        kind=edit.kind, record_id=edit.record_id, id__gt=edit.pk, operation=Operation.UPDATE, state__in=OVERLAID
    )
    for other in later:
        fields = planner.rebased(edit, other)
        if fields:
            Edit.objects.filter(pk=other.pk, state=other.state).update(fields=fields)
