"""The way in: one connection's streams, each read page by page, page and checkpoint stored in one transaction."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from nimble import errors, pace
from nimble.client import Client
from nimble.models import Connection
from sync import events, interest, leases, lines, opened, registry, store
from sync.ahead import Ahead
from sync.clock import database_now
from sync.models import Lease, Run, Stream
from sync.reader import Reader
from sync.rhythm import Attention

log = structlog.get_logger(__name__)
T = TypeVar("T")

LEASE_SECONDS = 90
# After a failure a stream waits this long times the failures in a row, at most a quarter of an hour.
FAILURE_SECONDS = 20
GIVE_UP_CHECKPOINT = 5
# How often a long run looks whether somebody has opened a record.
ATTEND_SECONDS = 1.0


class LostLease(Exception):
    """Another worker pulls this connection now."""


class Paused(Exception):
    """Somebody paused the stream while it ran; it goes on from its checkpoint."""


class Pull(Reader):
    """One run of one stream. Streams read through `client`, store through `page`, and keep `checkpoint` as they go."""

    def __init__(
        self, connection: Connection, stream: Stream, run: Run, client: Client, token: str, ahead: Ahead | None = None
    ) -> None:
        super().__init__(connection, client)
        self._ahead = ahead or Ahead()
        self.stream = stream
        self.run = run
        self.token = token
        self.full = run.full
        self.unfinished = False
        self.held = ""
        self.attended = time.monotonic()

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where this run stands; empty at its start."""
        return self.stream.checkpoint or {}

    @property
    def cursor(self) -> dict[str, Any]:
        """What the last completed run left for this one."""
        return self.stream.cursor or {}

    def read(self, fetch: Callable[[], T]) -> tuple[T, datetime]:
        """Do one read, which sends a request; the time comes with its turn, without a statement of its own."""
        started = self.client.ready()
        return fetch(), started

    def ahead(self, pages: Iterator[T]) -> Iterator[T]:
        """The pages that a generator reads, on another thread while the caller stores those before them."""
        return self._ahead.of(pages)

    def expect(self, total: int | None) -> None:
        """Say how many records there will be, for the bar."""
        Run.objects.filter(pk=self.run.pk).update(total=total)
        self.run.total = total

    def page(
        self,
        kind: str,
        payloads: Sequence[Any],
        *,
        read_at: datetime,
        checkpoint: dict[str, Any] | None = None,
        counted: int | None = None,
    ) -> store.Tally:
        """Store one page and move the checkpoint in the same transaction. Raises `LostLease`, `Paused`."""
        resource = registry.resource(kind)

        def also(tally: store.Tally) -> None:
            self._move(
                checkpoint,
                done=len(payloads) if counted is None else counted,
                created=tally.created,
                changed=tally.changed,
                quarantined=tally.quarantined,
            )

        tally = store.save_page(resource, self.connection, payloads, read_at=read_at, also=also)
        self.attend()
        return tally

    def move(self, checkpoint: dict[str, Any] | None = None, **counts: int) -> None:
        """Move the checkpoint and the figures without a page. Raises `LostLease`, `Paused`."""
        with transaction.atomic():
            self._move(checkpoint, **counts)

    def _move(self, checkpoint: dict[str, Any] | None, **counts: int) -> None:
        if not leases.extend(lease_name(self.connection), self.token, LEASE_SECONDS):
            raise LostLease
        if checkpoint is not None:
            going = Stream.objects.filter(pk=self.stream.pk, paused=False)
            # Who is to begin anew meanwhile reads to the end, and leaves no place to go on from.
            if not going.filter(anew=self.stream.anew).update(checkpoint=checkpoint) and not going.exists():
                raise Paused
            self.stream.checkpoint = checkpoint
        figures: dict[str, Any] = {name: F(name) + by for name, by in counts.items() if by}
        Run.objects.filter(pk=self.run.pk).update(moved_at=database_now(), requests=F("requests") + 1, **figures)
        for name, by in counts.items():
            setattr(self.run, name, getattr(self.run, name) + by)

    def attend(self) -> None:
        """What this person opened meanwhile does not wait until a long listing is through."""
        if time.monotonic() - self.attended >= ATTEND_SECONDS:
            opened.read(self.connection)
            self.attended = time.monotonic()

    def again(self) -> None:
        """There is more, but enough for now: the run goes on when nothing more important is due."""
        self.unfinished = True

    def hold(self, reason: str) -> None:
        """All was read, but what vanished is not believed before a person has looked."""
        self.held = reason

    def decide(self, upto: int) -> None:
        """A complete listing has told of every row up to this one whether the person sees it."""
        if upto == self.stream.decided:
            return
        self.stream.decided = upto
        with events.atomic():
            Stream.objects.filter(pk=self.stream.pk).update(decided=upto)
            # Which records that shows to this person, nobody counts.
            events.note(self.workspace_id, events.ANY, None)

    def complete(self, cursor: dict[str, Any]) -> None:
        """What the next run goes on from; stored when this run ends well."""
        self.stream.cursor = cursor


def lease_name(connection: Connection) -> str:
    """The name of the lease under which a connection is pulled."""
    return f"pull-{connection.pk}"


def ensure_streams(connection: Connection) -> dict[str, Stream]:
    """The connection's rows of every registered stream, made where they are missing."""
    known = {stream.name: stream for stream in Stream.objects.filter(connection=connection)}
    for spec in registry.streams():
        if spec.name not in known:
            known[spec.name], _ = Stream.objects.get_or_create(connection=connection, name=spec.name)
    return known


def due(connection: Connection, now: datetime) -> Iterator[tuple[registry.StreamSpec, Stream]]:
    """The streams that should run now: what the person looks at, then the most important."""
    attention = interest.attention([connection], now)[connection.pk]
    return _due(ensure_streams(connection), attention, now)


def _due(
    streams: dict[str, Stream], attention: Attention, now: datetime
) -> Iterator[tuple[registry.StreamSpec, Stream]]:
    ready = [spec for spec in registry.streams() if _is_due(spec, streams.get(spec.name), attention, now)]
    # A first run keeps its place: what it builds upon comes before it.
    looked_at = {spec.name for spec in ready if spec.pages & attention.pages and streams[spec.name].completed_at}
    for spec in sorted(ready, key=lambda spec: (spec.name not in looked_at, spec.order)):
        yield spec, streams[spec.name]


def _is_due(spec: registry.StreamSpec, stream: Stream | None, attention: Attention, now: datetime) -> bool:
    if stream is None or stream.paused:
        return stream is None
    if stream.next_run_at is None or stream.next_run_at <= now:
        return True
    # Sooner than it was said when it ended, where somebody has come to look since.
    rests = timedelta(seconds=attention.seconds(spec.rhythm, spec.pages, now))
    return stream.settled_at is not None and stream.settled_at + rests <= now


def pull(
    connection: Connection, *, full: bool = False, report: Callable[[Run], None] | None = None
) -> list[Run] | None:
    """Pull every due stream of a connection; None when another worker is at it already.

    `full`: everything anew, due or not. A stream that fails keeps its checkpoint and the others go on, unless none
    can (reconnect). After each stream it starts again from the most important one that is due.
    """
    token = leases.acquire(lease_name(connection), LEASE_SECONDS)
    if token is None:
        return None
    runs: dict[int, Run] = {}
    try:
        if full:
            sync_again(connection)
        while not pace.held(connection):
            opened.read(connection)
            spec, stream = next(due(connection, database_now()), (None, None))
            if spec is None or stream is None:
                break
            run = run_stream(connection, spec, stream, token, full=full)
            runs[run.pk] = run
            if report:
                report(run)
            connection.refresh_from_db()
            if not connection.is_usable:
                break
    except LostLease:
        log.warning("pull lease lost", connection=connection.pk)
    finally:
        leases.release(lease_name(connection), token)
    return list(runs.values())


def run_stream(
    connection: Connection, spec: registry.StreamSpec, stream: Stream, token: str, *, full: bool = False
) -> Run:
    """One run, continued from its checkpoint where an earlier one was cut off. Raises only `LostLease`."""
    _mark(stream)
    run = _run_of(stream, full)
    structlog.contextvars.bind_contextvars(connection=connection.pk, stream=spec.name, run=run.pk)
    wait: float | None = None
    try:
        with Client(connection, give_way=lines.watch(connection)) as client, Ahead() as ahead:
            pull = Pull(connection, stream, run, client, token, ahead)
            spec.run(pull)
        if pull.unfinished:
            Stream.objects.filter(pk=stream.pk).update(next_run_at=database_now())
            return run
        run.state, run.error = (Run.State.BRAKED, pull.held) if pull.held else (Run.State.DONE, "")
        stream.failures, stream.checkpoint = 0, None
        stream.completed_at = stream.settled_at = database_now()
    except LostLease:
        raise
    except Paused:
        run.state, run.finished_at = Run.State.PAUSED, database_now()
        run.save(update_fields=["state", "finished_at"])
        return run
    except (errors.Paced, errors.RateLimited) as later:
        # Nothing is wrong: the run goes on from where it is.
        resumed = database_now() + timedelta(seconds=max(later.retry_after or 0.0, 1.0))
        Stream.objects.filter(pk=stream.pk, next_run_at=stream.next_run_at).update(next_run_at=resumed)
        return run
    except errors.NimbleError as error:
        run.state, run.error = Run.State.FAILED, str(error)
        stream.failures += 1
        wait = max(error.retry_after or 0, min(FAILURE_SECONDS * stream.failures, 900))
    except Exception:
        log.exception("pull failed")
        run.state, run.error = Run.State.FAILED, "An error of the portal's own; see the log."
        stream.failures += 1
        wait = min(FAILURE_SECONDS * stream.failures, 900)
    finally:
        structlog.contextvars.unbind_contextvars("connection", "stream", "run")
    if stream.failures >= GIVE_UP_CHECKPOINT:
        # What it stands on may have gone stale in Nimble (a page's address): better begin anew than fail for ever.
        stream.checkpoint = None
    if wait is None:
        wait = interest.attention([connection], now := database_now())[connection.pk].seconds(
            spec.rhythm, spec.pages, now
        )
    _finish(stream, run, wait)
    return run


def _run_of(stream: Stream, full: bool) -> Run:
    now = database_now()
    if stream.checkpoint is not None:
        unfinished = stream.runs.exclude(state=Run.State.DONE).order_by("-started_at").first()
        if unfinished:
            unfinished.state, unfinished.moved_at, unfinished.error = Run.State.RUNNING, now, ""
            unfinished.finished_at = None
            unfinished.save(update_fields=["state", "moved_at", "error", "finished_at"])
            return unfinished
    begun = stream.runs.filter(state=Run.State.RUNNING, done=0, full=full or stream.completed_at is None).first()
    if begun:
        # It has read nothing yet, because it was not its turn.
        return begun
    stream.runs.filter(state=Run.State.RUNNING).update(state=Run.State.FAILED, finished_at=now, error="Interrupted.")
    return Run.objects.create(stream=stream, full=full or stream.completed_at is None, started_at=now, moved_at=now)


def _mark(stream: Stream) -> None:
    """Not due while it runs; whoever asks for it meanwhile clears this, and is not overwritten at the end.

    What was asked for since the stream was read holds for this run: it goes on from where that left it.
    """
    until = database_now() + timedelta(seconds=LEASE_SECONDS)
    read = Stream.objects.filter(pk=stream.pk)
    while not read.filter(anew=stream.anew).update(next_run_at=until, settled_at=None):
        stream.refresh_from_db()
    stream.next_run_at, stream.settled_at = until, None


def _finish(stream: Stream, run: Run, wait: float) -> None:
    now = database_now()
    run.finished_at = run.moved_at = now
    with transaction.atomic():
        run.save(update_fields=["state", "error", "finished_at", "moved_at"])
        outcome = {"completed_at": stream.completed_at, "failures": stream.failures}
        place = {"cursor": stream.cursor, "checkpoint": stream.checkpoint}
        row = Stream.objects.filter(pk=stream.pk)
        ours = row.filter(anew=stream.anew)
        undisturbed = ours.filter(next_run_at=stream.next_run_at)
        stream.next_run_at = now + timedelta(seconds=wait)
        rest = {"next_run_at": stream.next_run_at, "settled_at": stream.settled_at}
        # Made due while it ran: it goes on from here, at once. Told to begin anew: from where that has put it.
        if not undisturbed.update(**place, **rest, **outcome) and not ours.update(**place, **outcome):
            row.update(**outcome)
    old = stream.runs.filter(state=Run.State.DONE).order_by("-started_at").values_list("pk", flat=True)[200:]
    Run.objects.filter(pk__in=list(old)).delete()
    log.info("pull done", state=run.state, done=run.done, created=run.created, changed=run.changed, gone=run.gone)


def sync_now(connection: Connection, *names: str) -> None:
    """Make these streams due, or every one, so that the next ring of the bell pulls; one that runs goes on and then
    looks once more.
    """
    _named(connection, names).filter(paused=False).update(next_run_at=None)


def sync_again(connection: Connection, *names: str) -> None:
    """Let these streams, or every one, begin anew at the next ring of the bell: nothing is removed, all is read and
    compared.
    """
    _named(connection, names).update(next_run_at=None, checkpoint=None, cursor={}, anew=F("anew") + 1)


def pause(connection: Connection, *names: str) -> None:
    """Read nothing more of these streams; one that runs stops after the page that it is at."""
    _named(connection, names).update(paused=True)


def resume(connection: Connection, *names: str) -> None:
    """Go on with these streams at the next ring of the bell, from where they stopped."""
    _named(connection, names).update(paused=False, next_run_at=None)


def _named(connection: Connection, names: Sequence[str]) -> QuerySet[Stream]:
    ensure_streams(connection)
    streams = Stream.objects.filter(connection=connection)
    return streams.filter(name__in=names) if names else streams


def take_over(holder: str) -> None:
    """What a killed predecessor was reading is free, and goes on at the next ring of the bell."""
    names = leases.take_over(holder)
    left = [c.pk for c in Connection.objects.all() if lease_name(c) in names]
    Stream.objects.filter(connection__in=left, runs__state=Run.State.RUNNING).update(next_run_at=None)


def connections_due() -> list[Connection]:
    """The usable connections that have something to pull and that nobody is pulling: four statements, however many."""
    now = database_now()
    usable = list(Connection.objects.active().select_related("workspace"))
    attention, opened_by = interest.attention(usable, now), interest.waiting(usable, now)
    pulled = set(Lease.objects.filter(until__gte=now).values_list("name", flat=True))
    streams: dict[int, dict[str, Stream]] = {connection.pk: {} for connection in usable}
    for stream in Stream.objects.filter(connection__in=usable).defer("cursor", "checkpoint"):
        streams[stream.connection_id][stream.name] = stream
    return [
        connection
        for connection in usable
        if lease_name(connection) not in pulled
        and (connection.pk in opened_by or _has_due(streams[connection.pk], attention[connection.pk], now))
    ]


def _has_due(streams: dict[str, Stream], attention: Attention, now: datetime) -> bool:
    return any(_is_due(spec, streams.get(spec.name), attention, now) for spec in registry.streams())
