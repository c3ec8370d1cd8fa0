"""What can be wrong with an installation: each check yields what it found, and what to type where it is wrong."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from crmportal import broker
from crmportal.supervisor import Control
from nimble import mfa
from nimble.encryption import ENCRYPTED, Undecipherable
from nimble.models import Connection as Person
from nimble.registration import differs_from_environment, social_app
from sync.clock import database_now
from sync.health import sign
from sync.models import NEEDS_PERSON, Edit, Heartbeat, Quarantined

SECONDS = 5
# Beat rings every 2 s for edits, and every 5 s for what is due from Nimble.
LATE_SECONDS = {"push": 10, "pull": 30}


@dataclass(frozen=True)
class Finding:
    """A sentence, and, where it tells of something wrong, what to do about it."""

    text: str
    todo: str = ""


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


def database() -> Iterator[Finding]:
    """Whether it is there, and as this version wants it."""
    try:
        executor = MigrationExecutor(connection)
    except (OperationalError, ImproperlyConfigured) as error:
        yield Finding(f"the database is not reachable: {first_line(error)}", "start it, or correct DATABASE_URL")
        return
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        text = "1 migration" if len(missing) == 1 else f"{len(missing)} migrations"
        yield Finding(f"the database lacks {text}", "./run manage migrate")
    else:
        yield Finding(f"the database is reachable and up to date ({connection.vendor})")


def doorbell() -> Iterator[Finding]:
    """Whether the broker is there."""
    if broker.reachable():
        yield Finding(f"{broker.name()} is reachable")
    elif settings.CELERY_BROKER_URL.startswith("filesystem"):
        yield Finding(f"{broker.name()} is not reachable", "let this user write there")
    else:
        yield Finding(f"{broker.name()} is not reachable", "start it, or correct CELERY_BROKER_URL")


def keys() -> Iterator[Finding]:
    """Whether every stored secret opens with the keys that are set."""
    closed = 0
    for model, names in ENCRYPTED.items():
        for pk in model._default_manager.values_list("pk", flat=True):
            try:
                model._default_manager.filter(pk=pk).values_list(*names).get()
            except Undecipherable:
                closed += 1
    for authenticator in Authenticator.objects.all():
        try:
            mfa.check(authenticator)
        except Undecipherable:
            closed += 1
    if closed:
        text = "1 stored secret" if closed == 1 else f"{closed} stored secrets"
        yield Finding(
            f"{text} cannot be decrypted: TOKEN_KEYS lacks the key that was used",
            "append the former key to TOKEN_KEYS, after a comma, then ./run manage rotate_keys",
        )
    else:
        yield Finding("every stored secret can be decrypted")


def application() -> Iterator[Finding]:
    """Whether Nimble knows us, as the environment and the admin site say."""
    try:
        app = social_app()
    except Undecipherable:
        return  # told with the keys
    if app is None:
        yield Finding(
            "there is no client id and secret for Nimble, so nobody can sign in through it",
            "set NIMBLE_CLIENT_ID and NIMBLE_CLIENT_SECRET, or add a social application in the admin site",
        )
    elif differs_from_environment(app):
        yield Finding(
            "NIMBLE_CLIENT_ID or NIMBLE_CLIENT_SECRET differs from the admin site's social application, which counts",
            f"correct either: {settings.PUBLIC_URL}/admin/socialaccount/socialapp/{app.pk}/change/",
        )
    else:
        yield Finding(f"Nimble knows this installation as {app.client_id}")


def nimble() -> Iterator[Finding]:
    """Whether Nimble's address answers; no request is made."""
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
    else:
        yield Finding(f"{settings.NIMBLE_BASE_URL} is reachable")


def processes() -> Iterator[Finding]:
    """Whether everything runs, by the supervisor where there is one, and by the workers' signs of life."""
    control = Control(settings.VAR_DIR)
    stopped = set()
    if control.running():
        for name, state in control.states().items():
            if state != "RUNNING":
                stopped.add(name)
                yield Finding(f"{name} is {state.lower()}", f"./run start {name}, and ./run logs {name} for why")
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    now = database_now()
    for name in ("push", "pull"):
        if f"worker-{name}" in stopped:
            continue  # told already, and what it last said counts no more
        found = sign(name, seen.get(name), now)
        late = found.seen is None or (now - found.seen).total_seconds() > LATE_SECONDS[name]
        if late and "beat" in stopped:
            continue  # nobody rings
        if late:
            since = f"since {found.seen:%Y-%m-%d %H:%M:%S} UTC" if found.seen else "so far"
            yield Finding(
                f"no sign of life of worker-{name} {since}; it gives one whenever beat rings",
                "./run status; ./run start worker; ./run start beat",
            )
        else:
            yield Finding(f"worker-{name} is alive")


def people() -> Iterator[Finding]:
    """Who has to do something before their edits arrive."""
    for each in Person.objects.filter(state=Person.State.RECONNECT).select_related("workspace"):
        yield Finding(
            f"{each} in {each.workspace} is no longer let in by Nimble", "they sign in through Nimble once more"
        )
    waiting = Edit.objects.filter(state__in=NEEDS_PERSON).count()
    if waiting:
        text = "1 edit needs a person" if waiting == 1 else f"{waiting} edits need a person"
        yield Finding(text, f"their authors see them at {settings.PUBLIC_URL}/sync/")
    quarantined = Quarantined.objects.count()
    if quarantined:
        text = "1 record" if quarantined == 1 else f"{quarantined} records"
        yield Finding(f"{text} of Nimble's could not be stored", f"listed at {settings.PUBLIC_URL}/admin/")


# What needs the database comes last, and is left out when that is not there.
WITHOUT_DATABASE: list[Callable[[], Iterator[Finding]]] = [configuration, doorbell, nimble, database]
WITH_DATABASE: list[Callable[[], Iterator[Finding]]] = [keys, application, processes, people]


def examine() -> Iterator[Finding]:
    """Everything that there is to say, good or bad."""
    sound = True
    for check in WITHOUT_DATABASE:
        for finding in check():
            sound = sound and not (check is database and finding.todo)
            yield finding
    if sound:
        for check in WITH_DATABASE:
            try:
                yield from check()
            except DatabaseError as error:
                yield Finding(f"the database refused: {first_line(error)}", "./run logs")


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
