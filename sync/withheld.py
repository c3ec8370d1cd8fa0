"""What vanished for one viewer while colleagues are still shown it: taken from them in Nimble, and so hidden here.

That is privacy, no deletion: it waits for nobody's decision, and nothing is tombstoned by it.
"""

from functools import partial
from typing import Any

import structlog
from django.db.models import QuerySet

from nimble import errors
from nimble.models import Connection
from sync import events, registry
from sync.clock import database_now
from sync.resource import Resource
from sync.runs import Pull

log = structlog.get_logger(__name__)

# So many of them, spread, are asked for by themselves.
SAMPLE = 20
BATCH = 500


def hide(pull: Pull, kind: str, missing: QuerySet[Any]) -> list[int]:
    """Hide those of the missing sights whose record a colleague is shown, where Nimble refuses this viewer a sample.

    Returns the records that were hidden: none where Nimble shows but one of the sample, as after a wrong listing.
    Raises what the reads do, except `NotFound` and `Forbidden`.
    """
    resource = registry.resource(kind)
    colleagues = Connection.objects.active().filter(workspace=pull.workspace_id).exclude(pk=pull.connection.pk)
    theirs = missing.model._default_manager.filter(connection__in=colleagues, hidden_at=None).values("record_id")
    shared = missing.filter(record_id__in=theirs, record__nimble_id__isnull=False)
    ids = sorted(shared.values_list("record_id", flat=True))
    size = min(SAMPLE, len(ids))
    sample = [ids[place * len(ids) // size] for place in range(size)]
    rows = resource.model._default_manager.filter(pk__in=sample)
    if not all(_is_refused(pull, resource, row) for row in rows):
        return []
    now = database_now()
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        with events.atomic():
            missing.filter(record_id__in=some).update(hidden_at=now)
            events.note(pull.workspace_id, kind, some)
            events.narrowed(pull.workspace_id, kind, {pk: [pull.connection.nimble_user_id] for pk in some})
    if ids:
        log.warning("vanished records are withheld from their viewer", connection=pull.connection.pk, hidden=len(ids))
    return ids


def _is_refused(pull: Pull, resource: Resource, row: Any) -> bool:
    try:
        pull.read(partial(resource.fetch, pull.client, row))
    except (errors.NotFound, errors.Forbidden):
        return True
    return False
