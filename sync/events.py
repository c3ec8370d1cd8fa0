"""Live events: which records changed, numbered in the order in which that was committed.

Whoever writes records does so inside `events.atomic()` and notes them; its last statement raises the workspace's
counter, whose row stays locked until the commit. So a reader who has seen number n misses nothing by asking for what
comes after n. Nobody takes another lock after that one, so writers never wait for each other in a circle: PostgreSQL's
checks of foreign keys, which lock what they lead to, are made before it and not with the commit.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from django.db import connection as database
from django.db import transaction

from nimble.models import Workspace
from sync.models import Event

# The latest events of a workspace that are kept; who asks for older ones reads anew what they show.
KEPT = 2000
PRUNE_EVERY = 100
# More records than these in one event are not named: any may have changed.
MOST_IDS = 500
# Instead of a kind: records of any.
ANY = ""


@dataclass
class Noted:
    """What one transaction changed of one kind: ids, None for any; and of records that were narrowed their readers."""

    ids: set[int] | None = field(default_factory=set)
    readers: dict[int, list[str] | None] = field(default_factory=dict)


class _Here(threading.local):
    """What the transaction of this thread has noted so far; None outside one."""

    noted: dict[tuple[int, str], Noted] | None = None


_here = _Here()


@contextmanager
def atomic() -> Iterator[None]:
    """`transaction.atomic()`, with the events of what is noted in it as its last statement.

    Nested ones leave that to the outermost. Inside a plain `transaction.atomic()`, which may take more locks after it,
    the events follow in a transaction of their own after the commit.
    """
    if _here.noted is not None:
        with transaction.atomic():
            yield
        return
    inside = database.in_atomic_block
    noted: dict[tuple[int, str], Noted] = {}
    _here.noted = noted
    try:
        with transaction.atomic():
            yield
            if noted and not inside and not transaction.get_rollback():
                _record(noted)
    finally:
        _here.noted = None
    if noted and inside:
        transaction.on_commit(partial(_record_alone, noted))


def _noting() -> AbstractContextManager[None]:
    """A transaction for the note where there is none yet."""
    return atomic() if _here.noted is None else nullcontext()


def note(workspace_id: int, kind: str, ids: Iterable[int] | None) -> None:
    """These records of a kind have changed, for somebody at least; None: any of them may have."""
    ids = None if ids is None else set(ids)
    if ids is not None and not ids:
        return
    with _noting():
        found = _noted(workspace_id, kind)
        if ids is None or found.ids is None:
            found.ids = None
        else:
            found.ids.update(ids)


def narrowed(workspace_id: int, kind: str, readers: Mapping[int, Sequence[str] | None]) -> None:
    """These records are shown to fewer people now: id → users who could read it before, None for everybody.

    Who is named of a record in one transaction adds up.
    """
    if not readers:
        return
    with _noting():
        known = _noted(workspace_id, kind).readers
        for pk, users in readers.items():
            before = known.get(pk, [])
            known[pk] = None if users is None or before is None else sorted({*before, *users})


def _noted(workspace_id: int, kind: str) -> Noted:
    if _here.noted is None:
        raise RuntimeError("Events are noted inside events.atomic().")
    return _here.noted.setdefault((workspace_id, kind), Noted())


def _record_alone(noted: Mapping[tuple[int, str], Noted]) -> None:
    with transaction.atomic():
        _record(noted)


def _record(noted: Mapping[tuple[int, str], Noted]) -> None:
    """Workspaces in one order, so that two writers cannot wait for each other."""
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for workspace_id in sorted({workspace_id for workspace_id, _kind in noted}):
        kinds = [(kind, one, _named(one)) for (of, kind), one in noted.items() if of == workspace_id]
        last = _advance(workspace_id, len(kinds))
        Event.objects.bulk_create(
            Event(
                workspace_id=workspace_id,
                number=number,
                kind=kind,
                ids=ids,
                readers={str(pk): users for pk, users in one.readers.items()} if ids is not None else {},
            )
            for number, (kind, one, ids) in enumerate(kinds, start=last - len(kinds) + 1)
        )
        if last % PRUNE_EVERY < len(kinds):
            Event.objects.filter(workspace_id=workspace_id, number__lte=last - KEPT).delete()


def _named(one: Noted) -> list[int] | None:
    """Its records; None for any, which whoever shows some reads anew, so that nobody needs to know its readers."""
    return None if one.ids is None or len(one.ids) > MOST_IDS else sorted(one.ids)


def _advance(workspace_id: int, by: int) -> int:
    table = database.ops.quote_name(Workspace._meta.db_table)
    sql = f"UPDATE {table} SET event_number = event_number + %s WHERE id = %s RETURNING event_number"  # noqa: S608
    with database.cursor() as cursor:
        cursor.execute(sql, [by, workspace_id])
        return int(cursor.fetchall()[0][0])


def since(workspace_id: int, after: int, upto: int) -> list[Event] | None:
    """The events after one number up to another, oldest first; None where they are not all kept any more."""
    if not 0 <= upto - after <= KEPT:
        return None
    found = Event.objects.filter(workspace_id=workspace_id, number__gt=after, number__lte=upto).order_by("number")
    events = list(found)
    return events if len(events) == upto - after else None
