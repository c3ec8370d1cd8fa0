"""Storing a page of records that Nimble sent: one transaction, one upsert, nothing parsed inside it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import connection as database

from nimble.errors import AnswerTooLarge
from nimble.models import Connection
from sync import clean, echoes, events, overlay, when
from sync.clock import database_now
from sync.models import Brought, Change, Quarantined
from sync.packing import Packed, pack
from sync.resource import Audience, Oversized, Resource, Unstorable
from sync.upsert import upsert

BATCH = 100
LONGEST_ID = 64
# What a record that cannot be stored makes its mapping raise.
BROKEN = (Unstorable, AnswerTooLarge, AttributeError, KeyError, RecursionError, TypeError, ValueError)
# A replica of Nimble's that has not seen our write yet may answer for so long after it.
REPLICA_LAGS = timedelta(minutes=10)


@dataclass
class Tally:
    """What became of a page. `known_unchanged`: it held a record that is stored exactly so already."""

    ids: dict[str, int] = field(default_factory=dict)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0


def digest(resource: Resource, remote: dict[str, Any]) -> str:
    """A short fingerprint of what is stored, less what is volatile, to skip writing what did not change."""
    steady = {key: value for key, value in remote.items() if key not in resource.volatile}
    return _fingerprint(steady)


def _fingerprint(value: Any) -> str:
    return hashlib.blake2b(pack(value, sort=True).encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Ready:
    """A payload made ready outside the transaction: taken apart, with its columns as they are without edits."""

    nimble_id: str
    remote: dict[str, Any]
    packed: Packed
    view: Packed
    columns: dict[str, Any]
    digest: str

    @classmethod
    def of(cls, resource: Resource, payload: Any) -> Self:
        """Take a payload apart and clean it. Raises `Unstorable`, `AnswerTooLarge` for what stands for such a
        record, and whatever a mapping stumbles over.
        """
        if isinstance(payload, Oversized):
            raise AnswerTooLarge
        nimble_id, remote, view = resource.parse(payload)
        packed, packed_view = pack(remote), pack(view)
        if not (clean.storable(packed) and clean.storable(packed_view)):
            nimble_id, remote = clean.text(nimble_id), clean.tree(remote)
            packed, packed_view = pack(remote), pack(clean.tree(view))
        if len(nimble_id) > LONGEST_ID:
            raise Unstorable("its id is too long")
        kept = resource.keep({}, remote)
        columns = overlay.project(resource, kept, [])
        return cls(
            nimble_id, kept, packed if kept is remote else pack(kept), packed_view, columns, digest(resource, kept)
        )


def parse_all(
    resource: Resource, connection: Connection, payloads: Sequence[Any], at: datetime
) -> tuple[list[Ready], list[Quarantined]]:
    """Every payload made ready; the ones that cannot be are returned as rows for the quarantine."""
    parsed: dict[str, Ready] = {}
    bad = []
    for payload in payloads:
        try:
            ready = Ready.of(resource, payload)
            parsed[ready.nimble_id] = ready
        except BROKEN as reason:
            found = payload.get("id") or payload.get("deal_id") if isinstance(payload, dict) else None
            if isinstance(payload, Oversized):
                found = payload.nimble_id
            payload = _as_it_came(payload)
            name = found if isinstance(found, str) else f"unnamed-{_fingerprint(payload)}"
            bad.append(
                Quarantined(
                    workspace_id=connection.workspace_id,
                    kind=resource.kind,
                    nimble_id=clean.text(name)[:64],
                    reason=f"{type(reason).__name__}: {reason}"[:500],
                    payload=payload,
                    at=at,
                )
            )
    # Each once: one statement may not touch a row twice.
    return list(parsed.values()), list({one.nimble_id: one for one in bad}.values())


def _as_it_came(payload: Any) -> Any:
    """What is kept of a record that cannot be stored; nothing of one that is too large or too deep to be kept as well,
    whatever else is wrong with it.
    """
    if isinstance(payload, Oversized):
        return None
    try:
        return clean.payload(payload)
    except RecursionError:
        return None


def save_page(
    resource: Resource,
    connection: Connection,
    payloads: Sequence[Any],
    *,
    read_at: datetime,
    also: Callable[[Tally], None] | None = None,
) -> Tally:
    """Store what one answer brought, at most `BATCH` rows a transaction; `also(tally)` runs in the last one.

    `read_at`: the database's time at which the read began. A row that something newer has written since is left alone.
    """
    tally = Tally()
    parsed, bad = parse_all(resource, connection, payloads, read_at)
    batches = [parsed[start : start + BATCH] for start in range(0, len(parsed), BATCH)] or [[]]
    for number, batch in enumerate(batches, start=1):
        with events.atomic():
            _save_batch(resource, connection, batch, read_at, tally)
            if number == len(batches):
                _quarantine(resource, connection, parsed, bad)
                tally.quarantined = len(bad)
                if also:
                    also(tally)
    return tally


def _save_batch(
    resource: Resource,
    connection: Connection,
    batch: Sequence[Ready],
    read_at: datetime,
    tally: Tally,
) -> None:
    model = resource.model
    rows = model._default_manager.filter(
        workspace_id=connection.workspace_id, nimble_id__in=[item.nimble_id for item in batch]
    )
    if database.features.has_select_for_update:
        # Locked, in one order, so that no edit comes between reading `rev` and writing. SQLite has one writer at a time
        # anyway, and would read a whole workspace to bring them in order.
        rows = rows.select_for_update(no_key=True).order_by("pk")
    stored = {row.known_id: row for row in rows}
    now = database_now()
    edits = overlay.open_edits(resource.kind, [row.pk for row in stored.values()])
    writes: list[dict[str, Any]] = []
    written: dict[str, dict[str, Any]] = {}
    untouched: list[int] = []
    brought: dict[int, dict[str, Any]] = {}
    changes: list[Change] = []
    narrowed: dict[int, Audience] = {}
    readers: dict[int, Any] = {}
    for item in batch:
        row = stored.get(item.nimble_id)
        remote = resource.keep(row.remote, item.remote) if row else item.remote
        mark = item.digest if remote is item.remote else digest(resource, remote)
        if row and row.fetched_at and (read_at <= row.fetched_at <= now or _lags(row, remote, read_at)):
            # An older read, or one that overlaps our own write, or a replica's: it knows nothing that we do not. What
            # was fetched later than now was so before the clock was set back.
            tally.unchanged += 1
            continue
        if row:
            brought[row.pk] = remote
        if row and row.digest == mark and row.gone_at is None:
            untouched.append(row.pk)
            tally.unchanged += 1
            continue
        over = edits.get(row.pk, []) if row else []
        as_sent = remote is item.remote
        columns = item.columns if as_sent and not over else overlay.project(resource, remote, over)
        written[item.nimble_id] = remote
        writes.append(
            {
                "workspace_id": connection.workspace_id,
                "nimble_id": item.nimble_id,
                **columns,
                "remote": item.packed if as_sent else pack(remote),
                "digest": mark,
                "rev": row.rev + 1 if row else 1,
                "fetched_at": read_at,
                "gone_at": None,
            }
        )
        if row:
            tally.changed += 1
            changes += _changes(resource, row, remote, read_at)
            if (audience := resource.audience(remote)) and audience != (had := resource.audience(row.remote)):
                narrowed[row.pk] = audience
                readers[row.pk] = had and had.users
        else:
            tally.created += 1
    if writes:
        upsert(model, writes, ["workspace_id", "nimble_id"], guard="rev")
        named = model._default_manager.filter(workspace_id=connection.workspace_id, nimble_id__in=list(written))
        ids = {str(nimble_id): pk for nimble_id, pk in named.values_list("nimble_id", "pk")}
        tally.ids.update(ids)
        resource.saved({ids[nimble_id]: remote for nimble_id, remote in written.items()})
        events.note(connection.workspace_id, resource.kind, ids.values())
    if untouched:
        model._default_manager.filter(pk__in=untouched).update(fetched_at=read_at)
    tally.ids.update({nimble_id: row.pk for nimble_id, row in stored.items()})
    Change.objects.bulk_create(changes)
    echoes.hear(resource, brought, read_at)
    if resource.sight:
        events.narrowed(connection.workspace_id, resource.kind, readers)
        _doubt(resource, connection.workspace_id, narrowed, read_at)
        shown = {tally.ids[item.nimble_id]: item.view for item in batch}
        # Hidden from them after this read began: what it brought says nothing of that.
        since = resource.sight._default_manager.filter(connection=connection, hidden_at__gt=read_at)
        for pk in since.filter(record_id__in=list(shown)).values_list("record_id", flat=True):
            del shown[pk]
        _discover(resource, connection, list(shown))
        saw(resource.sight, connection, shown, read_at)


def _lags(row: Any, remote: dict[str, Any], read_at: datetime) -> bool:
    """Whether Nimble served a state from before the one that is stored, by its own stamps of the last change.

    Not believed for a while only: Nimble may have gone back by itself. Operations give stamps of differing precision.
    """
    had, has = when.moment(row.remote.get("updated")), when.moment(remote.get("updated"))
    if had is None or has is None or read_at - row.fetched_at > REPLICA_LAGS:
        return False
    return has.replace(microsecond=0) < had.replace(microsecond=0)


def _changes(resource: Resource, row: Any, remote: dict[str, Any], at: datetime) -> list[Change]:
    before, after = resource.values(row.remote), resource.values(remote)
    by = remote.get("updated_by") or remote.get("updater") or ""
    return [
        Change(
            workspace_id=row.workspace_id,
            kind=resource.kind,
            record_id=row.pk,
            field=name[:120],
            before=before.get(name),
            after=after.get(name),
            by=by[:64] if isinstance(by, str) else "",
            at=at,
        )
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def narrow(resource: Resource, row: Any, remote: dict[str, Any], at: datetime) -> None:
    """Before `remote` is stored of a row: where it is shown to fewer people than before, those are not believed to be
    shown it any more.
    """
    audience, had = resource.audience(remote), resource.audience(row.remote)
    if resource.sight and audience and audience != had:
        events.narrowed(row.workspace_id, resource.kind, {row.pk: had and sorted(had.users)})
        _doubt(resource, row.workspace_id, {row.pk: audience}, at)


def _doubt(resource: Resource, workspace_id: int, narrowed: Mapping[int, Audience], at: datetime) -> None:
    """What was made private is hidden from whoever is not named, until their own token is shown it again.

    Those whom it was shown through a group are named by their sights alone.
    """
    if resource.sight is None:
        return
    for pk, audience in narrowed.items():
        sights = resource.sight._default_manager.filter(record_id=pk, hidden_at=None)
        unnamed = sights.exclude(connection__nimble_user_id__in=audience.users)
        shown = list(unnamed.exclude(seen_at=None).values_list("connection__nimble_user_id", flat=True))
        if shown:
            events.narrowed(workspace_id, resource.kind, {pk: shown})
        unnamed.update(hidden_at=at)


def _discover(resource: Resource, connection: Connection, pks: Sequence[int]) -> None:
    """What this connection had not been shown so far is news to it."""
    if resource.sight is None:
        return
    shown = resource.sight._default_manager.filter(
        connection=connection, record__in=pks, seen_at__isnull=False, hidden_at=None
    )
    if found := set(pks) - set(shown.values_list("record_id", flat=True)):
        events.note(connection.workspace_id, resource.kind, found)


def saw(sight: type[Any], connection: Connection, views: Mapping[int, Any], at: datetime) -> None:
    """Remember that this connection was shown these rows, with the JSON, or its text, that is its own."""
    rows = [
        {"record_id": pk, "connection_id": connection.pk, "seen_at": at, "missing": 0, "hidden_at": None, "view": view}
        for pk, view in views.items()
    ]
    upsert(sight, rows, ["record_id", "connection_id"])


def _quarantine(resource: Resource, connection: Connection, batch: Sequence[Ready], bad: list[Quarantined]) -> None:
    """Keep what could not be stored; release what could be after all."""
    kept = Quarantined.objects.filter(workspace_id=connection.workspace_id, kind=resource.kind)
    if batch:
        kept.filter(nimble_id__in=[item.nimble_id for item in batch]).delete()
    if resource.sight and bad:
        # Listed all the same: nothing of them is missing.
        listed = resource.sight._default_manager.filter(
            connection=connection, record__nimble_id__in=[one.nimble_id for one in bad]
        )
        listed.update(seen_at=max(one.at for one in bad), missing=0)
    Quarantined.objects.bulk_create(
        bad,
        update_conflicts=True,
        unique_fields=["workspace", "kind", "nimble_id"],
        update_fields=["reason", "payload", "at"],
    )
    Brought.objects.bulk_create(
        [Brought(record=one, connection=connection, at=one.at) for one in bad],
        update_conflicts=True,
        unique_fields=["record", "connection"],
        update_fields=["at"],
    )
