"""What each attempt to send an edit came to: when, how long, which request, what Nimble answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sync import reasons
from sync.models import Attempt, Edit


def begin(edit: Edit, at: datetime) -> None:
    """Write down that an attempt begins, under the edit's present lease."""
    Attempt.objects.create(edit=edit, token=edit.lease_token, began_at=at)


def end(edit: Edit, outcome: str, reason: str, at: datetime) -> None:
    """Write down how the attempt of the edit's present lease ended, with its last exchange with Nimble."""
    last = edit.exchange
    Attempt.objects.filter(edit_id=edit.pk, token=edit.lease_token).update(
        ended_at=at,
        outcome=outcome,
        reason=reason[:40],
        operation=last.operation[:80] if last else "",
        status=last.status or None if last else None,
        request_id=last.request_id if last else "",
        milliseconds=round(last.seconds * 1000) if last else None,
    )


def forget(edit: Edit) -> None:
    """What was begun under the edit's present lease was not an attempt: nothing was sent."""
    Attempt.objects.filter(edit_id=edit.pk, token=edit.lease_token).delete()


class Told(NamedTuple):
    """An attempt with, in words, why it ended as it did; "" where nothing went wrong."""

    attempt: Attempt
    in_words: Any


def of(edits: Iterable[Edit]) -> dict[int, list[Told]]:
    """By edit its attempts, oldest first. One statement."""
    found: dict[int, list[Told]] = {}
    for attempt in Attempt.objects.filter(edit__in=list(edits)).order_by("pk"):
        reason = reasons.REASONS.get(attempt.reason)
        found.setdefault(attempt.edit_id, []).append(Told(attempt, reason.text if reason else ""))
    return found
