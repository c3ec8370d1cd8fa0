"""Whether this database is the newest of its line, or an older copy of it that somebody restored.

Each write to Nimble is numbered in the database before it leaves, and the number is noted in a file beside it, which a
restored database does not take back. A database behind its file has forgotten writes: what it believes unsent may be in
Nimble. Where the file is restored as well, or is another machine's, nobody can tell; `manage.py restored` says it then.
"""

import fcntl
import json
import secrets
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import connection as database
from django.db import transaction

from sync.models import Line

log = structlog.get_logger(__name__)


class Note(NamedTuple):
    """Which line, and how many writes it had sent."""

    line: str
    number: int


class Older(Exception):
    """This database is older than what was seen here: whatever it wants to send has to wait until that is settled."""


def line() -> Line:
    """The database's own row; made when the database is new."""
    return Line.objects.get_or_create(pk=1, defaults={"name": secrets.token_hex(16)})[0]


def advance() -> Note:
    """Number a write that is about to leave; `note` it once this is committed. Raises `Older`.

    The file is read first: it only ever holds numbers that were committed before, so a newer database is ahead of it.
    """
    noted = read()
    # Whoever calls it in a transaction has that rolled back.
    with transaction.atomic(savepoint=False):
        mine = _raised()
        if mine is None:
            line()
            mine = _raised()
        if mine is None or (noted and noted.line == mine.line and noted.number >= mine.number):
            raise Older
    return mine


def _raised() -> Note | None:
    table = database.ops.quote_name(Line._meta.db_table)
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET number = number + 1 WHERE id = 1 RETURNING name, number")  # noqa: S608
        found = cursor.fetchall()
    return Note(*found[0]) if found else None


def is_behind() -> bool:
    """Whether the file has seen more than this database."""
    noted, own = read(), line()
    return bool(noted and noted.line == own.name and noted.number > own.number)


def note(newest: Note) -> None:
    """Remember the number beside the database, unless a greater one of its line is there."""
    path = settings.VAR_DIR / "newest.json"
    beside = path.with_suffix(".new")
    try:
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            noted = read()
            if noted is None or noted.line != newest.line or noted.number < newest.number:
                beside.write_text(json.dumps(newest._asdict()))
                beside.replace(path)
    except OSError as error:
        # A full disk must not keep edits from being sent.
        log.warning("could not note how far the database is", error=type(error).__name__)


def read() -> Note | None:
    """What the file says; None where there is none that can be read."""
    try:
        found = json.loads((settings.VAR_DIR / "newest.json").read_text())
        return Note(str(found["line"]), int(found["number"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
