"""The files that processes count in: no more of them than processes at the same time, and nothing counted is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from tests.processes import ROOT

COUNT = """
import os, sys
import django
django.setup()
from sync.metrics import ATTEMPTS
ATTEMPTS.labels("confirmed").inc()
{then}
print("counted", flush=True)
sys.stdin.read()
"""
FORK = """
if os.fork() == 0:
    ATTEMPTS.labels("confirmed").inc()
    os._exit(0)
os.wait()
ATTEMPTS.labels("confirmed").inc()
"""
Start = Callable[..., Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process of the portal that has counted one attempt."""
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "DJANGO_SETTINGS_MODULE": "crmportal.settings",
        "ENV_FILE": os.devnull, "VAR_DIR": str(tmp_path), "DJANGO_SECRET_KEY": "x" * 50, "PATH": "",
    }  # fmt: skip
    running: list[Popen[str]] = []

    def begin(then: str = "") -> Popen[str]:
        process = Popen(
            [sys.executable, "-c", COUNT.format(then=then)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout
        assert process.stdout.readline() == "counted\n"
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def counted(var: Path) -> float:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(var / "metrics"))
    return registry.get_sample_value("crmportal_edit_attempts_total", {"outcome": "confirmed"}) or 0


def files(var: Path) -> int:
    return len(list((var / "metrics").glob("*.db")))


def test_process_that_follows_a_killed_one_counts_on_in_its_file(start: Start, tmp_path: Path):
    for times in range(1, 5):
        process = start()
        assert (counted(tmp_path), files(tmp_path)) == (times, 1)
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_processes_at_the_same_time_count_in_files_of_their_own(start: Start, tmp_path: Path):
    first = start()
    start()
    assert (counted(tmp_path), files(tmp_path)) == (2, 2)
    first.kill()
    first.wait()
    start()
    assert (counted(tmp_path), files(tmp_path)) == (3, 2)


def test_forked_child_counts_beside_its_parent(start: Start, tmp_path: Path):
    start(FORK)
    assert (counted(tmp_path), files(tmp_path)) == (3, 2)
