"""Copies of the database, made while it is in use, and put back while it is not."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from sync.restored import Settled


class Failed(Exception):
    """It did not work; the message says why and what to do."""


def make(file: Path) -> None:
    """A whole, consistent copy, readable by its owner alone. Raises `Failed`."""
    if file.exists():
        raise Failed(f"{file} is there already.")
    beside = file.with_name(f"{file.name}.part")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        if connection.vendor == "sqlite":
            copy(database_file(), beside)
        else:
            postgres("pg_dump", "--format=custom", "--schema=public", f"--file={beside}")
        beside.replace(file)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        beside.unlink(missing_ok=True)


def put_back(file: Path) -> str:
    """Replace the database by a copy that `make` made; tells where the present one is kept. Raises `Failed`."""
    if not file.is_file():
        raise Failed(f"There is no file {file}.")
    kept = f"before_restore_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    if connection.vendor == "sqlite":
        check(file)
        return replace_file(file, database_file(), kept)
    return replace_schema(file, kept)


def replace_file(file: Path, path: Path, kept: str) -> str:
    connection.close()
    fresh = path.with_name(f"{path.name}.part")
    copy(file, fresh)
    former = path.with_name(f"{path.name}.{kept}")
    if path.exists():
        # As a copy, for what was committed last may still stand in the log beside it.
        copy(path, former)
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
    fresh.replace(path)
    return f"the file {former}"


def replace_schema(file: Path, kept: str) -> str:
    """The present tables step aside, so that a failure brings them back, and none that is newer stays behind."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA public RENAME TO {kept}")
        cursor.execute("CREATE SCHEMA public")
    try:
        postgres(
            *("pg_restore", "--schema=public", "--no-owner", "--no-privileges"),
            *("--single-transaction", "--exit-on-error", file),
        )
    except Failed:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute(f"ALTER SCHEMA {kept} RENAME TO public")
        raise
    return f"the schema {kept}"


def check(file: Path) -> None:
    """Whether it is a whole database of this product's. Raises `Failed`."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
            whole = opened.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            opened.execute("SELECT 1 FROM sync_edit LIMIT 1").fetchall()
    except sqlite3.DatabaseError:
        raise Failed(f"{file} is not a backup of this portal.") from None
    if not whole:
        raise Failed(f"{file} is damaged.")


def copy(source: Path, target: Path) -> None:
    """By SQLite itself, page by page, while others read and write."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600))
    with (
        contextlib.closing(sqlite3.connect(source, timeout=30)) as one,
        contextlib.closing(sqlite3.connect(target)) as other,
    ):
        one.backup(other)


def database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def postgres(program: str, *options: object) -> None:
    """One of PostgreSQL's programs, on the database of the settings. Raises `Failed`."""
    found = shutil.which(program)
    if not found:
        raise Failed(f"{program} is not installed: apt-get install postgresql-client")
    client: Any = connection.client
    command, environment = client.settings_to_cmd_args_env(connection.settings_dict, [])
    *address, name = command[1:]
    connection.close()
    done = subprocess.run(
        [found, *map(str, options), *address, f"--dbname={name}"],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{program} failed: {done.stderr.strip()}")


def told(done: Settled) -> str:
    """What was done after a backup was restored, for whoever is at the terminal."""
    return "\n".join(
        [
            "A backup was restored: this database is older than what was sent from here.",
            f"  {done.looked_up} creates are looked up in Nimble before they are sent",
            f"  {done.asked} edits ask their author first, for nothing can be looked up",
            f"  {done.streams} streams are read anew and compared",
            "  People may have to sign in through Nimble once more; their edits are kept.",
        ]
    )
