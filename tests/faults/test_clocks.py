"""The machine's clock is set back: what was dated before then lies in the future."""

import pytest

from deals import actions
from sync import outbox
from sync.models import State
from tests.faults.clock import pass_time
from tests.faults.conftest import state_of
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
