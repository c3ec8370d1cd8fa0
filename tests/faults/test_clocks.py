"""The machine's clock is set back: what was dated before then lies in the future."""

from datetime import timedelta

import pytest
from django.db.models import F

from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble import pace
from nimble.client import Client
from nimble.errors import RateLimited
from sync import outbox, overlay, pull
from sync.clock import database_now
from sync.models import Edit, State
from tests.faults.clock import pass_time
from tests.faults.conftest import state_of
from tests.people import BJORN
from tests.sandboxes import SandboxServer

HOUR = 3600


@pytest.mark.parametrize("back", [60, HOUR, 24 * HOUR])
def test_clock_that_was_set_back_keeps_no_edit_waiting(mirror, deal, nimble: SandboxServer, back):
    before = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    outbox.deliver()
    assert state_of(before) == State.CONFIRMED
    pass_time(-back)
    deal.refresh_from_db()
    after = actions.change(author=mirror.user, deal=deal, field="amount", value="20")
    outbox.deliver()
    assert (state_of(after), after.error) == (State.CONFIRMED, {})
    assert nimble.object("deal", deal.nimble_id)["values"]["amount"] == "20"
    deal.refresh_from_db()
    assert deal.amount == 20


def test_clock_that_was_set_back_keeps_no_change_of_nimbles_away(mirror, contact, nimble: SandboxServer):
    pull.sync_now(mirror)
    pull.pull(mirror)
    assert pull.connections_due() == []
    pass_time(-HOUR)
    Contact.objects.update(fetched_at=F("fetched_at") + timedelta(hours=1))
    nimble.edit(BJORN, "contact", contact.nimble_id, set={"tags": ["after"]})
    assert pull.connections_due() == [mirror]
    pull.pull(mirror)
    contact.refresh_from_db()
    assert contact.tags == ["after"]


def test_clock_that_was_set_back_lays_nothing_that_was_sent_before_over_what_nimble_has_since(
    mirror, deal, nimble: SandboxServer
):
    actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    outbox.deliver()
    pass_time(-HOUR)
    Deal.objects.update(fetched_at=F("fetched_at") + timedelta(hours=1))
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"amount": 25})
    pull.sync_now(mirror)
    pull.pull(mirror)
    deal.refresh_from_db()
    assert deal.amount == 25
    assert overlay.over(deal) == []


def test_edit_confirmed_in_this_very_millisecond_lies_over_a_row_read_before(mirror, deal):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    Deal.objects.filter(pk=deal.pk).update(fetched_at=database_now() - timedelta(seconds=1))
    deal.refresh_from_db()
    for _ in range(50):
        Edit.objects.filter(pk=edit.pk).update(state=State.CONFIRMED, confirmed_at=database_now())
        assert overlay.over(deal) == [edit]


@pytest.mark.broken_answers  # the specification knows no such status
def test_clock_that_was_set_back_puts_no_edit_off_for_longer(mirror, deal, nimble: SandboxServer):
    nimble.fault(path="/deals/", status=503, times=1, body={})
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    outbox.deliver()
    assert state_of(edit) == State.RETRYING
    assert outbox.deliver() == 0
    pass_time(-24 * HOUR)
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


@pytest.mark.broken_answers  # the specification knows no such status
@pytest.mark.parametrize("ago", [0, HOUR])
def test_clock_that_was_set_back_makes_no_pause_longer(mirror, deal, nimble: SandboxServer, ago):
    """Neither one that Nimble asked for just then nor one that was over by then."""
    nimble.fault(path="/api/v1/myself", status=429, headers={"Retry-After": "60"}, times=1, body={})
    with pytest.raises(RateLimited):
        Client(mirror).myself()
    assert pace.held(mirror) > 50
    pass_time(ago)
    pass_time(-24 * HOUR)
    assert pace.held(mirror) == 0
    assert pace.paces([mirror])[mirror.pk].paused_until is None
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
