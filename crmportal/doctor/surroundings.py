"""What the portal stands on: settings, disk, e-mail, broker, Nimble's address, the database."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from crmportal import broker
from crmportal.doctor.finding import Finding, counted, first_line
from nimble.errors import NimbleError
from nimble.transport import Denied, exchange

SECONDS = 5
# Lost creates are looked up from some minutes before they were sent.
SKEW_SECONDS = 120
NOBODYS_TOKEN = "nobody"  # noqa: S105


def configuration() -> Iterator[Finding]:
    """Django's own checks, with those for production where people reach it over https."""
    found = [each for each in checks.run_checks(include_deployment_checks=settings.HTTPS) if not each.is_silenced()]
    for each in found:
        yield Finding(each.msg, each.hint or f"docs/settings.md; the check is {each.id}")
    if not found:
        yield Finding("the settings are consistent")
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    allowed = settings.ALLOWED_HOSTS
    if not any(each in ("*", host) or (each.startswith(".") and f".{host}".endswith(each)) for each in allowed):
        yield Finding(
            f"PUBLIC_URL is {settings.PUBLIC_URL}, but DJANGO_ALLOWED_HOSTS allows only {', '.join(allowed)}",
            f"add {host} to DJANGO_ALLOWED_HOSTS, or unset it",
        )


def mail() -> Iterator[Finding]:
    """Whether anybody is told outside of the portal; one that serves its own machine alone needs nobody told."""
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend") and not is_local():
        yield Finding("e-mails are written to the web's log, and reach nobody", "set EMAIL_URL and DEFAULT_FROM_EMAIL")


def is_local() -> bool:
    return urlsplit(settings.PUBLIC_URL).hostname in settings.LOOPBACK


def disk() -> Iterator[Finding]:
    """Whether there is room to write: a full disk stops SQLite, the logs and the filesystem broker."""
    free = shutil.disk_usage(settings.VAR_DIR).free // 1_000_000
    if free < settings.DISK_ALERT_MB:
        yield Finding(f"{settings.VAR_DIR} has only {free} MB left", "make room, or move VAR_DIR")
    else:
        yield Finding(f"{settings.VAR_DIR} has room")


def doorbell() -> Iterator[Finding]:
    """Whether the broker is there."""
    if broker.reachable():
        yield Finding(f"{broker.name()} is reachable")
    elif settings.CELERY_BROKER_URL.startswith("filesystem"):
        yield Finding(f"{broker.name()} is not reachable", "let this user write there")
    else:
        yield Finding(f"{broker.name()} is not reachable", "start it, or correct CELERY_BROKER_URL")


def nimble() -> Iterator[Finding]:
    """Whether Nimble's address answers, and what time it is there. To be refused, with nobody's token, is an answer."""
    parts = urlsplit(settings.NIMBLE_BASE_URL)
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=SECONDS).close()
    except OSError as error:
        todo = (
            "./run start sandbox, or ./run when nothing runs"
            if settings.SANDBOX
            else "look at the network, or correct NIMBLE_BASE_URL"
        )
        yield Finding(f"{settings.NIMBLE_BASE_URL} is not reachable: {first_line(error)}", todo)
        return
    yield Finding(f"{settings.NIMBLE_BASE_URL} is reachable")
    yield from clock()


def clock() -> Iterator[Finding]:
    """Whether the clocks here and there agree, by the `Date` of an answer."""
    with contextlib.suppress(NimbleError, Denied, TypeError, ValueError):
        answer = exchange("GET", "/api/v1/myself", operation="doctor", token=NOBODYS_TOKEN, timeout=(SECONDS, SECONDS))
        there = parsedate_to_datetime(answer.headers["Date"])
        apart = (datetime.now(UTC) - there).total_seconds()
        if abs(apart) > SKEW_SECONDS:
            where = "ahead of" if apart > 0 else "behind"
            yield Finding(
                f"this machine's clock is {abs(apart):.0f} s {where} Nimble's",
                "timedatectl set-ntp true, or ask whose is wrong",
            )
        else:
            yield Finding("this machine's clock agrees with Nimble's")


def database() -> Iterator[Finding]:
    """Whether it is there, takes writes, and is as this version wants it."""
    try:
        executor = MigrationExecutor(connection)
    except (OperationalError, ImproperlyConfigured) as error:
        if "locked" in str(error):
            yield from locked()
        else:
            yield Finding(f"the database is not reachable: {first_line(error)}", "start it, or correct DATABASE_URL")
        return
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding(f"the database lacks {counted(len(missing), 'migration', 'migrations')}", "./run manage migrate")
        return
    if connection.vendor == "sqlite" and is_locked():
        yield from locked()
        return
    yield Finding(f"the database is reachable and up to date ({connection.vendor})")


def is_locked() -> bool:
    """Whether somebody has been writing to SQLite's file for longer than any transaction of ours takes."""
    patience = connection.settings_dict["OPTIONS"].get("timeout", SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {SECONDS * 1000}")
        try:
            with transaction.atomic():
                return False
        except OperationalError:
            return True
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience * 1000}")


def locked() -> Iterator[Finding]:
    path = connection.settings_dict["NAME"]
    yield Finding("another program keeps the database locked", f"fuser -v {path} tells which: let it end, or end it")
