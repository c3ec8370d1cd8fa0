"""The first pull of a whole company by a process of its own: how fast beside a bare loop and beside dlt, in how much
memory, and what becomes of people's edits meanwhile.

`BENCH_CONTACTS` and `BENCH_DEALS` make it smaller.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest
from django.db import connection as database

from contacts.models import Contact
from deals import actions
from deals.models import Deal, Stage
from nimble.models import Connection
from sync import outbox, pull
from sync.models import Run, Stream
from tests.bench.test_pull import bare_loop
from tests.people import ADA, Connect
from tests.sandboxes import ROOT, SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = int(os.environ.get("BENCH_CONTACTS", "25000"))
DEALS = int(os.environ.get("BENCH_DEALS", "10000"))
LATENCY = 50
MEGABYTE = 1024
LARGEST = 300
EDITS = 40
# The same requests as the bare loop, and the pipelines.
STREAMS = ("pipelines", "deals", "contacts")
DLT = "dlt[sqlalchemy]==1.31.0"


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[SandboxServer]:
    """A company of the size that the figures speak of."""
    server = SandboxServer(contacts=CONTACTS, deals=DEALS)
    yield server
    server.close()


@pytest.fixture
def empty(connect: Connect, nimble: SandboxServer) -> Iterator[Connection]:
    """Ada's connection before its first pull, of the streams that the bare loop reads, too; Nimble is some way off."""
    connection = connect(ADA)
    pull.ensure_streams(connection)
    Stream.objects.filter(connection=connection).exclude(name__in=STREAMS).update(paused=True)
    nimble.set(latency_ms=LATENCY)
    yield connection
    nimble.set(latency_ms=0)


def puller(nimble: SandboxServer) -> "subprocess.Popen[str]":
    """`manage.py pull` on this test's database, as a process of its own."""
    name = str(database.settings_dict["NAME"])
    url = f"postgres://portal@/{database.settings_dict['HOST']}/{name}" if database.vendor == "postgresql" else ""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "crmportal.settings",
        "DATABASE_URL": url or f"sqlite:///{name}",
        "NIMBLE_BASE_URL": nimble.url,
        "NIMBLE_CLIENT_ID": "sandbox-client",
        "NIMBLE_CLIENT_SECRET": "sandbox-secret",
    }
    command = [sys.executable, "manage.py", "pull"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def peak(process: "subprocess.Popen[str]") -> float:
    """Waits for its end; the most memory that it held at once, in MB."""
    output = process.stdout.read() if process.stdout else ""
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output
    return used.ru_maxrss / MEGABYTE


def test_first_pull_against_a_bare_loop_and_dlt(empty: Connection, nimble: SandboxServer, tmp_path: Path, capsys):
    floor, read = bare_loop(nimble, nimble.token_for(ADA))
    megabytes = peak(puller(nimble))
    runs = list(Run.objects.filter(stream__connection=empty).order_by("started_at"))
    assert {run.state for run in runs} == {"done"}
    assert Contact.objects.count() + Deal.objects.count() == read
    seconds = (max(run.finished_at or run.moved_at for run in runs) - runs[0].started_at).total_seconds()
    dlt = with_dlt(nimble, tmp_path)
    assert megabytes < LARGEST
    with capsys.disabled():
        print(
            f"\nfirst pull, {LATENCY} ms latency, {database.vendor}: {seconds / floor:.2f} × a bare requests loop "
            f"({read / seconds:,.0f} records/s against {read / floor:,.0f}; {read:,} records), "
            f"{megabytes:.0f} MB at most"
        )
        print(f"dlt into SQLite: {dlt / floor:.2f} × the bare loop ({read / dlt:,.0f} records/s)" if dlt else NO_DLT)


NO_DLT = "NO FIGURE FOR DLT: it could not be installed or did not run; see tests/bench/with_dlt.py"


def with_dlt(nimble: SandboxServer, folder: Path) -> float:
    """Seconds that dlt takes for the same pages; 0 where it cannot be had."""
    uv = [sys.executable, "-m", "uv", "run", "--quiet", "--isolated", "--no-project", "--with", DLT]
    program = ["tests/bench/with_dlt.py", nimble.url, nimble.token_for(ADA), str(folder)]
    done = subprocess.run([*uv, *program], cwd=ROOT, capture_output=True, text=True, check=False)
    with contextlib.suppress(ValueError, IndexError):
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])
    return 0.0


def test_edits_while_a_first_pull_runs(empty: Connection, nimble: SandboxServer, capsys):
    """From the drop to Nimble's having it, with 50 ms for each of the two requests, while a whole company comes in."""
    process = puller(nimble)
    saved, arrived = [], []
    try:
        while Deal.objects.count() < 1000 and process.poll() is None:
            time.sleep(0.2)
        mine = Deal.objects.filter(sights__connection=empty, sights__view__is_editable=True, is_private=False)
        stages = {stage.nimble_id: stage for stage in Stage.objects.filter(role="open", archived_at=None)}
        for deal in mine.filter(stage_nimble_id__in=stages)[:EDITS]:
            here = stages[deal.stage_nimble_id]
            other = next(stage for stage in stages.values() if stage.pipeline_id == here.pipeline_id and stage != here)
            started = time.perf_counter()
            actions.move(author=empty.user, deal=deal, stage=other)
            saved.append(time.perf_counter() - started)
            outbox.deliver()
            arrived.append(time.perf_counter() - started)
            assert nimble.object("deal", deal.nimble_id or "")["stage_id"] == other.nimble_id
        assert process.poll() is None, "the pull was through too early"
    finally:
        process.kill()
        process.wait()
    worst = quantiles(arrived, n=20)[-1]
    with capsys.disabled():
        print(
            f"\nedits during a first pull, {database.vendor}: saved after {median(saved) * 1000:.0f} ms (at most "
            f"{max(saved) * 1000:.0f}), in Nimble after {median(arrived) * 1000:.0f} ms (95 %: {worst * 1000:.0f}, "
            f"at most {max(arrived) * 1000:.0f})"
        )
