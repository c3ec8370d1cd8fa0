"""The way in: which streams of a connection are due, most important first, and which somebody paused."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from django.db.models import F, QuerySet

from nimble import pace
from nimble.models import Connection
from sync import interest, leases, opened, registry
from sync.clock import database_now
from sync.models import Lease, Run, Stream
from sync.rhythm import Attention
from sync.runs import LEASE_SECONDS, LostLease, lease_name, run_stream

log = structlog.get_logger(__name__)


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
    if stream.settled_at is None:
        return False
    # It cannot have ended later than now: the clock was set back since.
    return stream.settled_at > now or stream.settled_at + rests <= now


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
