"""The records that people opened: read before anything else, with their own token."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import events, interest, registry
from sync.clock import database_now
from sync.models import Interest
from sync.reader import Reader
from sync.resource import Resource
from sync.upsert import upsert

log = structlog.get_logger(__name__)

# What this person was shown by Nimble not longer ago than this is as fresh as anybody can tell.
FRESH = timedelta(seconds=5)
# So many at once, so that a listing that is going on keeps its lease.
MOST = 10


def read(connection: Connection) -> int:
    """Read what this person opened, the latest first; returns how many were. Raises nothing of Nimble's.

    What Nimble does not show them any more is hidden from them at once. What fails otherwise stays noted, and is tried
    again with the next bell, until it is too old.
    """
    count = 0
    for one in interest.of(connection, database_now())[:MOST]:
        try:
            count += _read(Reader(connection, Client(connection)), one)
        except errors.NimbleError as error:
            log.info(
                "an opened record could not be read", kind=one.what, record=one.record_id, error=type(error).__name__
            )
            if error.retryable or error.reconnect:
                break
        except Exception as error:
            # Ours: it must be seen, and must keep nothing else from being read. A database's error quotes values.
            log.error("an opened record failed", kind=one.what, record=one.record_id, error=type(error).__name__)
        interest.done(one)
    return count


def _read(reader: Reader, one: Interest) -> bool:
    resource = registry.resource(one.what)
    row = resource.model._default_manager.filter(
        pk=one.record_id, workspace_id=reader.workspace_id, gone_at=None, nimble_id__isnull=False
    ).first()
    if row is None:
        return False
    if not is_fresh(resource, reader.connection, row):
        try:
            payload, read_at = reader.read(lambda: resource.fetch(reader.client, row))
        except (errors.NotFound, errors.Forbidden):
            hide(resource, reader.connection, row.pk)
            return True
        if payload is not None:
            reader.page(resource.kind, [payload], read_at=read_at)
    if beside := registry.beside(one.what):
        beside(reader, row)
    return True


def is_fresh(resource: Resource, connection: Connection, row: Any) -> bool:
    """Whether Nimble has shown the record to this very person a moment ago."""
    if resource.sight is None:
        seen_at: datetime | None = row.fetched_at
    else:
        sights = resource.sight._default_manager.filter(record=row, connection=connection, hidden_at=None)
        seen_at = sights.values_list("seen_at", flat=True).first()
    now = database_now()
    return seen_at is not None and now - FRESH < seen_at <= now


def hide(resource: Resource, connection: Connection, pk: int) -> None:
    """Nimble refused the record to this person. Whether it is gone is for the complete listings to find out."""
    if resource.sight is not None:
        hidden = {"record_id": pk, "connection_id": connection.pk, "hidden_at": database_now()}
        with events.atomic():
            upsert(resource.sight, [hidden], ["record_id", "connection_id"])
            resource.hidden(connection, pk)
            events.note(connection.workspace_id, resource.kind, [pk])
            events.narrowed(connection.workspace_id, resource.kind, {pk: [connection.nimble_user_id]})
