"""Pushing one claimed edit to Nimble as its author: look, merge, send what differs, write down what became of it."""

import contextlib
from datetime import timedelta
from typing import Any

import structlog

from nimble import errors
from nimble.client import Client
from sync import clean, endings, failures, lines, merge, registry, store
from sync.clock import database_now
from sync.models import Edit, State
from sync.resource import Misunderstood, Resource

log = structlog.get_logger(__name__)
Operation = Edit.Operation

# A write that hangs longer than this is taken for lost; with the read before it, it stays inside one lease.
TIMEOUT = (5.0, 15.0)


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


class Settling(errors.Paced):
    """A create whose answer was lost is not in Nimble, and is too fresh to be sure that it never will be."""

    default_message = "Nimble may still be working on it. It is looked for again before it is sent once more."


class Missing(Exception):
    """The record that the edit changes is gone from Nimble, or hidden from its author."""


def push(edit: Edit) -> None:
    """Send one claimed edit and write down what became of it. Never raises what Nimble does."""
    resource = registry.resource(edit.kind)
    row = resource.model._default_manager.get(pk=edit.record_id)
    # Its number, and the request it was made in, from here to the end of the attempt, each exchange with Nimble too.
    about = {"edit": edit.pk, "request_id": edit.origin, "kind": edit.kind, "record": edit.record_id}
    structlog.contextvars.bind_contextvars(**about)
    log.info("edit claimed", attempt=edit.attempts, connection=edit.connection_id)
    started = database_now()
    try:
        with Client(edit.connection, timeout=TIMEOUT) as client:
            try:
                payload = _send(resource, client, edit, row)
            except Exception:
                if client.wrote:
                    # Some of it is in Nimble: no later edit takes its place as if nothing had left.
                    edit.error = {**edit.error, "ambiguous": True}
                raise
            finally:
                edit.exchange = client.last
                edit.request_id = client.last.request_id if client.last else ""
        endings.confirm(edit, row, payload, started)
    except lines.LostLease:
        log.warning("lease lost")
    except errors.Paced as wait:
        endings.postpone(edit, wait)
    except Conflicting as conflict:
        if conflict.current is not None:
            # Whichever way it is decided, Nimble's side is known from now on.
            store.save_page(resource, edit.connection, [conflict.current], read_at=started)
        fields = {
            name: {**change, "theirs": conflict.theirs[name]} if name in conflict.theirs else change
            for name, change in edit.fields.items()
        }
        error = {"reason": "conflict", "message": str(conflict), **resource.last_touch(conflict.current or {})}
        endings.finish(edit, row, State.CONFLICT, error, fields=fields)
    except Ambiguous as doubt:
        found = [resource.candidate(item) for item in doubt.candidates]
        endings.finish(edit, row, State.AMBIGUOUS, {"reason": "ambiguous", "message": str(doubt), "candidates": found})
    except Misunderstood as reason:
        store.save_page(resource, edit.connection, [reason.answer], read_at=started)
        endings.finish(edit, row, State.REJECTED, {"reason": "misunderstood", "message": str(reason)})
    except Missing:
        message = "It is no longer in Nimble, or hidden from you there."
        endings.finish(edit, row, State.CONFLICT, {"reason": "missing", "message": message})
    except Exception as error:
        if not isinstance(error, errors.NimbleError):
            # Ours, not Nimble's: it must be seen, and must not take the edit with it.
            log.exception("push failed")
        _stop(edit, row, error)
    finally:
        structlog.contextvars.unbind_contextvars(*about)


def _stop(edit: Edit, row: Any, error: Exception) -> None:
    now = database_now()
    verdict = failures.judge(edit, error, now - edit.created_at)
    due = {"not_before": now + timedelta(seconds=verdict.wait)} if verdict.wait else {}
    endings.finish(edit, row, verdict.state, verdict.error, **due)


def _send(resource: Resource, client: Client, edit: Edit, row: Any) -> dict[str, Any] | None:
    if edit.operation == Operation.CREATE:
        return _create(resource, client, edit, row)
    if edit.operation == Operation.DELETE:
        _going_out(client, edit)
        with contextlib.suppress(errors.NotFound):
            resource.delete(client, row)
        return None
    try:
        fetched = resource.fetch(client, row)
    except errors.NotFound as gone:
        raise Missing from gone
    current = clean.payload(fetched)
    if current is None:
        theirs = {name: change.get("base") for name, change in edit.fields.items()}
    else:
        theirs = resource.values(resource.keep(row.remote, resource.parse(current).remote))
    plan = merge.plan(edit.fields, theirs, resource.rules(row, edit.fields))
    if plan.conflicts:
        raise Conflicting(plan.conflicts, current)
    if not plan.send:
        return current
    made = resource.made(plan.send, fetched) if fetched is not None else None
    if made:
        return current
    if made is False:
        _let_settle(edit)
    _going_out(client, edit)
    return clean.payload(resource.update(client, row, plan.send, fetched))


def _create(resource: Resource, client: Client, edit: Edit, row: Any) -> dict[str, Any]:
    if chosen := edit.error.get("chosen"):
        # Its author has said which one it is.
        row.nimble_id = chosen
        try:
            return _brought_up_to(resource, client, edit, row, clean.payload(resource.fetch(client, row)))
        except errors.NotFound as gone:
            raise Missing from gone
    if edit.error.get("ambiguous"):
        found = resource.look_up(client, row, edit)
        if found.payload is not None:
            return _brought_up_to(resource, client, edit, row, clean.payload(found.payload))
        if found.candidates or not found.readable:
            raise Ambiguous(list(found.candidates))
        _let_settle(edit)
    _going_out(client, edit)
    return clean.payload(resource.create(client, row, _wanted(edit)))


def _let_settle(edit: Edit) -> None:
    """What makes something is not sent again while what a lost answer was to may be on its way. Raises `Settling`."""
    if edit.error.get("ambiguous") and edit.sent_at:
        left = failures.SETTLING - (database_now() - edit.sent_at)
        if left > timedelta():
            raise Settling(retry_after=left.total_seconds())


def _going_out(client: Client, edit: Edit) -> None:
    """Only what has its turn is said to have left: what must wait has not been sent."""
    lines.going_out(edit, client.ready())


def _wanted(edit: Edit) -> dict[str, Any]:
    return {name: change["new"] for name, change in edit.fields.items()}


def _brought_up_to(resource: Resource, client: Client, edit: Edit, row: Any, found: dict[str, Any]) -> dict[str, Any]:
    """The object that a create has made after all; its author may have changed their words since."""
    parsed = resource.parse(found)
    have = resource.values(parsed.remote)
    # Whatever comes now, and whatever its author makes of its words: it is this one.
    edit.error = {**edit.error, "chosen": parsed.nimble_id}
    send = {name: value for name, value in _wanted(edit).items() if not resource.equal(have.get(name), value)}
    if not send:
        return found
    row.nimble_id = parsed.nimble_id
    _going_out(client, edit)
    return clean.payload(resource.update(client, row, send, found))
