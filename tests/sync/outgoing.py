"""Edits on their way out: where one is, and letting time pass for it."""

from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from deals.models import Deal, Stage
from sync import registry
from sync.models import Edit, State


def state_of(edit: Edit) -> str:
    edit.refresh_from_db()
    return edit.state


def lapse(edit: Edit) -> None:
    """The worker that had it was killed, and its lease has run out."""
    Edit.objects.filter(pk=edit.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def due_now() -> None:
    """It is a minute later: every pause is over, and a create that was under way has had its effect, or none."""
    minute = timedelta(minutes=1)
    Edit.objects.filter(state=State.RETRYING).update(not_before=None, sent_at=F("sent_at") - minute)


def value_of(deal: Deal, field: str) -> Any:
    """What Nimble has said of it."""
    return registry.resource("deal").values(deal.remote)[field]


def open_stages() -> QuerySet[Stage]:
    return Stage.objects.filter(role="open", archived_at=None).exclude(default_probability=None)
