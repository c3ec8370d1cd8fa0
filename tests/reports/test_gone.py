"""Deals that were deleted in Nimble, in what is told of the past: by whoever was shown them until then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from deals.models import Deal
from deals.queries import laid_out
from nimble.models import Connection
from reports import past
from reports.changes import GONE, Between
from sync import pull
from sync.models import Stream
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer
from tests.sync.conftest import deal

__all__ = ["deal"]


def walked(connection: Connection, times: int = 1) -> None:
    for _time in range(times):
        Stream.objects.filter(connection=connection, name="deals").update(cursor={})
        pull.sync_now(connection)
        pull.pull(connection)


def told(connection: Connection, row: Deal) -> tuple[bool, bool]:
    """Whether the deal is among what is told of the past, and among what is gone from Nimble."""
    connection.refresh_from_db()
    now = timezone.now()
    between = Between(connection.user, laid_out(connection.user), now - timedelta(days=1), now)
    seen = past.visible(connection.user).filter(pk=row.pk).exists()
    return seen, between.of(GONE).filter(pk=row.pk).exists()


@pytest.fixture
def bjorn(mirror: Connection, connect: Connect) -> Connection:
    found = connect(BJORN)
    pull.pull(found)
    return found


def test_deal_that_was_deleted_in_nimble_is_told_to_those_who_saw_it(
    mirror: Connection, bjorn: Connection, deal: Deal, nimble: SandboxServer
):
    assert [told(one, deal) for one in (mirror, bjorn)] == [(True, False)] * 2
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    for one in (mirror, bjorn, mirror):
        walked(one, 2)
    deal.refresh_from_db()
    assert deal.gone_at is not None
    assert [told(one, deal) for one in (mirror, bjorn)] == [(True, True)] * 2


def test_deal_that_was_taken_from_somebody_before_it_was_deleted_is_told_to_the_others_alone(
    mirror: Connection, bjorn: Connection, deal: Deal, nimble: SandboxServer
):
    nimble.edit(BJORN, "deal", deal.nimble_id, hide_from=[ADA], silent=True)
    walked(mirror, 3)
    walked(bjorn)
    assert [told(one, deal) for one in (mirror, bjorn)] == [(False, False), (True, False)]
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    for one in (bjorn, mirror):
        walked(one, 3)
    deal.refresh_from_db()
    assert deal.gone_at is not None
    assert [told(one, deal) for one in (mirror, bjorn)] == [(False, False), (True, True)]
