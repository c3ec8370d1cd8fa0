"""The sending worker is killed: a real process, at the worst moments."""

import pytest

from contacts import actions as contact_actions
from deals import actions
from nimble.models import Connection
from sync import edits
from sync.clock import database_now
from sync.models import Edit, Heartbeat, State
from tests.faults.conftest import notes_with, of_record, state_of
from tests.faults.crew import Worker
from tests.nimble.conftest import expire
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.integration
TOKEN_PATH = "/api/oauth/token"


@pytest.mark.parametrize("note_ids", ["chosen", "own"])
def test_killed_before_the_answer_to_a_contact_note_was_stored_leaves_one_note(
    sender: Worker, mirror, contact, nimble: SandboxServer, note_ids
):
    nimble.switch(note_ids=note_ids)
    sender.arm("answered")
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Written once")
    sender.dies()
    edit = of_record("contact_note", note)
    assert state_of(edit) == State.SENDING
    sender.start()
    sender.until(lambda: state_of(edit) == State.CONFIRMED, "the note is found")
    [written] = notes_with(nimble, "Written once")
    note.refresh_from_db()
    assert note.nimble_id == written["id"]


def test_killed_before_the_answer_to_a_deal_note_was_stored_lets_its_author_decide(
    sender: Worker, mirror, deal, nimble: SandboxServer
):
    sender.arm("answered")
    note = actions.write_note(author=mirror.user, deal=deal, title="Call", body="Nothing reads it back")
    sender.dies()
    sender.start()
    edit = of_record("deal_note", note)
    sender.until(lambda: state_of(edit) == State.AMBIGUOUS, "its author is asked")
    assert len(nimble.objects("deal_note", deal_id=deal.nimble_id)) == 1
    assert edits.adopt(edit)
    assert state_of(edit) == State.CONFIRMED
    note.refresh_from_db()
    assert note.body == "Nothing reads it back"


@pytest.mark.parametrize("point", ["claimed", "leaving", "answered", "confirmed"])
def test_killed_while_it_sends_a_change_sends_it_once_and_in_order(
    sender: Worker, mirror, deal, other_stage, nimble: SandboxServer, point
):
    sender.arm(point)
    first = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    second = actions.change(author=mirror.user, deal=deal, field="name", value=f"Killed when {point}")
    sender.dies()
    sender.start()
    sender.until(lambda: state_of(second) == State.CONFIRMED, "both arrive")
    assert state_of(first) == State.CONFIRMED
    assert first.confirmed_at < second.confirmed_at
    remote = nimble.object("deal", deal.nimble_id)
    assert (remote["stage_id"], remote["values"]["name"]) == (other_stage.nimble_id, f"Killed when {point}")
    assert len([one for one in nimble.writes() if one["method"] == "PUT"]) == 2


def test_killed_before_the_new_pair_of_tokens_was_saved_asks_once_to_reconnect(
    sender: Worker, mirror: Connection, deal, nimble: SandboxServer
):
    nimble.switch(rotation="on")
    expire(mirror)
    sender.arm("rotated")
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="77")
    sender.dies()
    # The renewal's lease ends by itself; so long nobody else tries.
    Connection.objects.update(lease_token="", lease_until=None)
    sender.start()
    sender.until(lambda: state_of(edit) == State.BLOCKED, "the edit waits for its author")
    mirror.refresh_from_db()
    assert (mirror.state, edit.error["reason"]) == (Connection.State.RECONNECT, "reconnect")
    assert edit.fields["amount"]["new"] == "77"
    asked = [one["status"] for one in nimble.log() if one["path"].startswith(TOKEN_PATH)]
    assert asked == [200, 400]
    began = database_now()
    Edit.objects.update(state=State.PENDING)
    sender.until(lambda: Heartbeat.objects.get(name="push").at > began, "the bell is heard")
    assert [one["status"] for one in nimble.log() if one["path"].startswith(TOKEN_PATH)] == [200, 400]
