"""Everything started, ended and broken as a person, a terminal or an accident does it."""

import os
import pty
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmportal import prepare
from tests.processes import ROOT, Portal, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with a small world; tests end it, and start it again."""
    portal = Portal(tmp_path_factory.mktemp("portal"), "--contacts", "20", "--deals", "10", begun=False)
    portal.launch()
    yield portal
    portal.end()
    assert processes(portal) == []


@pytest.fixture
def running(portal: Portal) -> Portal:
    """The portal, started unless it runs."""
    if portal.process.poll() is not None:
        portal.launch()
    return portal


@pytest.fixture
def ended(portal: Portal) -> Portal:
    """The portal, ended unless it is."""
    portal.end()
    return portal


def processes(portal: Portal) -> list[str]:
    """Whatever runs with this portal's folder in its environment."""
    needle = os.fsencode(f"VAR_DIR={portal.var}")
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if needle in (path / "environ").read_bytes().split(b"\0"):
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def control(portal: Portal, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`./run stop` and its like."""
    command = [sys.executable, "-m", "crmportal.control", *arguments]
    return subprocess.run(command, cwd=ROOT, env=portal.environment, capture_output=True, text=True, check=False)


def status(portal: Portal) -> dict[str, str]:
    return dict(line.split()[:2] for line in control(portal, "status").stdout.splitlines())


def answers(portal: Portal) -> bool:
    try:
        return urllib.request.urlopen(f"{portal.url}/healthz", timeout=5).status == 200
    except OSError:
        return False


def test_start_while_running_is_refused_and_changes_nothing(running: Portal) -> None:
    before = (running.folder / "env").read_text()
    second = subprocess.run(
        [sys.executable, "-m", "crmportal.prepare", "demo"],
        cwd=ROOT,
        env=running.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "running already" in second.stderr
    assert (running.folder / "env").read_text() == before
    assert answers(running)


def test_reset_while_running_is_refused(running: Portal) -> None:
    done = control(running, "reset", "--yes")
    assert (done.returncode, done.stderr) == (1, "It is running: ./run stop first.\n")
    assert answers(running)


def test_worker_stopped_stays_down_until_started(running: Portal) -> None:
    assert control(running, "stop", "worker").returncode == 0
    assert {name for name, state in status(running).items() if state == "STOPPED"} == {"worker-pull", "worker-push"}
    assert control(running, "start", "worker").returncode == 0
    assert set(status(running).values()) == {"RUNNING"}


def test_start_without_a_name_starts_all_that_was_stopped(running: Portal) -> None:
    assert control(running, "stop", "worker").returncode == 0
    again = control(running, "start")
    assert again.returncode == 0, again.stderr
    assert again.stdout == "Started: worker-pull, worker-push\n"
    assert set(status(running).values()) == {"RUNNING"}
    assert control(running, "start").stdout == "Everything is running.\n"


def test_killed_programs_come_back(running: Portal) -> None:
    for name in ("web", "worker-push", "worker-pull", "beat", "sandbox"):
        running.kill(name)
    wait_for(lambda: set(status(running).values()) == {"RUNNING"}, "everything runs again")
    wait_for(lambda: answers(running), "the web answers")


def test_interrupt_ends_everything_and_frees_the_ports(running: Portal) -> None:
    assert running.end(signal.SIGINT) == 0
    assert processes(running) == []
    assert prepare.free(int(running.url.rpartition(":")[2]))
    assert prepare.free(int(running.nimble.rpartition(":")[2]))
    assert "Stopped." in running.printed()


def test_terminal_that_hangs_up_ends_everything(ended: Portal) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "crmportal.prepare", "demo"], ended.environment)
    wait_for(lambda: answers(ended), "it starts in the terminal")
    # Nobody reads what it says from here on.
    os.close(terminal)
    os.waitpid(child, 0)
    assert processes(ended) == []


def test_another_world_than_the_one_that_is_there_is_refused(ended: Portal) -> None:
    ended.arguments = ("--contacts", "21")
    try:
        with pytest.raises(AssertionError, match="run reset"):
            ended.launch()
    finally:
        ended.arguments = ()
    assert processes(ended) == []


def test_reset_empties_the_folder_and_keeps_the_keys(ended: Portal) -> None:
    before = (ended.folder / "env").read_text()
    assert control(ended, "reset", "--yes").returncode == 0
    assert list(ended.var.iterdir()) == []
    assert (ended.folder / "env").read_text() == before


def test_stop_from_elsewhere_ends_everything(running: Portal) -> None:
    assert control(running, "stop").returncode == 0
    assert running.process.wait(30) == 0
    assert processes(running) == []
    after = control(running, "stop")
    assert (after.returncode, after.stderr) == (1, "Nothing is running here. ./run starts it.\n")


def test_sigkill_leaves_no_orphans(running: Portal) -> None:
    running.end(signal.SIGKILL)
    wait_for(lambda: not processes(running), "the rest ends as well")
