"""The machine's clock is set back: what was dated before then lies in the future."""

from datetime import timedelta

import pytest
from django.db.models import F

from contacts.models import Contact
from deals import actions
from sync import outbox, pull
from sync.models import State
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
