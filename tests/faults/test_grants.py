"""The grant dies: what waits keeps waiting for its author, and is never sent by anybody else."""

import pytest

from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import outbox
from sync.models import State
from tests.faults.conftest import state_of
from tests.nimble.conftest import expire
from tests.people import ADA, BJORN, Connect, sign_in_again
from tests.sandboxes import SandboxServer


@pytest.fixture
def waiting(mirror: Connection, nimble: SandboxServer) -> list:
    """Three edits on two records, made when Nimble has already thrown Ada out."""
    deals = Deal.objects.filter(is_private=False).order_by("pk")
    expire(mirror)
    nimble.revoke(ADA)
    return [
        actions.change(author=mirror.user, deal=deals[0], field="amount", value="1"),
        actions.change(author=mirror.user, deal=deals[0], field="name", value="Second"),
        actions.change(author=mirror.user, deal=deals[1], field="name", value="Third"),
    ]


def test_revoked_grant_is_tried_once_and_everything_waits(mirror: Connection, waiting, nimble: SandboxServer):
    for _ in range(3):
        outbox.deliver()
    mirror.refresh_from_db()
    assert mirror.state == Connection.State.RECONNECT
    assert [one["status"] for one in nimble.log() if one["path"] == "/api/oauth/token"] == [400]
    assert nimble.writes() == []
    assert {state_of(edit) for edit in waiting} <= {State.BLOCKED, State.PENDING}
    assert [edit.fields[name]["new"] for edit in waiting for name in edit.fields] == ["1", "Second", "Third"]


def test_somebody_else_who_connects_sends_nothing_of_it(
    mirror: Connection, waiting, connect: Connect, nimble: SandboxServer
):
    outbox.deliver()
    bjorn = connect(BJORN)
    outbox.deliver()
    assert nimble.writes() == []
    mine = actions.change(
        author=bjorn.user, deal=Deal.objects.get(pk=waiting[0].record_id), field="description", value="By Bjorn"
    )
    outbox.deliver()
    assert state_of(mine) == State.CONFIRMED, "who is dead holds up nobody"
    assert {one["user_id"] for one in nimble.writes()} == {bjorn.nimble_user_id}

    since = nimble.state()["log"]["last"]
    sign_in_again(mirror, nimble)
    outbox.deliver()
    assert [state_of(edit) for edit in waiting] == [State.CONFIRMED] * 3
    assert waiting[0].confirmed_at < waiting[1].confirmed_at
    assert {one["user_id"] for one in nimble.writes(since)} == {mirror.nimble_user_id}
    assert len(nimble.writes(since)) == 3
