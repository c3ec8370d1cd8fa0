"""One run of one stream: read page by page, each stored with its checkpoint in one transaction."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import F

from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import events, interest, leases, lines, opened, registry, store
from sync.ahead import Ahead
from sync.clock import database_now
from sync.models import Run, Stream
from sync.reader import Reader

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
    _finish(connection, token, stream, run, wait)
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


def _finish(connection: Connection, token: str, stream: Stream, run: Run, wait: float) -> None:
    """Write down how a run ended and what the next one goes on from. Raises `LostLease`: then somebody else goes on,
    from further along.
    """
    now = database_now()
    run.finished_at = run.moved_at = now
    with transaction.atomic():
        if not leases.extend(lease_name(connection), token, LEASE_SECONDS):
            raise LostLease
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
