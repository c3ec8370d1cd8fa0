"""`/healthz`, `/readyz` and `/metrics`: who learns what, and what each fault turns red."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialToken
from django.contrib.auth import get_user_model
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import health, outbox
from sync.clock import database_now
from sync.models import Edit, Heartbeat, Quarantined, State
from tests import factories
from tests.processes import ROOT
from tests.sandboxes import SandboxServer

TOKEN = {"headers": {"Authorization": "Bearer scrape-me"}}
NAMES = ["database", "migrations", "worker-push", "worker-pull", "beat", "queue", "token"]


@pytest.fixture
def alive(db: None) -> None:
    """Workers and beat that have just given a sign of life."""
    for name in ("push", "pull", "beat"):
        health.beat(name)


@pytest.fixture
def operator(db: None) -> Client:
    user = get_user_model().objects.create_superuser("root", "", "a long password of theirs")
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def waiting(ada: Connection) -> Edit:
    """An edit that was recorded a moment ago."""
    factories.mirrored(ada)
    edit = actions.change(author=ada.user, deal=Deal.objects.all()[0], field="amount", value="77")
    assert edit
    return edit


def failed(client: Client, **how: Any) -> list[str]:
    answer = client.get("/readyz", **how)
    told = answer.json()
    wrong = [check["name"] for check in told["checks"] if not check["ok"]]
    assert (answer.status_code, told["ready"]) == ((503, False) if wrong else (200, True))
    return wrong


def test_ready_portal_answers_200_and_each_checks_name(alive: None, client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": [{"name": name, "ok": True} for name in NAMES]}
    assert "no-store" in answer["Cache-Control"]


def test_words_are_for_operators_and_for_who_has_the_token(alive: None, operator: Client, client: Client, settings):
    settings.METRICS_TOKEN = "scrape-me"
    for asked in (operator.get("/readyz"), client.get("/readyz", **TOKEN)):
        assert all(check["text"] for check in asked.json()["checks"])
    wrong = client.get("/readyz", headers={"Authorization": "Bearer another"})
    assert not any("text" in check for check in wrong.json()["checks"])


def test_member_learns_no_more_than_anybody(alive: None, ada: Connection, client: Client):
    client.force_login(ada.user)
    assert not any("text" in check for check in client.get("/readyz").json()["checks"])


@pytest.mark.parametrize(("name", "program"), [("beat", "beat"), ("push", "worker-push"), ("pull", "worker-pull")])
def test_silent_process_is_not_ready(alive: None, client: Client, name: str, program: str):
    Heartbeat.objects.filter(name=name).update(at=database_now() - timedelta(minutes=5))
    assert failed(client) == [program]


def test_missing_migration_is_not_ready(alive: None, client: Client):
    MigrationRecorder.Migration.objects.filter(app="sync").delete()
    assert failed(client) == ["migrations"]


def test_edit_that_waits_too_long_is_not_ready(alive: None, waiting: Edit, client: Client):
    assert failed(client) == []
    Edit.objects.update(created_at=database_now() - timedelta(hours=1))
    assert failed(client) == ["queue"]
    Connection.objects.update(state=Connection.State.RECONNECT)
    assert failed(client) == ["token"], "it waits for its author, who is told"


def test_edit_behind_one_that_needs_its_author_is_no_trouble_of_the_portals(alive: None, waiting: Edit, client: Client):
    Edit.objects.update(created_at=database_now() - timedelta(hours=1))
    waiting.pk = None
    waiting.state, waiting.created_at = State.PENDING, database_now() - timedelta(minutes=30)
    Edit.objects.update(state=State.AMBIGUOUS)
    waiting.save()
    assert failed(client) == []


@pytest.mark.parametrize("lost", ["row", "key"])
def test_token_that_cannot_be_used_is_not_ready(alive: None, ada: Connection, client: Client, settings, lost: str):
    assert failed(client) == []
    if lost == "row":
        SocialToken.objects.all().delete()
    else:
        settings.TOKEN_KEYS = ["b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="]
    assert failed(client) == ["token"]


def test_readiness_costs_a_handful_of_queries(
    alive: None, waiting: Edit, client: Client, django_assert_max_num_queries: Callable[[int], Any]
):
    client.get("/readyz")
    with django_assert_max_num_queries(12):
        client.get("/readyz")


def test_without_a_database_it_says_so_and_nothing_else(tmp_path):
    script = (
        "from django.test import Client; c = Client(); "
        "a, b = c.get('/readyz'), c.get('/healthz'); print(a.status_code, b.status_code, a.content.decode())"
    )
    environment = {
        "DATABASE_URL": "postgres://portal@127.0.0.1:1/portal", "DJANGO_SETTINGS_MODULE": "crmportal.settings",
        "ENV_FILE": "/dev/null", "VAR_DIR": str(tmp_path), "DJANGO_SECRET_KEY": "x" * 50, "LOG_LEVEL": "ERROR",
        "PATH": "", "DJANGO_ALLOWED_HOSTS": "testserver",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    ready, alive, told = done.stdout.split(" ", 2)
    assert (ready, alive) == ("503", "200")
    assert json.loads(told) == {"ready": False, "checks": [{"name": "database", "ok": False}]}


# --- metrics ---


def figures(client: Client, **how: Any) -> dict[tuple[str, ...], float]:
    """Every sample: its name and the values of its labels → its value."""
    answer = client.get("/metrics", **how)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_metrics_of_a_portal_for_others_need_the_token_or_an_operator(db: None, operator: Client, settings):
    assert Client().get("/metrics").status_code == 200, "this machine, of a portal that serves this machine alone"
    assert Client(REMOTE_ADDR="10.0.0.7").get("/metrics").status_code == 403
    settings.PUBLIC_URL = "https://crm.example.com"
    assert Client().get("/metrics").status_code == 403
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403
    settings.METRICS_TOKEN = "scrape-me"
    assert Client().get("/metrics", **TOKEN).status_code == 200
    assert Client().get("/metrics", headers={"Authorization": "Bearer scrape"}).status_code == 403
    assert operator.get("/metrics").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_figures_follow_what_happens(waiting: Edit, nimble: SandboxServer, client: Client):
    health.beat("push")
    Quarantined.objects.create(
        workspace=waiting.workspace, kind="deal", nimble_id="x", reason="r", payload={}, at=database_now()
    )
    before = figures(client)
    assert before["crmportal_edits", "pending"] == 1
    assert before["crmportal_edits", "conflict"] == 0
    assert before["crmportal_edits_oldest_seconds", "pending"] >= 0
    assert before["crmportal_quarantined",] == 1
    assert before["crmportal_connections", "active"] == 1
    assert before["crmportal_nimble_breaker", "closed"] == 1
    assert before["crmportal_nimble_breaker", "open"] == 0
    assert before["crmportal_heartbeat_age_seconds", "push"] < 60
    assert 0 <= before["crmportal_stream_lag_seconds", "deals"] < 60

    nimble.expire(waiting.connection.email)
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED

    after = figures(client)

    def risen(*sample: str) -> float:
        return after.get(sample, 0) - before.get(sample, 0)

    assert after["crmportal_edits", "pending"] == 0
    assert risen("crmportal_edit_attempts_total", "confirmed") == 1
    assert risen("crmportal_token_refreshes_total", "renewed") == 1
    sent = [sample for sample in after if sample[0] == "crmportal_nimble_request_seconds_count" and risen(*sample)]
    assert {status for *_, status in sent} >= {"200"}


def test_no_figure_names_a_record_or_a_person(waiting: Edit, client: Client):
    text = client.get("/metrics").content.decode()
    deal = Deal.objects.get(pk=waiting.record_id)
    secrets = {deal.name, deal.nimble_id, waiting.connection.name, waiting.connection.nimble_user_id}
    assert {each for each in secrets if each and each in text} == set()
