"""A program that is there and does nothing: its sign of life goes stale, health turns red, and it is restarted."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from crmportal.supervisor import Program, Supervisor
from crmportal.watch import Watch
from sync import health
from sync.clock import database_now
from sync.models import Heartbeat
from tests.integration.test_workers import Move
from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for
from tests.visitors import Visitor

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Portal:
    return make_portal("--contacts", "20", "--deals", "20", environment={"SILENT_SECONDS": "10"})


def red(portal: Portal) -> set[str]:
    """The checks of `/readyz` that fail."""
    checks = requests.get(f"{portal.url}/readyz", timeout=10).json()["checks"]
    return {check["name"] for check in checks if not check["ok"]}


def deafen(portal: Portal, program: str) -> None:
    """Leaves the program alive, and deaf to everything."""
    os.kill(portal.pid(program), signal.SIGSTOP)


def test_deaf_sender_turns_health_red_and_is_restarted_and_nothing_is_lost(running: Portal):
    visitor = Visitor(running, ADA)
    wait_for(lambda: len(visitor.cards()) > 5, "the workers fill the board", timeout=60)
    wait_for(lambda: not red(running), "everything is ready", timeout=60)
    before = {name: running.pid(name) for name in ("worker-push", "worker-pull", "beat", "web")}
    deafen(running, "worker-push")
    move = Move(visitor).send()
    wait_for(lambda: red(running) == {"worker-push"}, "its silence shows", timeout=60)
    assert running.manage("alive", "beat").startswith("beat: ")
    wait_for(lambda: running.pid("worker-push") not in (0, before["worker-push"]), "it is restarted", timeout=90)
    move.arrives(timeout=30)
    wait_for(lambda: not red(running), "health is green again", timeout=60)
    assert {name: running.pid(name) for name in ("worker-pull", "beat", "web")} == {
        name: before[name] for name in ("worker-pull", "beat", "web")
    }
    assert "restarting a program that gives no sign of life" in running.printed()


def test_silent_beat_is_restarted_and_no_worker_is_blamed(running: Portal):
    before = {name: running.pid(name) for name in ("worker-push", "worker-pull", "beat")}
    deafen(running, "beat")
    wait_for(lambda: "beat" in red(running), "its silence shows", timeout=60)
    wait_for(lambda: running.pid("beat") not in (0, before["beat"]), "it is restarted", timeout=90)
    wait_for(lambda: not red(running), "health is green again", timeout=60)
    assert {name: running.pid(name) for name in ("worker-push", "worker-pull")} == {
        name: before[name] for name in ("worker-push", "worker-pull")
    }


def test_program_that_somebody_stopped_is_left_alone(tmp_path: Path, db: None):
    long_ago = database_now() - timedelta(hours=1)
    health.beat("beat")
    Heartbeat.objects.create(name="push", at=long_ago)
    with Supervisor(tmp_path, [Program("worker-push", ("-c", "import time; time.sleep(600)"))]) as supervisor:
        wait_for(lambda: supervisor.states() == {"worker-push": "RUNNING"}, "it runs")
        watch = Watch(supervisor.control, ringing=long_ago)
        assert watch.look() == [], "it has only begun"
        supervisor.control.stop("worker-push")
        assert watch.look() == []
