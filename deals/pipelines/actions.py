"""What a person does to a pipeline: each action is one transaction that leaves an edit for the outbox.

All of them raise `CannotEdit` for whoever may not.
"""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from deals.models import Pipeline, PipelineSight
from deals.pipelines import rights
from deals.pipelines.parts import ITSELF, Part, moved, new_part, order_of, split
from sync import edits, events, overlay, registry
from sync.clock import database_now
from sync.models import Edit, State
from sync.upsert import upsert
from sync.viewer import viewer

Operation = Edit.Operation


def create(*, author: Any, values: dict[str, Any]) -> Edit:
    """Make a pipeline: listed here at once, in Nimble as soon as it is sent; its stages can be changed from then on.

    `values`: `name`, `description`, `color`, `default_currency`, `lost_reasons` (texts) and `stages` (`name`,
    `default_probability`, `expected_days`); Nimble adds a won and a lost one.
    """
    connection = viewer(author)
    if connection is None or not rights.of(author).may_create:
        raise edits.CannotEdit(_("In Nimble only the company's owner may create pipelines."))
    with events.atomic():
        last = Pipeline.objects.filter(workspace_id=connection.workspace_id).order_by("-position").first()
        pipeline = Pipeline.objects.create(
            workspace_id=connection.workspace_id, position=last.position + 1 if last else 0
        )
        # Nobody else sees it before Nimble lists it to them.
        sight = {"record_id": pipeline.pk, "connection_id": connection.pk, "seen_at": database_now()}
        upsert(PipelineSight, [sight], ["record_id", "connection_id"])
        edit = edits.record(author=author, row=pipeline, new=values, operation=Operation.CREATE)
    assert edit is not None, "a create always says something"  # noqa: S101
    return edit


def change(
    *, author: Any, pipeline: Pipeline, part: Part = ITSELF, values: dict[str, Any], seen: dict[str, Any] | None = None
) -> Edit | None:
    """Give attributes of a pipeline or of one of its parts other values; None when nothing changes."""
    rights.require(author, pipeline)
    named = _named(part, values)
    with events.atomic():
        drop_refused(author=author, pipeline=pipeline, part=part)
        return edits.record(author=author, row=pipeline, new=named, seen=_named(part, seen or {}))


def add(*, author: Any, pipeline: Pipeline, kind: str, inside: str = "", values: dict[str, Any]) -> Edit:
    """Make a part; `inside` is the field of a new choice. Nothing is said of attributes without a value."""
    rights.require(author, pipeline)
    part = new_part(kind, inside)
    told = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    edit = edits.record(author=author, row=pipeline, new=_named(part, told))
    assert edit is not None, "a new part always says something"  # noqa: S101
    return edit


def remove_part(*, author: Any, pipeline: Pipeline, part: Part, how: str) -> Edit | None:
    """Delete a group, a field or a choice: `parts.UNUSED`, if no deal uses it, or `parts.ANYWAY`."""
    return change(author=author, pipeline=pipeline, part=part, values={"removed": how})


def move(*, author: Any, pipeline: Pipeline, what: str, one: str, after: str | None) -> Edit | None:
    """Put a field, a group or a choice behind another one, or first. `what`: as for `parts.order_of`."""
    resource = registry.resource(pipeline.kind)
    with events.atomic():
        # As it is now: an edit has the whole order, and a colleague may just have moved another one.
        locked = Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline.pk)
        open_edits = overlay.open_edits(pipeline.kind, [pipeline.pk]).get(pipeline.pk, [])
        order = overlay.overlaid(resource.values(locked.remote), open_edits).get(order_of(what)) or []
        part = Part("order", what)
        return change(author=author, pipeline=locked, part=part, values={"ids": moved(order, one, after)})


def remove(*, author: Any, pipeline: Pipeline) -> Edit | None:
    """Delete a pipeline with all of its deals; one that was never sent is simply dropped."""
    rights.require(author, pipeline)
    with events.atomic():
        for edit in _refused(author, pipeline).filter(operation=Operation.DELETE):
            edits.discard(edit)
        return edits.remove(author=author, row=pipeline)


def drop_refused(*, author: Any, pipeline: Pipeline, part: Part) -> None:
    """Discard what Nimble refused of this person's about a part: something else comes instead."""
    for edit in _refused(author, pipeline).filter(operation=Operation.UPDATE):
        if part in by_edit(edit):
            edits.discard(edit)


def _refused(author: Any, pipeline: Pipeline) -> QuerySet[Edit]:
    states = [State.REJECTED, State.FAILED]
    return Edit.objects.filter(kind=Pipeline.kind, record_id=pipeline.pk, author=author, state__in=states)


def by_edit(edit: Edit) -> set[Part]:
    """The parts that an edit is about."""
    return {split(name)[0] for name in edit.fields}


def _named(part: Part, values: dict[str, Any]) -> dict[str, Any]:
    return {name if part == ITSELF else part.named(name): value for name, value in values.items()}
