"""How things stand, in figures that pages and the terminal put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Case, Count, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Now

from crmportal import statements
from nimble.models import Connection, ConnectionState
from nimble.pace import status as nimble_status
from sync import health, rhythm
from sync.flows import Flow, Progress
from sync.flows import flows as streams_of
from sync.models import (
    ALARMING_WALKS,
    NEEDS_PERSON,
    OVERLAID,
    UNSENT,
    Brake,
    Check,
    Edit,
    Heartbeat,
    State,
)
from sync.viewer import viewer

# Longer than the longest pause that anybody is given, by as much as a run may take.
STALLED_SECONDS = rhythm.LIVE.away + 300
START_SECONDS = 30


@dataclass(frozen=True)
class Chip:
    """The sidebar's sign: `state` is synced, syncing, waiting, needs, held, differs, paused, trouble, unsent,
    reconnect, stalled or off.

    `unsent`: edits wait, and no worker is there to send them. `held`: the brake holds, and a person has to look.
    `differs`: Nimble's own figures and ours do. `paused`: somebody paused a stream. `trouble`: Nimble does not answer.
    """

    state: str
    as_of: datetime | None
    progress: Progress | None
    waiting: int
    needs: int


@dataclass(frozen=True)
class Standing:
    """All that the shell and the sync page say of one person's sync, from three statements.

    `lost`: the state of their latest connection when none can be used, "" when there never was one. `held`: brakes that
    wait for them. `differing`: figures in which ours and Nimble's differ for more than one listing.
    """

    now: datetime
    connection: Connection | None
    lost: str
    needs: int
    waiting: int
    held: int
    differing: int
    push: health.Sign
    pull: health.Sign
    flows: Sequence[Flow]
    nimble: nimble_status.Health

    @property
    def in_trouble(self) -> bool:
        """Nimble answers nobody at present; whatever waits goes on by itself once it does."""
        return self.nimble.state is not nimble_status.State.CLOSED

    @property
    def usable(self) -> bool:
        """Whether the pages make sense: the streams that matter have completed once."""
        return self.connection is not None and all(flow.completed_at for flow in self.flows if flow.spec.usable)

    @property
    def complete(self) -> bool:
        """Whether everything has been read once."""
        return self.usable and all(flow.completed_at for flow in self.flows)

    @property
    def as_of(self) -> datetime | None:
        """The moment up to which what is shown is known to be what Nimble has."""
        stamps = [flow.completed_at for flow in self.flows if flow.spec.usable]
        known = [stamp for stamp in stamps if stamp]
        return min(known) if known and len(known) == len(stamps) else None

    @property
    def stalled(self) -> bool:
        """Nothing has come from Nimble for too long, though a worker is there to ask."""
        return bool(self.as_of and (self.now - self.as_of).total_seconds() > STALLED_SECONDS)

    @property
    def bars(self) -> list[Progress]:
        return [flow.progress for flow in self.flows if flow.progress]

    @property
    def long(self) -> Progress | None:
        """The bar of a whole listing, the kind that takes long enough to be watched."""
        return next((bar for bar in self.bars if bar.total and bar.run.full), None)

    @property
    def chip(self) -> Chip:
        if self.connection is None:
            state = "reconnect" if self.lost == ConnectionState.RECONNECT else "off"
        elif self.unsent:
            state = "unsent"
        elif self.in_trouble:
            state = "trouble"
        elif self.long or self.as_of is None:
            state = "syncing"
        elif self.held:
            state = "held"
        elif self.needs:
            state = "needs"
        elif self.paused:
            state = "paused"
        elif self.stalled:
            state = "stalled"
        elif self.differing:
            state = "differs"
        else:
            state = "waiting" if self.waiting else "synced"
        return Chip(state, self.as_of, self.long, self.waiting, self.needs)

    @property
    def unsent(self) -> bool:
        """Edits wait, and no worker is there to send them."""
        return bool(self.waiting and self.push.silent and (self.push.seen or not self.starting))

    @property
    def unread(self) -> list[Flow]:
        """What has never been read to its end."""
        return [flow for flow in self.flows if not flow.completed_at]

    @property
    def starting(self) -> bool:
        """So fresh a sign-in that a worker may well not have shown itself yet."""
        began = self.connection.last_seen_at if self.connection else None
        return began is not None and (self.now - began).total_seconds() < START_SECONDS

    @property
    def paused(self) -> list[Flow]:
        return [flow for flow in self.flows if flow.state == "paused"]

    @property
    def failing(self) -> list[Flow]:
        return [flow for flow in self.flows if flow.state == "failing"]


def standing(user: Any) -> Standing:
    """How things stand for a person. Three statements, kept for the request; no writes."""
    found = getattr(user, "_standing", None)
    if found is None:
        connection = viewer(user)
        figures = _figures(user)
        rows = streams_of(connection, figures["now"]) if connection else []
        # Who is in the middle of long work is alive, though it does not answer the bell meanwhile.
        pull_seen = _later(
            figures["pull"], max((bar.run.moved_at for bar in (f.progress for f in rows) if bar), default=None)
        )
        found = user._standing = Standing(
            now=figures["now"],
            connection=connection,
            lost="" if connection else figures["lost"],
            needs=figures["needs"],
            waiting=figures["waiting"],
            held=figures["held"],
            differing=figures["differing"],
            push=health.sign("push", _later(figures["push"], _excused(figures)), figures["now"], figures["beat"]),
            pull=health.sign("pull", pull_seen, figures["now"], figures["beat"]),
            flows=rows,
            nimble=nimble_status.health_of(figures["breaker"], figures["now"])
            if connection
            else nimble_status.Health(),
        )
    return found


def _excused(figures: dict[str, Any]) -> datetime | None:
    sent = figures["sent"]
    return min(sent + timedelta(seconds=health.ANSWER_SECONDS), figures["now"]) if sent else None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


FIGURES = ("needs", "waiting", "held", "differing", "push", "pull", "beat", "sent", "lost", "breaker", "now")


def _figures(user: Any) -> dict[str, Any]:
    """One row, always there: the counts of what a person has to know, the heartbeats, whether Nimble answers, and the
    database's time.
    """
    [row] = statements.rows(("standing", user.pk), lambda: _counted(user).values_list(*FIGURES))
    return dict(zip(FIGURES, row, strict=True))


def _counted(user: Any) -> QuerySet[Any]:
    own = Edit.objects.filter(author=OuterRef("pk")).order_by().values("author")

    def counted(found: Any) -> Any:
        return Coalesce(Subquery(found.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)

    def count(states: Sequence[str]) -> Any:
        return counted(own.filter(state__in=states))

    def streams(model: Any) -> Any:
        mine = Q(stream__connection__user=OuterRef("pk"), stream__connection__state=ConnectionState.ACTIVE)
        return model.objects.filter(mine).order_by().values("stream__connection__user")

    def seen(name: str) -> Subquery:
        return Subquery(Heartbeat.objects.filter(name=name).values("at")[:1])

    latest = Connection.objects.filter(user=OuterRef("pk")).latest_first()
    sending = Edit.objects.filter(state=State.SENDING).order_by().values("state")
    return (
        get_user_model()
        .objects.filter(pk=user.pk)
        .annotate(
            needs=count(NEEDS_PERSON),
            waiting=count([*UNSENT, State.SENDING]),
            held=counted(streams(Brake).filter(state=Brake.State.HELD)),
            differing=counted(streams(Check).filter(walks__gte=ALARMING_WALKS)),
            push=seen("push"),
            pull=seen("pull"),
            beat=seen("beat"),
            sent=Subquery(sending.annotate(at=Max("sent_at")).values("at")),
            lost=Coalesce(Subquery(latest.values("state")[:1]), Value("")),
            breaker=nimble_status.breaker_state(),
            now=Now(),
        )
    )


def edits_of(user: Any) -> QuerySet[Edit]:
    """A person's own edits. Those that are not in Nimble stay visible to them whatever becomes of their connection;
    those that are, like the records they are part of, only where they have one that is in use.
    """
    connection = viewer(user)
    unsent = ~Q(state=State.CONFIRMED)
    return Edit.objects.filter(unsent | Q(workspace_id=connection.workspace_id) if connection else unsent, author=user)


def queue(user: Any) -> QuerySet[Edit]:
    """A person's edits that are not in Nimble yet, or need them; what goes by itself first."""
    waiting = Q(state__in=OVERLAID) | Q(state__in=NEEDS_PERSON)
    needs = Case(When(state__in=NEEDS_PERSON, then=Value(1)), default=Value(0))
    return edits_of(user).filter(waiting).select_related("connection", "author").order_by(needs, "id")


def sent(user: Any) -> QuerySet[Edit]:
    """A person's edits that arrived in Nimble, the latest first: what can be undone from the history."""
    done = edits_of(user).filter(state=State.CONFIRMED)
    return done.select_related("connection", "author").order_by("-confirmed_at", "-id")
