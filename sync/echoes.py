"""The echo of an edit: the first read after its confirmation in which Nimble brings its values by itself.

Until then only Nimble's answer says that it has them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from sync import merge
from sync.models import Edit, State
from sync.resource import Resource

log = structlog.get_logger(__name__)


def hear(resource: Resource, remotes: Mapping[int, dict[str, Any]], read_at: datetime) -> None:
    """Mark the confirmed edits of these records (pk → what Nimble sent) that this read brings back. One statement
    where there are none, which is nearly always.

    What somebody has changed since is never heard; nor is a removal, of which nothing comes.
    """
    if not remotes:
        return
    waiting = Edit.objects.filter(
        kind=resource.kind,
        record_id__in=list(remotes),
        state=State.CONFIRMED,
        echoed_at=None,
        confirmed_at__lte=read_at,
    ).only("workspace_id", "record_id", "fields", "origin")
    heard = [edit for edit in waiting if _is_in(resource, edit, resource.values(remotes[edit.record_id]))]
    if heard:
        Edit.objects.filter(pk__in=[edit.pk for edit in heard]).update(echoed_at=read_at)
    for edit in heard:
        log.info("edit echoed", edit=edit.pk, request_id=edit.origin)


def _is_in(resource: Resource, edit: Edit, values: Mapping[str, Any]) -> bool:
    """Whether Nimble has what the edit wanted; of a field of many values, all that it added and nothing it removed."""
    if not edit.fields:
        return False
    # The workspace decides how fields merge: an unsaved row of it is enough to ask.
    rules = resource.rules(resource.model(workspace_id=edit.workspace_id), edit.fields)
    plan = merge.plan(edit.fields, values, rules)
    left = plan.send.keys() | plan.conflicts.keys()
    return all(resource.equal(edit.fields[name]["new"], values.get(name)) for name in left)
