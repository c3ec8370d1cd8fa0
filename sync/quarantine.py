"""Records that could not be stored: what a person may know of them, and reading one anew."""

from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import registry, store
from sync.clock import database_now
from sync.models import Quarantined
from sync.viewer import viewer

log = structlog.get_logger(__name__)
SHOWN = 50


@dataclass(frozen=True)
class Kept:
    """A record that was set aside: `why` in words; `names` of what it holds, where the person may know of it."""

    row: Quarantined
    kind: Any
    why: str
    names: list[str]
    can_read: bool


def visible(user: Any) -> QuerySet[Quarantined]:
    """What was set aside in the person's workspace; to an operator, in all of them."""
    connection = viewer(user)
    if connection is not None:
        return Quarantined.objects.filter(workspace_id=connection.workspace_id).order_by("-at", "-pk")
    everything = Quarantined.objects.all() if user.is_superuser else Quarantined.objects.none()
    return everything.order_by("-at", "-pk")


def kept(user: Any) -> list[Kept]:
    """The last that were set aside, in words: one statement for each kind beyond their own."""
    rows = list(visible(user)[:SHOWN])
    connection = viewer(user)
    seen: set[tuple[str, str]] = set()
    for kind in {row.kind for row in rows}:
        ids = [row.nimble_id for row in rows if row.kind == kind]
        stored = registry.resource(kind).for_user(user).filter(nimble_id__in=ids).values_list("nimble_id", flat=True)
        seen |= {(kind, nimble_id) for nimble_id in stored}
    return [
        Kept(
            row=row,
            kind=registry.resource(row.kind).title_of_kind,
            why=_why(row),
            names=_names(row.payload) if user.is_superuser or (row.kind, row.nimble_id) in seen else [],
            can_read=connection is not None and not row.nimble_id.startswith("unnamed-"),
        )
        for row in rows
    ]


def _why(row: Quarantined) -> str:
    """In words: the rest of the stored reason may quote the record."""
    known = {
        "Unstorable": _("It lacks what every such record has."),
        "AnswerTooLarge": _("It is larger than 20 MB."),
    }
    return known.get(row.reason.partition(":")[0], _("It is not shaped as Nimble's documents promise."))


def _names(payload: Any) -> list[str]:
    found = sorted(payload) if isinstance(payload, dict) else []
    return [str(name)[:60] for name in found][:60]


def read_again(row: Quarantined, connection: Connection) -> bool:
    """Ask Nimble for one of them by its id and store it; whether that worked. In a worker: it waits for Nimble."""
    resource = registry.resource(row.kind)
    began = database_now()
    wanted = resource.model(workspace_id=row.workspace_id, nimble_id=row.nimble_id)
    try:
        payload = resource.fetch(Client(connection), wanted)
    except errors.NimbleError as error:
        log.warning("a quarantined record could not be read", kind=row.kind, error=type(error).__name__)
        return False
    if payload is None:
        return False
    return store.save_page(resource, connection, [payload], read_at=began).quarantined == 0
