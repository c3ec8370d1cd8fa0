"""What the tests of the pace look at: the requests that Nimble has seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from nimble import models
from nimble.models import Connection
from nimble.pace import stored
from nimble.pace.slots import Slot
from tests.nimble.conftest import Connect
from tests.sandboxes import SandboxServer


@pytest.fixture
def ada(connect: Connect) -> Connection:
    return connect()


def asked(nimble: SandboxServer, since: int = 0) -> list[dict[str, Any]]:
    """The requests to the API, tokens aside."""
    return [one for one in nimble.log(since) if "/oauth/" not in one["path"]]


def most_at_once(requests: list[dict[str, Any]], seconds: float) -> int:
    """How many of these were under way together, if each took at least so long."""
    begun = sorted(one["time"] for one in requests)
    return max(sum(at <= other < at + seconds for other in begun) for at in begun)


def let_pass(connection: Connection, seconds: float) -> None:
    """As if so much time had gone by, for what is stored of the connection's pace and of the breaker."""
    pace, _now = stored.pace(connection.pk)
    stored.swap(
        pace,
        budget=type(pace.budget)(
            rate=pace.budget.rate,
            due=pace.budget.due - seconds,
            paused_until=pace.budget.paused_until - seconds,
            slowed_at=pace.budget.slowed_at - seconds,
            strikes=pace.budget.strikes,
        ),
        slots=tuple(Slot(slot.token, slot.until - seconds, slot.background) for slot in pace.slots),
    )
    for row in models.Breaker.objects.all():
        earlier = {name: row.state.get(name, 0) - seconds for name in ("since", "probe_at", "probe_until")}
        models.Breaker.objects.filter(pk=row.pk).update(state={**row.state, **earlier})


def soon(moment: datetime | None, seconds: float) -> bool:
    """Whether a moment is so many seconds away, give or take what a slow machine needs."""
    assert moment is not None
    return abs((moment - timezone.now().astimezone(UTC)) - timedelta(seconds=seconds)) < timedelta(seconds=10)
