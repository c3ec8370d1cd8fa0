"""How things stand, in figures that pages and the terminal put into words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from nimble.models import Connection
from sync import registry
from sync.clock import database_now
from sync.models import NEEDS_PERSON, OVERLAID, UNSENT, Edit, Run, State, Stream
from sync.viewer import viewer

STALLED_SECONDS = 600


@dataclass(frozen=True)
class Progress:
    """A running stream's bar. `seconds_left` is None while there is no rate to tell it from."""

    run: Run
    label: Any
    done: int
    total: int | None
    rate: float
    seconds_left: int | None


@dataclass(frozen=True)
class Chip:
    """The sidebar's sign: `state` is synced, syncing, waiting, reconnect, stalled or off."""

    state: str
    as_of: datetime | None
    progress: Progress | None
    waiting: int


def edits_of(user: Any) -> QuerySet[Edit]:
    """A person's own edits: they stay visible to their author whatever becomes of the connection."""
    return Edit.objects.filter(author=user)


def needing(user: Any) -> QuerySet[Edit]:
    """A person's edits that wait for a decision of theirs."""
    return edits_of(user).filter(state__in=NEEDS_PERSON)


def queue(user: Any) -> QuerySet[Edit]:
    """A person's edits that are not in Nimble yet, or need them."""
    return edits_of(user).filter(Q(state__in=OVERLAID) | Q(state__in=NEEDS_PERSON)).select_related("connection").order_by("id")


def usable(connection: Connection) -> bool:
    """Whether the pages make sense: the streams that matter have completed once, or have stored something."""
    names = [spec.name for spec in registry.streams() if spec.usable]
    done = Stream.objects.filter(connection=connection, name__in=names, completed_at__isnull=False)
    return done.count() == len(names)


def progress(connection: Connection) -> list[Progress]:
    """The runs that are going on, with their rates."""
    now = database_now()
    labels = {spec.name: spec.label for spec in registry.streams()}
    found = []
    for run in Run.objects.filter(stream__connection=connection, state=Run.State.RUNNING).select_related("stream"):
        seconds = max((now - run.started_at).total_seconds(), 0.001)
        rate = run.done / seconds
        left = int((run.total - run.done) / rate) if run.total and rate > 0 and run.total >= run.done else None
        found.append(Progress(run, labels.get(run.stream.name, run.stream.name), run.done, run.total, rate, left))
    return found


def as_of(connection: Connection) -> datetime | None:
    """The moment up to which what is shown is known to be what Nimble has."""
    names = [spec.name for spec in registry.streams() if spec.usable]
    stamps = Stream.objects.filter(connection=connection, name__in=names).values_list("completed_at", flat=True)
    known = [stamp for stamp in stamps if stamp]
    return min(known) if len(known) == len(names) else None


def chip(user: Any) -> Chip:
    """The sign in the sidebar's foot."""
    connection = viewer(user)
    waiting = edits_of(user).filter(state__in=[*UNSENT, State.SENDING]).count()
    if connection is None:
        last = Connection.objects.for_user(user).order_by("-pk").first()
        return Chip("reconnect" if last else "off", None, None, waiting)
    stamp = as_of(connection)
    running = [p for p in progress(connection) if p.total and p.run.full]
    if running:
        return Chip("syncing", stamp, running[0], waiting)
    if stamp and (database_now() - stamp).total_seconds() > STALLED_SECONDS:
        return Chip("stalled", stamp, None, waiting)
    return Chip("waiting" if waiting else "synced" if stamp else "syncing", stamp, None, waiting)
