"""Each trouble that doctor can name, provoked: what it says, and that it tells what to do."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialToken
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db.migrations.recorder import MigrationRecorder

from crmportal.doctor import examine
from crmportal.supervisor import Program, Supervisor
from deals import actions
from deals.models import Deal
from nimble.client import Client
from nimble.errors import NimbleError
from nimble.models import Connection
from sync import health, newest, outbox, restored
from sync.clock import database_now
from sync.models import Brake, Edit, Heartbeat, Quarantined, State, Stream
from tests import factories
from tests.processes import wait_for
from tests.sandboxes import SandboxServer

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def healthy(var: Path, settings, ada: Connection) -> Connection:
    """An installation in which nothing is wrong, with Ada connected."""
    settings.CELERY_BROKER_URL = "filesystem://"
    settings.BROKER_DIR = var / "broker"
    (settings.BROKER_DIR / "queue").mkdir(parents=True)
    for name in ("push", "pull", "beat"):
        health.beat(name)
    factories.mirrored(ada)
    assert wrong() == []
    return ada


@pytest.fixture
def edit(healthy: Connection) -> Edit:
    made = actions.change(author=healthy.user, deal=Deal.objects.all()[0], field="amount", value="77")
    assert made
    return made


def wrong() -> list[str]:
    """What doctor finds wrong; each says what to do."""
    return [finding.text for finding in examine() if finding.todo]


def only(text: str) -> None:
    """One thing is wrong, and it is said so."""
    found = wrong()
    assert len(found) == 1, found
    assert text in found[0]


def test_healthy_installation_hears_what_was_looked_at(healthy: Connection):
    said = " / ".join(finding.text for finding in examine())
    for part in ("settings are consistent", "has room", "broker", "agrees with Nimble's", "up to date", "is alive"):
        assert part in said


def test_broker_that_is_down(healthy: Connection, settings):
    shutil.rmtree(settings.BROKER_DIR)
    only("the broker's folder")


def test_disk_that_is_nearly_full(healthy: Connection, settings):
    settings.DISK_ALERT_MB = shutil.disk_usage(settings.VAR_DIR).total // 1_000_000 + 1
    only("MB left")


def test_email_that_reaches_nobody_where_others_are_served(healthy: Connection, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert wrong() == []
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "http://crm.example.com", ["crm.example.com"]
    settings.DEBUG = True  # else the sandbox's address, which is this machine's, is told as well
    only("e-mails are written to the web's log")


def test_sandbox_where_others_are_served(healthy: Connection, settings):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "http://crm.example.com", ["crm.example.com"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    only("NIMBLE_BASE_URL is on this machine")


def test_public_url_that_no_allowed_host_matches(healthy: Connection, settings):
    settings.ALLOWED_HOSTS = ["other.test"]
    only("PUBLIC_URL is http://127.0.0.1:8000, but DJANGO_ALLOWED_HOSTS allows only other.test")


@pytest.mark.parametrize(("offset", "said"), [(3600.0, "behind Nimble's"), (-3600.0, "ahead of Nimble's")])
def test_clocks_that_disagree(healthy: Connection, nimble: SandboxServer, offset: float, said: str):
    nimble.set(clock_offset=offset)
    only(said)


def test_nimble_that_is_away(healthy: Connection, settings):
    settings.NIMBLE_BASE_URL = "http://127.0.0.1:1"
    only("http://127.0.0.1:1 is not reachable")


def test_missing_migration_silences_what_needs_the_database(healthy: Connection):
    MigrationRecorder.Migration.objects.filter(app="nimble", name="0003_seal_second_factors").delete()
    only("the database lacks 1 migration")


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
    """Another program, in the middle of writing."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.skipif(database.vendor != "sqlite", reason="only on SQLite")
@pytest.mark.django_db(transaction=True)
def test_locked_database(healthy: Connection):
    with held(database.settings_dict["NAME"]):
        only("keeps the database locked")


def test_stored_secrets_without_their_key(healthy: Connection, settings):
    TOTP.activate(
        get_user_model().objects.create_superuser("root", "", "a long password of theirs"), "JBSWY3DPEHPK3PXP"
    )
    settings.TOKEN_KEYS = ["b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="]
    only("3 stored secrets cannot be decrypted")


def test_missing_tokens(healthy: Connection):
    SocialToken.objects.all().delete()
    only("Ada Lindqvist in" if healthy.name == "Ada Lindqvist" else f"{healthy} in")


def test_person_who_must_reconnect(healthy: Connection):
    Connection.objects.update(state=Connection.State.RECONNECT)
    only("no longer let in by Nimble")


def test_silent_beat_blames_no_worker(healthy: Connection):
    Heartbeat.objects.update(at=database_now() - LONG_AGO)
    only("no sign of life of beat since")


@pytest.mark.parametrize("name", ["push", "pull"])
def test_silent_worker(healthy: Connection, name: str):
    Heartbeat.objects.filter(name=name).update(at=database_now() - LONG_AGO)
    only(f"no sign of life of worker-{name} since")


def test_deaf_worker_that_runs(healthy: Connection, settings):
    Heartbeat.objects.filter(name="push").update(at=database_now() - LONG_AGO)
    with Supervisor(settings.VAR_DIR, [Program("worker-push", ("-c", "import time; time.sleep(600)"))]) as supervisor:
        wait_for(lambda: supervisor.states() == {"worker-push": "RUNNING"}, "it runs")
        only("worker-push runs, and does not hear the bell since")
        supervisor.control.stop("worker-push")
        only("worker-push is stopped")


@pytest.mark.broken_answers
def test_breaker_that_is_open(healthy: Connection, nimble: SandboxServer):
    nimble.fault(method="GET", path="/api/v2/deals/.*", times=0, status=500)
    client = Client(healthy)
    for deal in Deal.objects.all()[:3]:
        with contextlib.suppress(NimbleError):
            client.deal(deal.known_id)
    only("Nimble answers nothing since")


def test_edit_that_waits_too_long(edit: Edit):
    assert wrong() == []
    Edit.objects.update(created_at=database_now() - LONG_AGO)
    only("1 edit has waited for more than 15 minutes")


def test_edit_that_needs_a_person(edit: Edit):
    Edit.objects.update(state=State.CONFLICT)
    only("1 edit needs a person")


def test_quarantined_record(healthy: Connection):
    Quarantined.objects.create(
        workspace=healthy.workspace, kind="deal", nimble_id="x", reason="r", payload={}, at=database_now()
    )
    only("1 record of Nimble's could not be stored")


def test_held_brake(healthy: Connection):
    now = database_now()
    Brake.objects.create(
        stream=Stream.objects.get(name="deals"),
        kind="deal",
        missing=30,
        known=40,
        mark="m",
        began_at=now,
        listed_at=now,
    )
    only("30 of 40 records vanished at once")


def test_stream_that_keeps_failing(healthy: Connection):
    Stream.objects.filter(name="deals").update(failures=3)
    only("failed 3 times in a row")


@pytest.mark.django_db(transaction=True)
def test_backup_that_was_restored(edit: Edit):
    """A write leaves; then the database of before it is back."""
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    line = newest.line()
    assert newest.read() == (line.name, line.number)
    type(line).objects.update(number=line.number - 1)
    only("the database is older than what was sent from here")
    Edit.objects.update(state=State.PENDING, kind="deal_note", operation="create", confirmed_at=None)
    assert restored.settle().asked == 1
    found = wrong()
    assert [text for text in found if "may have been sent since the backup that was restored" in text]
    assert not newest.is_behind()
