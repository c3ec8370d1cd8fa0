"""What the sync page lists: streams with their last run, the history of runs, and what was compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery

from crmportal.formats import span
from nimble.pace.status import Pace, paces
from sync import reasons, registry
from sync.flows import Flow, Progress
from sync.models import Check, Run, Stream
from sync.status import Standing

HISTORY = 20


@dataclass(frozen=True)
class FlowReport:
    """One stream in words. `whole`: the run that took the most requests lately, which is what reading it anew costs."""

    name: str
    label: Any
    state: str
    usable: bool
    completed_at: datetime | None
    next: str
    failures: int
    last: "RunReport | None"
    bar: Progress | None
    whole: "RunReport | None" = None


@dataclass(frozen=True)
class RunReport:
    """One run in words."""

    run: Run
    label: Any
    duration: str
    error: str


def flows(standing: Standing) -> list[FlowReport]:
    """Every stream with its last finished run: one statement more than the standing's own."""
    last: dict[int, Run] = {}
    if standing.connection:
        newest = Run.objects.filter(stream=OuterRef("pk")).exclude(state=Run.State.RUNNING).order_by("-started_at")
        ids = Stream.objects.filter(connection=standing.connection).annotate(last=Subquery(newest.values("pk")[:1]))
        last = {run.stream_id: run for run in Run.objects.filter(pk__in=ids.values("last"))}
    return [_flow(flow, last.get(flow.stream.pk) if flow.stream else None, standing.now) for flow in standing.flows]


def flow(standing: Standing, name: str) -> FlowReport | None:
    """One stream, with what reading it anew has cost; None for an unknown name."""
    found = next((flow for flow in standing.flows if flow.spec.name == name), None)
    if found is None:
        return None
    done = Run.objects.filter(stream=found.stream, state=Run.State.DONE) if found.stream else Run.objects.none()
    return _flow(found, None, standing.now, done.order_by("-requests", "-started_at").first())


def _flow(flow: Flow, last: Run | None, now: datetime, whole: Run | None = None) -> FlowReport:
    stream = flow.stream
    due = stream.next_run_at if stream else None
    return FlowReport(
        name=flow.spec.name,
        label=flow.spec.label,
        state=flow.state,
        usable=flow.spec.usable,
        completed_at=flow.completed_at,
        next=span((due - now).total_seconds()) if due and due > now else "",
        failures=stream.failures if stream else 0,
        last=_run(last, flow.spec.label, now) if last else None,
        bar=flow.progress,
        whole=_run(whole, flow.spec.label, now) if whole else None,
    )


def pace(standing: Standing) -> Pace | None:
    """How fast Nimble is asked in this person's name."""
    return paces([standing.connection])[standing.connection.pk] if standing.connection else None


def runs(standing: Standing) -> list[RunReport]:
    """The last runs of all streams, newest first."""
    if standing.connection is None:
        return []
    labels = {spec.name: spec.label for spec in registry.streams()}
    found = Run.objects.filter(stream__connection=standing.connection).select_related("stream").order_by("-started_at")
    return [_run(run, labels.get(run.stream.name, run.stream.name), standing.now) for run in found[:HISTORY]]


def _run(run: Run, label: Any, now: datetime) -> RunReport:
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    return RunReport(run, label, span(seconds) if seconds >= 1 else "< 1 s", reasons.of_run(run))


@dataclass(frozen=True)
class FigureReport:
    """The figures of one stream: how many were compared, which differ, and whether for more than one listing."""

    name: str
    label: Any
    checks: Sequence[Check]
    can_repair: bool

    @property
    def differing(self) -> list[Check]:
        return [check for check in self.checks if check.walks]

    @property
    def lasting(self) -> bool:
        return any(check.walks > 1 for check in self.checks)

    @property
    def compared_at(self) -> datetime:
        return max(check.compared_at for check in self.checks)


def figures(standing: Standing) -> list[FigureReport]:
    """What was compared, by stream: one statement."""
    if standing.connection is None:
        return []
    found: dict[str, list[Check]] = {}
    compared = Check.objects.filter(stream__connection=standing.connection).annotate(of=F("stream__name"))
    for check in compared.order_by("pk"):
        found.setdefault(check.of, []).append(check)
    for checks in found.values():
        # What differs is seen first.
        checks.sort(key=lambda check: not check.walks)
    return [
        FigureReport(spec.name, spec.label, found[spec.name], spec.repair is not None)
        for spec in registry.streams()
        if spec.name in found
    ]
