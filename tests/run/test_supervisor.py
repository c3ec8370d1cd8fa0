"""supervisord over small programs of this test's own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmportal.supervisor import Program, Supervisor
from tests.processes import wait_for

SLEEP = ("-c", "import time; time.sleep(600)")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor in a folder whose path is long and has a % in it."""
    var = tmp_path / "100% long" / ("x" * 90)
    with Supervisor(var, [Program("worker-a", SLEEP), Program("worker-b", SLEEP), Program("web", SLEEP)]) as running:
        wait_for(lambda: set(running.states().values()) == {"RUNNING"}, "all programs run")
        yield running


def pids(supervisor: Supervisor) -> dict[str, int]:
    return {each["name"]: each["pid"] for each in supervisor.control.processes()}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stop_worker_stops_both_workers_until_they_are_started(supervisor: Supervisor) -> None:
    assert supervisor.control.stop("worker") == ["worker-a", "worker-b"]
    assert supervisor.states() == {"worker-a": "STOPPED", "worker-b": "STOPPED", "web": "RUNNING"}
    supervisor.control.stop("worker")
    supervisor.control.start("worker")
    assert set(supervisor.states().values()) == {"RUNNING"}


def test_a_name_that_is_not_there_is_told_with_those_that_are(supervisor: Supervisor) -> None:
    with pytest.raises(LookupError, match="web, worker-a, worker-b"):
        supervisor.control.stop("wor")


def test_a_killed_program_comes_back(supervisor: Supervisor) -> None:
    before = pids(supervisor)["web"]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: pids(supervisor)["web"] not in (0, before), "the program comes back")


def test_programs_end_when_supervisord_is_killed(supervisor: Supervisor) -> None:
    before = pids(supervisor)
    supervisor.process.kill()
    wait_for(lambda: not any(map(alive, before.values())), "the programs end")
    assert supervisor.ended()


def test_shutdown_ends_everything(supervisor: Supervisor) -> None:
    before = pids(supervisor)
    supervisor.control.shutdown()
    wait_for(supervisor.ended, "supervisord ends")
    assert not any(map(alive, before.values()))
    assert not supervisor.control.running()


def test_configuration_holds_no_secret(supervisor: Supervisor) -> None:
    text = supervisor.configuration()
    assert not any(os.environ[name] in text for name in ("DJANGO_SECRET_KEY", "TOKEN_KEYS", "NIMBLE_CLIENT_SECRET"))
