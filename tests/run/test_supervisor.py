"""supervisord over small programs of this test's own."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmportal import control
from crmportal.supervisor import Program, Supervisor
from tests.processes import wait_for

SLEEP = ("-c", "import time; time.sleep(600)")
# Takes two seconds to end when it is told to.
SLOW_TO_END = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), sys.exit()))
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


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


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, str]:
    """What `./run stop` and its like print, and why they fail."""
    monkeypatch.setattr(sys, "argv", ["./run", *arguments])
    why = ""
    try:
        control.main()
    except SystemExit as end:
        why = str(end.code)
    return capsys.readouterr().out, why


def test_stop_while_it_is_ending_says_so_and_waits_for_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    ready, script = tmp_path / "ready", tmp_path / "slow.py"
    script.write_text(SLOW_TO_END)
    with Supervisor(tmp_path / "var", [Program("web", (str(script), str(ready)))]) as slow:
        wait_for(ready.exists, "the program is there")
        slow.control.call("shutdown")
        assert told(capsys, monkeypatch, "status") == ("", "Everything is ending. Once it has, ./run starts it again.")
        assert told(capsys, monkeypatch, "stop") == ("It is ending already ...\nStopped.\n", "")
        assert not slow.control.running()
        assert told(capsys, monkeypatch, "stop") == ("", "Nothing is running here. ./run starts it.")


def test_end_between_two_looks_is_told_as_an_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    with Supervisor(tmp_path / "var", [Program("web", SLEEP)]) as running:
        wait_for(lambda: set(running.states().values()) == {"RUNNING"}, "the program runs")
        first_look = control.Control.running

        def look_and_end(found: control.Control) -> bool:
            """It ends just after it was found."""
            monkeypatch.setattr(control.Control, "running", first_look)
            was_running = found.running()
            found.shutdown()
            return was_running

        monkeypatch.setattr(control.Control, "running", look_and_end)
        assert told(capsys, monkeypatch, "stop") == ("", "Nothing is running here. ./run starts it.")


def test_configuration_holds_no_secret(supervisor: Supervisor) -> None:
    text = supervisor.configuration()
    assert not any(os.environ[name] in text for name in ("DJANGO_SECRET_KEY", "TOKEN_KEYS", "NIMBLE_CLIENT_SECRET"))
