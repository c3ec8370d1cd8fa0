"""What people have to be told at present: every cause that is true now, found by looking at the tables.

Nobody reports anything here, so nothing is lost with a message or a killed worker: whatever is true is found with the
next look, and whatever is found no more is over.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, OuterRef

from nimble.models import Connection, ConnectionState
from sync import health
from sync.clock import database_now
from sync.models import ALARMING_WALKS, NEEDS_PERSON, Brake, Check, Edit, State
from team.models import Cause

# A process that is started anew is silent for a moment, and nobody's business.
RESTART = timedelta(minutes=1)


class Told(NamedTuple):
    """Who is to be told what; the same as long as it lasts."""

    user_id: int
    cause: str
    key: str


Current = Iterator[tuple[Told, dict[str, Any]]]


def edits() -> Current:
    """Edits that their authors have to see to; those that wait for the plan or for a reconnection are told as such."""
    waiting = Edit.objects.filter(state__in=NEEDS_PERSON).exclude(state=State.BLOCKED)
    for pk, author_id in waiting.values_list("pk", "author_id"):
        yield Told(author_id, Cause.EDIT, str(pk)), {"edit": pk}


def quota() -> Current:
    """Also while it is tried once more: that there is no room is over when something has gone through."""
    trying = [State.BLOCKED, State.RETRYING, State.SENDING]
    blocked = Edit.objects.filter(state__in=trying, error__reason="quota")
    for workspace_id, author_id in blocked.order_by().values_list("workspace_id", "author_id").distinct():
        yield Told(author_id, Cause.QUOTA, str(workspace_id)), {}


def reconnections() -> Current:
    active = Connection.objects.active().filter(user=OuterRef("user"), workspace=OuterRef("workspace"))
    lost = Connection.objects.filter(state=ConnectionState.RECONNECT).exclude(Exists(active))
    for pk, user_id in lost.values_list("pk", "user_id"):
        yield Told(user_id, Cause.RECONNECT, str(pk)), {}


def brakes() -> Current:
    """The one whose listing it is, and the operators."""
    held = Brake.objects.filter(state=Brake.State.HELD)
    found = list(held.values_list("pk", "missing", "known", "stream__name", "stream__connection__user_id"))
    operators_too = operators() if found else []
    for pk, missing, known, stream, owner_id in found:
        for user_id in {owner_id, *operators_too}:
            yield Told(user_id, Cause.BRAKE, str(pk)), {"missing": missing, "known": known, "stream": stream}


def figures() -> Current:
    """What differs for more than one listing."""
    differing = Check.objects.filter(walks__gte=ALARMING_WALKS, stream__connection__state=ConnectionState.ACTIVE)
    counted = differing.order_by().values_list("stream_id", "stream__name", "stream__connection__user_id")
    for stream_id, stream, user_id, count in counted.annotate(count=Count("pk")):
        yield Told(user_id, Cause.FIGURES, str(stream_id)), {"stream": stream, "count": count}


def processes() -> Current:
    """Operators alone can start one. One that was never there is the first start's business."""
    now = database_now()
    silent = [sign for sign in health.signs() if sign.silent and sign.seen and now - sign.seen > _patience(sign.name)]
    for user_id in operators() if silent else []:
        for sign in silent:
            yield Told(user_id, Cause.PROCESS, sign.name), {"process": sign.name}


def _patience(name: str) -> timedelta:
    return timedelta(seconds=health.SILENT_SECONDS[name]) + RESTART


def operators() -> list[int]:
    """Who looks after the installation."""
    staff = get_user_model().objects.filter(is_active=True, is_staff=True, is_superuser=True)
    return list(staff.values_list("pk", flat=True))


def current() -> dict[Told, dict[str, Any]]:
    """All that is true now. A fixed number of statements."""
    return {
        told: about for cause in (edits, quota, reconnections, brakes, figures, processes) for told, about in cause()
    }
