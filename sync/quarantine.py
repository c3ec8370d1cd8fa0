"""Records that could not be stored: who may know of them, and what; reading one anew."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import registry, store
from sync.clock import database_now
from sync.models import Brought, Quarantined
from sync.viewer import viewer

log = structlog.get_logger(__name__)
SHOWN = 50


@dataclass(frozen=True)
class Kept:
    """A record that was set aside: `why` in words; `names` of what it holds."""

    row: Quarantined
    kind: Any
    why: str
    names: list[str]
    can_read: bool


@dataclass(frozen=True)
class Aside:
    """How many records of a kind were set aside for one reason."""

    kind: Any
    why: str
    count: int


def visible(user: Any) -> QuerySet[Quarantined]:
    """What was set aside of the records that Nimble shows this person: of those stored before, the ones that they see;
    of the others, the ones that their own connection was sent. None for an operator, who has no records.
    """
    connection = viewer(user)
    if connection is None:
        return Quarantined.objects.none()
    here = Quarantined.objects.filter(workspace_id=connection.workspace_id)
    brought = Exists(Brought.objects.filter(record=OuterRef("pk"), connection=connection))
    seen = Q(pk__in=[])
    for kind in here.order_by().values_list("kind", flat=True).distinct():
        resource = registry.resource(kind)
        known = Exists(resource.for_user(user).filter(nimble_id=OuterRef("nimble_id")).order_by())
        own = Q(brought)
        if resource.sight:
            hidden = resource.sight._default_manager.filter(
                record__nimble_id=OuterRef("nimble_id"), connection=connection, hidden_at__isnull=False
            )
            own &= ~Q(Exists(hidden))
        seen |= Q(kind=kind) & (known | own)
    return here.filter(seen).order_by("-at", "-pk")


def kept(user: Any) -> list[Kept]:
    """The last that were set aside, in words. Two statements."""
    return [
        Kept(
            row=row,
            kind=registry.resource(row.kind).title_of_kind,
            why=_why(row.reason),
            names=_names(row.payload),
            can_read=not row.nimble_id.startswith("unnamed-"),
        )
        for row in visible(user)[:SHOWN]
    ]


def counted(rows: QuerySet[Quarantined]) -> list[Aside]:
    """How many of these were set aside, by kind and cause, the most first. One statement."""
    counts: dict[tuple[str, str], int] = {}
    for kind, reason, count in rows.order_by().values_list("kind", "reason").annotate(n=Count("pk")):
        key = (kind, _why(reason))
        counts[key] = counts.get(key, 0) + count
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Aside(registry.resource(kind).title_of_kind, why, count) for (kind, why), count in most_first]


def _why(reason: str) -> str:
    """In words: the rest of the stored reason may quote the record."""
    known = {
        "Unstorable": _("It lacks what every such record has."),
        "AnswerTooLarge": _("It is larger than 20 MB."),
        "RecursionError": _("It nests more deeply than can be stored."),
    }
    return known.get(reason.partition(":")[0], _("It is not shaped as Nimble's documents promise."))


def _names(payload: Any) -> list[str]:
    found = sorted(payload) if isinstance(payload, dict) else []
    return [str(name)[:60] for name in found][:60]


def settle(connection: Connection, kind: str, listed_since: datetime) -> None:
    """After a complete listing that began at `listed_since`: what it lacks is no longer this viewer's, and what nobody
    is shown any more is forgotten.
    """
    mine = Brought.objects.filter(connection=connection, record__kind=kind)
    mine.filter(at__lt=listed_since).delete()
    here = Quarantined.objects.filter(workspace_id=connection.workspace_id, kind=kind, brought_by=None)
    stored = registry.resource(kind).model._default_manager.filter(workspace_id=connection.workspace_id, gone_at=None)
    here.exclude(Exists(stored.filter(nimble_id=OuterRef("nimble_id")))).delete()


def read_again(row: Quarantined, connection: Connection) -> bool:
    """Ask Nimble for one of them by its id and store it; whether that worked. In a worker: it waits for Nimble.

    What Nimble refuses this viewer is no longer theirs to know of.
    """
    resource = registry.resource(row.kind)
    began = database_now()
    wanted = resource.model(workspace_id=row.workspace_id, nimble_id=row.nimble_id)
    try:
        payload = resource.fetch(Client(connection), wanted)
    except (errors.NotFound, errors.Forbidden):
        Brought.objects.filter(record=row, connection=connection).delete()
        return False
    except errors.NimbleError as error:
        log.warning("a quarantined record could not be read", kind=row.kind, error=type(error).__name__)
        return False
    if payload is None:
        return False
    return store.save_page(resource, connection, [payload], read_at=began).quarantined == 0
