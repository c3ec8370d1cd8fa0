"""What each attempt to send an edit came to: when, how long, which request, what Nimble answered."""

from datetime import datetime

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
