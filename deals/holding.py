"""Holding back what Nimble cannot bring back, for longer than its notice offers to take it back."""

from datetime import timedelta

from sync.clock import database_now
from sync.models import Edit

HELD = timedelta(seconds=15)


def hold(edit: Edit) -> Edit:
    """Let an edit that has just been recorded go out when `HELD` is over; in the transaction that records it."""
    edit.not_before = database_now() + HELD
    edit.save(update_fields=["not_before"])
    return edit
