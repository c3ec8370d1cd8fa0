"""Answers that never came, and workers that died: nothing is sent twice, nothing is forgotten."""

import pytest

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from sync import edits, endings, ids, lines, outbox, push
from sync.models import Edit, State
from tests.people import BJORN
from tests.sandboxes import SandboxServer
from tests.sync.outgoing import due_now, lapse, state_of


def test_worker_killed_after_put_sends_the_same_state_once(mirror, deal, other_stage, nimble: SandboxServer):
    nimble.fault(method="PUT", path=r"/api/v2/deals/.*", times=1, cut="after")
    edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    outbox.deliver()
    assert state_of(edit) == State.RETRYING
    since = nimble.state()["log"]["last"]
    due_now()
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    assert nimble.writes(since) == [], "the look before the PUT found it done"


@pytest.mark.parametrize("note_ids", ["chosen", "own"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_note_whose_answer_was_lost_is_in_nimble_once(mirror, nimble: SandboxServer, cut, note_ids):
    nimble.switch(note_ids=note_ids)
    contact = Contact.objects.filter(is_private=False).exclude(email="").order_by("pk")[0]
    nimble.fault(method="POST", path=r"/api/v1/contacts/notes.*", times=1, cut=cut)
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Only once, please")
    outbox.deliver()
    edit = Edit.objects.get(kind="contact_note", record_id=note.pk)
    assert (edit.state, edit.error["ambiguous"]) == (State.RETRYING, True)
    due_now()
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    written = [one for one in nimble.objects("note") if "Only once, please" in str(one)]
    assert len(written) == 1
    note.refresh_from_db()
    assert note.nimble_id == written[0]["id"]


def test_deal_note_whose_answer_was_lost_waits_for_its_author(mirror, deal, nimble: SandboxServer):
    nimble.fault(method="POST", path=r"/api/v2/deals/.*/notes", times=1, cut="after")
    note = actions.write_note(author=mirror.user, deal=deal, title="Call", body="Twice would be bad")
    outbox.deliver()
    due_now()
    outbox.deliver()
    edit = Edit.objects.get(kind="deal_note", record_id=note.pk)
    assert edit.state == State.AMBIGUOUS
    assert edits.adopt(edit)
    assert outbox.deliver() == 0
    assert state_of(edit) == State.CONFIRMED


def test_late_answer_after_a_takeover_overwrites_nothing(mirror, deal):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="31")
    first = lines.claim()
    lapse(edit)
    second = lines.claim()
    assert second is not None
    assert second.lease_token != first.lease_token
    push.push(second)
    assert state_of(edit) == State.CONFIRMED
    endings.finish(first, deal, State.FAILED, {"reason": "late"})
    assert state_of(edit) == State.CONFIRMED


def test_restarted_worker_takes_over_at_once_what_it_held_when_it_was_killed(mirror, deal):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="64")
    here = ids.become("push@here")
    assert lines.claim() == edit
    assert lines.take_over(ids.become("push@elsewhere")) == 0
    assert lines.claim() is None
    assert lines.take_over(here) == 1
    assert outbox.deliver() == 1
    assert state_of(edit) == State.CONFIRMED


def test_line_goes_on_where_an_edit_comes_back_in_front_of_one_whose_worker_died(mirror, deal, nimble: SandboxServer):
    """Both used to wait for the other one for ever."""
    first = actions.change(author=mirror.user, deal=deal, field="name", value="Ours")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Theirs"})
    outbox.deliver()
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="5")
    assert lines.claim() == second
    first.refresh_from_db()
    assert edits.resolve(first, {"name": "Ours"})
    assert outbox.deliver() == 0, "one at a time"
    lapse(second)
    outbox.deliver()
    assert (state_of(first), state_of(second)) == (State.CONFIRMED, State.CONFIRMED)


def test_adopted_deal_note_keeps_its_text_and_cannot_be_changed_here(mirror, deal, nimble: SandboxServer):
    nimble.fault(method="POST", path=r"/api/v2/deals/.*/notes", times=1, cut="after")
    note = actions.write_note(author=mirror.user, deal=deal, title="Call", body="The only copy")
    outbox.deliver()
    due_now()
    outbox.deliver()
    assert edits.adopt(Edit.objects.get(kind="deal_note", record_id=note.pk))
    note.refresh_from_db()
    assert note.body == "The only copy"
    with pytest.raises(edits.CannotEdit):
        actions.remove_note(author=mirror.user, note=note)


def test_note_mended_after_its_answer_was_lost_arrives_with_the_new_words(mirror, nimble: SandboxServer):
    contact = Contact.objects.filter(is_private=False).exclude(email="").order_by("pk")[0]
    nimble.fault(method="POST", path=r"/api/v1/contacts/notes.*", times=1, cut="after")
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Old words")
    outbox.deliver()
    edit = Edit.objects.get(kind="contact_note", record_id=note.pk)
    Edit.objects.filter(pk=edit.pk).update(fields={"note": {"base": None, "new": "<p>New words</p>"}})
    due_now()
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    assert [one["note"] for one in nimble.objects("note") if "words" in one["note"]] == ["<p>New words</p>"]
