"""For a team: `./run serve` on PostgreSQL and Redis, and what `doctor` says of it while things break."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.processes import ROOT, MakePortal, Portal, wait_for
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.integration
# Beat rings the pull worker every 15 seconds.
ALIVE_SECONDS = 60


@pytest.fixture(scope="module")
def team(make_portal: MakePortal, sandbox_server: SandboxServer) -> Portal:
    """A portal that serves, with every server that a team has."""
    return make_portal(
        nimble=sandbox_server.url,
        environment={
            "DATABASE_URL": servers.needed(servers.new_database),
            "CELERY_BROKER_URL": servers.needed(servers.redis).url,
            "NIMBLE_CLIENT_ID": "sandbox-client",
            "NIMBLE_CLIENT_SECRET": "sandbox-secret",
        },
    )


def doctor(portal: Portal, **environment: str) -> list[str]:
    """What `./run doctor` finds wrong."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env=portal.environment | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [line.removeprefix("wrong  ") for line in done.stdout.splitlines() if line.startswith("wrong ")]
    todo = [line for line in done.stdout.splitlines() if line.startswith("       -> ")]
    assert len(wrong) == len(todo)
    assert done.returncode == (1 if wrong else 0), done.stdout + done.stderr
    return wrong


def test_serve_runs_web_workers_and_beat_and_nothing_else(team: Portal) -> None:
    assert set(team.control.states()) == {"web", "worker-push", "worker-pull", "beat"}


def test_doctor_finds_nothing_wrong_once_beat_has_rung(team: Portal) -> None:
    wait_for(lambda: not doctor(team), "everything gives a sign of life", timeout=ALIVE_SECONDS, every=1)


def test_doctor_names_a_program_that_is_stopped(team: Portal) -> None:
    team.stop("beat")
    try:
        assert "beat is stopped" in doctor(team)
    finally:
        team.start("beat")


def test_doctor_calls_no_worker_alive_that_is_stopped(team: Portal) -> None:
    team.stop("worker-push")
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor"],
            cwd=ROOT,
            env=team.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "worker-push is stopped" in done.stdout
        assert "worker-push is alive" not in done.stdout
    finally:
        team.start("worker-push")


def test_doctor_says_everything_that_is_wrong_at_once(team: Portal) -> None:
    found = doctor(
        team,
        CELERY_BROKER_URL="redis://:hidden@127.0.0.1:1",
        NIMBLE_BASE_URL="http://127.0.0.1:1",
        NIMBLE_CLIENT_SECRET="another",
        TOKEN_KEYS="b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q=",
        PUBLIC_URL="https://crm.example.com",
        DJANGO_ALLOWED_HOSTS="other.test",
    )
    assert [" ".join(line.split()[:4]) for line in found] == [
        "NIMBLE_BASE_URL is on this",
        "PUBLIC_URL is https://crm.example.com, but",
        "e-mails are written to",
        "the broker redis://:**@127.0.0.1:1// is",
        "http://127.0.0.1:1 is not reachable:",
        "1 stored secret cannot",
    ]


def test_doctor_tells_when_environment_and_admin_differ(team: Portal) -> None:
    assert [line[:40] for line in doctor(team, NIMBLE_CLIENT_SECRET="another")] == [
        "NIMBLE_CLIENT_ID or NIMBLE_CLIENT_SECRET"
    ]


def test_doctor_without_a_database_still_says_the_rest(team: Portal) -> None:
    found = doctor(team, DATABASE_URL="postgres://portal@127.0.0.1:1/portal", TOKEN_KEYS="")
    assert [line[:30] for line in found] == ["TOKEN_KEYS is not set.", "the database is not reachable:"]


def test_doctor_says_that_migrations_are_missing(team: Portal, tmp_path: Path) -> None:
    found = doctor(team, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert [line for line in found if "migrations" in line]


def test_serve_on_a_taken_port_fails_and_starts_nothing(team: Portal, tmp_path: Path) -> None:
    port = team.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "crmportal.prepare", "serve"],
        cwd=ROOT,
        env=team.environment | {"VAR_DIR": str(tmp_path), "ENV_FILE": str(tmp_path / "env")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"Port {port} is taken. End what listens there, or set PORT to another.\n",
    )
