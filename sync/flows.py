"""The streams of a connection as they stand: waiting, running with a bar, paused, failing, done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, FilteredRelation, Q
from django.db.models.functions import Now

from nimble.models import Connection
from sync import registry
from sync.models import Run, Stream

# A bar that has not moved for so long is of a run that was cut off: it goes on when a worker takes it up again.
STILL_SECONDS = 60


@dataclass(frozen=True)
class Progress:
    """A running stream's bar. `total` is never less than `done`: records are made while a listing runs.

    `seconds_left` is None while there is no rate to tell it from, and in the last second.
    """

    run: Run
    label: Any
    done: int
    total: int | None
    rate: float
    seconds_left: int | None
    still: bool = False


@dataclass(frozen=True)
class Flow:
    """One stream of a connection: its row (None before the first pull), its bar while it runs, its last run."""

    spec: registry.StreamSpec
    stream: Stream | None
    progress: Progress | None

    @property
    def completed_at(self) -> datetime | None:
        return self.stream.completed_at if self.stream else None

    @property
    def state(self) -> str:
        """waiting (never completed, not running), running, failing, paused or done."""
        if self.stream is None:
            return "waiting"
        if self.progress:
            return "running"
        if self.stream.paused:
            return "paused"
        if self.stream.failures:
            return "failing"
        return "done" if self.stream.completed_at else "waiting"


def flows(connection: Connection, now: datetime) -> list[Flow]:
    """Every registered stream of a connection, in the order in which they are pulled. One statement."""
    running = Q(runs__state=Run.State.RUNNING)
    rows = {
        row.name: row
        for row in Stream.objects.filter(connection=connection)
        .annotate(going=FilteredRelation("runs", condition=running))
        .annotate(
            run_id=F("going__id"),
            run_full=F("going__full"),
            run_started=F("going__started_at"),
            run_moved=F("going__moved_at"),
            run_done=F("going__done"),
            run_total=F("going__total"),
        )
    }
    return [
        Flow(spec, rows.get(spec.name), _bar(rows[spec.name], spec, now) if spec.name in rows else None)
        for spec in registry.streams()
    ]


def _bar(row: Any, spec: registry.StreamSpec, now: datetime) -> Progress | None:
    if row.run_id is None:
        return None
    run = Run(
        pk=row.run_id,
        stream_id=row.pk,
        full=row.run_full,
        started_at=row.run_started,
        moved_at=row.run_moved,
        done=row.run_done,
        total=row.run_total,
    )
    still = now - run.moved_at > timedelta(seconds=STILL_SECONDS)
    seconds = max((now - run.started_at).total_seconds(), 0.001)
    rate = 0.0 if still else run.done / seconds
    total = run.total and max(run.total, run.done)
    left = int((total - run.done) / rate) if total and rate > 0 else None
    return Progress(run, spec.label, run.done, total, rate, left or None, still)


def progress(connection: Connection) -> list[Progress]:
    """The runs of a connection that are going on, with their rates."""
    now = Connection.objects.filter(pk=connection.pk).values_list(Now()).get()[0]
    return [flow.progress for flow in flows(connection, now) if flow.progress]
