"""Doing one thing to many edits, or changing many records: a few at once, many in a worker, which goes on where it
stands, whoever is killed.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from sync import bell, edits, events, leases, registry, undo
from sync.clock import database_now
from sync.models import UNSENT, Batch, Edit, State
from sync.resource import Resource

log = structlog.get_logger(__name__)
Action = Batch.Action

# So many are done while the person waits for the page.
AT_ONCE = 25
MOST = 5_000
LEASE_SECONDS = 60
# Where many records are changed, so many of the edits at most wait to be sent: pausing keeps the rest from being made.
AHEAD = 100
# A worker gives the line of edits a turn after so long.
SLICE_SECONDS = 0.5

DONE, SKIPPED, CHANGED, REFUSED = "done", "skipped", "changed", "refused"
Result = dict[str, str]


def begin(action: str, chosen: Sequence[Edit], *, author: Any) -> Batch:
    """Do something to edits of this person; returns the batch, finished already where they are few.

    An undo goes from the newest to the oldest, so that each finds what it made; everything else the other way.
    """
    pks = sorted({edit.pk for edit in chosen}, reverse=action == Action.UNDO)[:MOST]
    batch = Batch.objects.create(author=author, action=action, edit_ids=pks, created_at=database_now())
    if len(pks) <= AT_ONCE:
        run(batch)
        batch.refresh_from_db()
    else:
        bell.ring()
    return batch


def change(resource: Resource, record_ids: Sequence[int], asked: dict[str, Any], *, author: Any) -> Batch:
    """Change many records in the same way: each as `Resource.change_one` says, by an edit of its own.

    Returns the batch, finished already where they are few.
    """
    batch = Batch.objects.create(
        author=author,
        action=Action.CHANGE,
        kind=resource.kind,
        record_ids=list(dict.fromkeys(record_ids))[:MOST],
        asked=asked,
        created_at=database_now(),
    )
    if len(batch.record_ids) <= AT_ONCE:
        run(batch)
        batch.refresh_from_db()
    else:
        bell.ring()
    return batch


def pause(batch: Batch, *, paused: bool) -> None:
    """Make no further edits for now, or go on making them; those that are made are sent."""
    Batch.objects.filter(pk=batch.pk, finished_at=None).update(paused_at=database_now() if paused else None)
    bell.ring()


def stop(batch: Batch) -> None:
    """Leave the rest as it is."""
    with events.atomic():
        found = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
        if found.finished_at is None:
            found.finished_at = database_now()
            found.save(update_fields=["finished_at"])


def unsent(batch: Batch) -> int:
    """How many of its edits are not in Nimble yet, and go there by themselves or once Nimble lets them."""
    return batch.edits.filter(state__in=[*UNSENT, State.SENDING]).count()


def taken_back(batch: Batch) -> QuerySet[Edit]:
    """Of the edits that it made, those that were taken back since: before they were sent, or by another edit."""
    stands = Edit.objects.filter(undoes=OuterRef("pk"), state__in=[*UNSENT, State.SENDING, State.CONFIRMED])
    again = Edit.objects.filter(undoes__undoes=OuterRef("pk"), state__in=[*UNSENT, State.SENDING, State.CONFIRMED])
    return batch.edits.filter(Q(state=State.UNDONE) | (Exists(stands) & ~Exists(again)))


def gathered(made: Sequence[Edit], *, author: Any) -> Batch:
    """Edits that this person has just made together, as one batch that can be taken back whole."""
    pks = [edit.pk for edit in made]
    now = database_now()
    with events.atomic():
        batch = Batch.objects.create(
            author=author,
            action=Action.CHANGE,
            edit_ids=pks,
            done=len(pks),
            results={str(pk): {"outcome": DONE} for pk in pks},
            created_at=now,
            finished_at=now,
        )
        Edit.objects.filter(pk__in=pks).update(batch=batch)
    return batch


def go_on(seconds: float = SLICE_SECONDS) -> bool:
    """Go on with what is unfinished, for so long; whether anything is left. One statement where nothing is."""
    until = time.monotonic() + seconds
    going = Batch.objects.filter(finished_at=None, paused_at=None)
    for batch in going.order_by("id"):
        run(batch, until)
        if time.monotonic() >= until:
            return going.exists()
    return False


def run(batch: Batch, until: float | None = None) -> None:
    """Work through a batch from where it stands, until it is done or the time is up. One worker at a time."""
    name = f"batch-{batch.pk}"
    token = leases.acquire(name, LEASE_SECONDS)
    if token is None:
        return
    try:
        batch.refresh_from_db()
        while _goes_on(batch) and (until is None or time.monotonic() < until):
            if not leases.extend(name, token, LEASE_SECONDS):
                # It took so long that somebody else has taken it over.
                return
            _step(batch)
    finally:
        leases.release(name, token)


def _goes_on(batch: Batch) -> bool:
    """Whether there is something to do now. Changes wait for their edits to be sent, so that nobody else's wait."""
    if batch.finished_at or batch.paused_at:
        return False
    return not batch.record_ids or batch.done % (AHEAD // 4) != 0 or unsent(batch) < AHEAD


def _step(batch: Batch) -> None:
    """One edit or record, and that it is done, in one transaction: a killed worker neither skips nor repeats it."""
    with events.atomic():
        batch.refresh_from_db(from_queryset=Batch.objects.select_for_update(no_key=True))
        if batch.finished_at or batch.paused_at:
            return
        total = len(batch.record_ids or batch.edit_ids)
        if batch.record_ids and batch.done < total:
            pk = batch.record_ids[batch.done]
            result = _tried(batch, pk, lambda: _change(batch, pk))
            if result["outcome"] == REFUSED:
                # Of thousands that went well, nothing is written down but their edits.
                batch.results[str(pk)] = result
            batch.done += 1
        elif batch.done < total:
            pk = batch.edit_ids[batch.done]
            edit = Edit.objects.select_related("connection").filter(pk=pk, author=batch.author).first()
            batch.results[str(pk)] = _tried(batch, pk, lambda: _do(batch, edit)) if edit else {"outcome": SKIPPED}
            batch.done += 1
        if batch.done >= total:
            batch.finished_at = database_now()
            log.info("batch finished", batch=batch.pk, action=batch.action, done=batch.done)
        batch.save(update_fields=["results", "done", "finished_at"])


def _tried(batch: Batch, pk: int, act: Callable[[], Result]) -> Result:
    try:
        with events.atomic():
            return act()
    except edits.CannotEdit as reason:
        return {"outcome": REFUSED, "why": str(reason)}
    except Exception as error:
        # Ours; the others go on. The text stays out of the log, it may quote values.
        log.error("a part of a batch failed", batch=batch.pk, part=pk, error=type(error).__name__)
        return {"outcome": REFUSED, "why": _("The portal made an error of its own; it is in the log.")}


def _change(batch: Batch, pk: int) -> Result:
    edit = registry.resource(batch.kind).change_one(pk, batch.asked, author=batch.author)
    if edit is None:
        return {"outcome": SKIPPED}
    Edit.objects.filter(pk=edit.pk).update(batch=batch)
    return {"outcome": DONE}


def _do(batch: Batch, edit: Edit) -> Result:
    if batch.action == Action.UNDO:
        undone = undo.undo(edit, author=batch.author, batch=batch)
        return {"outcome": CHANGED, "by": undone.since.by} if undone.since else {"outcome": DONE}
    if batch.action == Action.RETRY and edit.state == State.AMBIGUOUS:
        raise edits.CannotEdit(_("It may be in Nimble already: look there first, and decide about it alone."))
    done = {
        Action.RETRY: edits.retry,
        Action.LOOK: edits.look_again,
        Action.DISCARD: edits.discard,
        Action.RESTORE: edits.restore,
        Action.OURS: lambda one: edits.resolve(one, {}),
        Action.THEIRS: lambda one: edits.resolve(one, _theirs(one)),
    }[Action(batch.action)](edit)
    return {"outcome": DONE if done else SKIPPED}


def _theirs(edit: Edit) -> dict[str, Any]:
    return {name: change["theirs"] for name, change in edit.fields.items() if "theirs" in change}


def reversal(batch: Batch) -> tuple[str, list[int]]:
    """What takes a batch back: the action and the edits it is done to; ("", []) where nothing does."""
    if batch.action == Action.CHANGE and batch.finished_at:
        made = batch.edits.exclude(state__in=[State.UNDONE, State.DISCARDED, State.SUPERSEDED])
        made = made.exclude(pk__in=taken_back(batch).values("pk"))
        return Action.UNDO, list(made.values_list("pk", flat=True))
    done = [int(pk) for pk, result in batch.results.items() if result["outcome"] == DONE]
    if batch.finished_at is None or not done:
        return "", []
    if batch.action in (Action.DISCARD, Action.THEIRS):
        back = Edit.objects.filter(pk__in=done, state=State.DISCARDED)
        return Action.RESTORE, list(back.values_list("pk", flat=True))
    if batch.action == Action.RESTORE:
        return Action.DISCARD, done
    if batch.action == Action.UNDO:
        compensating = batch.edits.exclude(state__in=[State.UNDONE, State.DISCARDED, State.SUPERSEDED])
        return Action.UNDO, list(compensating.values_list("pk", flat=True))
    if batch.action == Action.OURS:
        return Action.UNDO, done
    return "", []
