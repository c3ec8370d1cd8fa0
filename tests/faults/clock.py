"""Time that passes at once: everything that the portal has dated is as much older."""

from datetime import timedelta
from typing import Any

from allauth.socialaccount.models import SocialToken
from django.db.models import DateTimeField, F, Model

from nimble.models import Breaker, Connection, Pace
from sync.models import Edit, Heartbeat, Lease, Run, Stream

DATED: tuple[type[Model], ...] = (Connection, Pace, SocialToken, Edit, Heartbeat, Lease, Run, Stream)
# In what is stored as JSON, by the end of the name: seconds since 1970.
MOMENTS = ("_at", "_until", "since", "due")


def pass_time(seconds: float) -> None:
    """Nothing that waits, lapses or is due can tell this from having slept."""
    for model in DATED:
        dates = [field.name for field in model._meta.get_fields() if isinstance(field, DateTimeField)]
        model._default_manager.update(**{name: F(name) - timedelta(seconds=seconds) for name in dates})
    for row in Breaker.objects.all():
        Breaker.objects.filter(pk=row.pk).update(state=earlier(row.state, seconds))
    for row in Pace.objects.all():
        slots = [[token, until - seconds, *rest] for token, until, *rest in row.slots]
        Pace.objects.filter(pk=row.pk).update(budget=earlier(row.budget, seconds), slots=slots)


def earlier(state: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {
        name: value - seconds if name.endswith(MOMENTS) and isinstance(value, int | float) and value else value
        for name, value in state.items()
    }
