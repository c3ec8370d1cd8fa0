"""What people look at, noted beside their requests: the pull reads it first.

A note is written by a thread of its own, after the answer's transaction, and rings the bell; no request waits for it,
and polls write at most once a minute a person and kind of page. Lost notes cost nothing: the next one comes, and
whatever is not looked at is read in its turn.
"""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connections as databases
from django.db import transaction

from nimble.models import Connection
from sync import bell
from sync.clock import database_now
from sync.mirror import Mirrored
from sync.models import Interest
from sync.rhythm import LOOKING, Attention
from sync.upsert import upsert

log = structlog.get_logger(__name__)

# How often one person's looking at one kind of page is written down.
NOTE_SECONDS = 60
# How often the same record is asked for, however often it is opened.
OPEN_SECONDS = 5
# What nobody could read for so long is not asked for any more.
OPENED = timedelta(minutes=10)

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="interest")
_noted: dict[tuple[Any, ...], float] = {}
_lock = threading.Lock()


def looked(user: Any, pages: str) -> None:
    """This person looks at pages of this name, or somewhere else ("")."""
    _note(user, pages, 0, NOTE_SECONDS)


def opened(user: Any, row: Mirrored) -> None:
    """This person opened a record: it is read with their own token before anything else."""
    if row.nimble_id:
        _note(user, row.kind, row.pk, OPEN_SECONDS)


def _note(user: Any, what: str, record_id: int, seconds: float) -> None:
    key = (user.pk, what, record_id)
    now = time.monotonic()
    with _lock:
        if now - _noted.get(key, -seconds) < seconds:
            return
        if len(_noted) > 10_000:
            _noted.clear()
        _noted[key] = now
    transaction.on_commit(lambda: _submit(user.pk, what, record_id), robust=True)


def _submit(user_id: int, what: str, record_id: int) -> None:
    _thread.submit(_write, user_id, what, record_id)


def _write(user_id: int, what: str, record_id: int) -> None:
    """On its own thread, with a database connection of its own. Whatever goes wrong, the person is not told."""
    try:
        connection = Connection.objects.filter(user_id=user_id).active().latest_first().first()
        if connection is not None and record(connection, what, record_id):
            bell.ring_pull()
    except Exception as error:
        log.warning("an interest was not noted", what=what, error=type(error).__name__)
    finally:
        databases.close_all()


def record(connection: Connection, what: str, record_id: int = 0) -> bool:
    """Write it down; returns whether somebody should look at it at once: a record, or pages that nobody looked at."""
    now = database_now()
    known = Interest.objects.filter(connection=connection, what=what, record_id=record_id).first()
    # Several web processes remember for themselves.
    if known and not record_id and now - known.at < timedelta(seconds=NOTE_SECONDS / 2):
        return False
    upsert(
        Interest,
        [{"connection_id": connection.pk, "what": what, "record_id": record_id, "at": now}],
        ["connection_id", "what", "record_id"],
    )
    return bool(record_id) or known is None or now - known.at > LOOKING


def attention(connections: Iterable[Connection], now: datetime) -> dict[int, Attention]:
    """What the person of each connection looks at, and when they were last seen. One statement."""
    known = {connection.pk: connection for connection in connections}
    pages: dict[int, set[str]] = {}
    seen = {pk: connection.last_seen_at for pk, connection in known.items()}
    rows = Interest.objects.filter(connection__in=known, record_id=0).values_list("connection_id", "what", "at")
    for pk, what, at in rows:
        seen[pk] = max(filter(None, (seen[pk], at)))
        if now - at <= LOOKING:
            pages.setdefault(pk, set()).add(what)
    return {pk: Attention(frozenset(pages.get(pk, ())), seen[pk]) for pk in known}


def waiting(connections: Iterable[Connection], now: datetime) -> set[int]:
    """The connections that have opened records to read. One statement."""
    rows = Interest.objects.filter(connection__in=list(connections), record_id__gt=0, at__gt=now - OPENED)
    return set(rows.values_list("connection_id", flat=True).distinct())


def of(connection: Connection, now: datetime) -> list[Interest]:
    """The records that this person opened, the latest first; what is too old goes."""
    found = Interest.objects.filter(connection=connection, record_id__gt=0)
    found.filter(at__lte=now - OPENED).delete()
    return list(found.order_by("-at"))


def done(interest: Interest) -> None:
    """It has been read. Who opened it anew meanwhile wants a later read."""
    Interest.objects.filter(pk=interest.pk, at=interest.at).delete()
