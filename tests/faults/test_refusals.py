"""Nimble understands and refuses: at the field with what was typed, and nobody else's line stands still."""

import pytest

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from deals.models import Deal, Stage
from nimble.models import Connection
from sync import edits, failures, lines, outbox
from sync.models import Edit, State
from tests.deals.conftest import browser
from tests.faults.clock import pass_time
from tests.faults.conftest import notes_with, of_record, state_of
from tests.sandboxes import SandboxServer

DEAL = r"/api/v2/deals/"


@pytest.fixture
def elsewhere(mirror: Connection, deal: Deal) -> Edit:
    """An edit of another record, made after the one that is refused."""
    other = Deal.objects.filter(is_private=False).exclude(pk=deal.pk).order_by("pk")[0]

    def make() -> Edit:
        edit = actions.change(author=mirror.user, deal=other, field="name", value="Another line")
        assert edit is not None
        return edit

    return make


def seen(connection: Connection, edit: Edit) -> str:
    """What its author is shown of it."""
    return browser(connection.user).get(f"/sync/edits/{edit.pk}/").content.decode()


def test_refused_value_comes_back_to_its_field_with_what_was_typed(mirror, deal, elsewhere, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="-4711")
    other = elsewhere()
    outbox.deliver()
    assert (state_of(edit), state_of(other)) == (State.REJECTED, State.CONFIRMED)
    assert any("amount" in name for name in edit.error["fields"])
    assert edit.fields["amount"]["new"] == "-4711"
    assert "4711" in seen(mirror, edit).replace(",", "")


@pytest.mark.broken_answers
def test_forbidden_record_is_told_and_other_lines_move_on(mirror, deal, elsewhere, nimble: SandboxServer):
    body = {"code": 109, "message": "You may not change this deal"}
    nimble.fault(method="PUT", path=DEAL + deal.nimble_id, times=0, status=403, body=body)
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="What I wanted to say")
    later = actions.change(author=mirror.user, deal=deal, field="amount", value="5")
    other = elsewhere()
    outbox.deliver()
    assert (state_of(edit), state_of(later), state_of(other)) == (State.REJECTED, State.REJECTED, State.CONFIRMED)
    mirror.refresh_from_db()
    assert mirror.state == Connection.State.ACTIVE, "it is about the record, not about the person"
    page = seen(mirror, edit)
    assert "What I wanted to say" in page
    assert "You may not change this deal" in page


@pytest.mark.broken_answers
def test_edit_that_fails_ten_times_is_shown_and_other_lines_move_on(mirror, deal, elsewhere, nimble: SandboxServer):
    nimble.fault(method="GET", path=DEAL + deal.nimble_id, times=0, html=True)
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Ten times in vain")
    other = elsewhere()
    for _ in range(failures.MAX_ATTEMPTS):
        outbox.deliver()
        pass_time(1200)
    assert (state_of(edit), edit.attempts) == (State.FAILED, failures.MAX_ATTEMPTS)
    assert state_of(other) == State.CONFIRMED
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    assert nimble.log(since) == []
    assert "Ten times in vain" in seen(mirror, edit)
    nimble.clear_faults()
    assert edits.retry(edit)
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


@pytest.mark.parametrize("shape", ["published", "legacy"])
def test_full_plan_pauses_creates_and_nothing_else(mirror, deal, nimble: SandboxServer, shape):
    people = list(Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[:4])
    published = {"code": 108, "message": "Quota exceeded", "errors": {}}
    body = published if shape == "published" else {"code": 108, "message": "Quota exceeded"}
    nimble.fault(method="POST", path=r"/api/v1/contacts/notes", times=0, status=402, body=body)
    notes = [contact_actions.write_note(author=mirror.user, contact=one, text="No room") for one in people]
    change = actions.change(author=mirror.user, deal=deal, field="amount", value="3")
    for _ in range(3):
        outbox.deliver()
        pass_time(60)
    made = [of_record("contact_note", note) for note in notes]
    assert [one.state for one in made] == [State.BLOCKED, *[State.PENDING] * 3]
    assert made[0].error["reason"] == "quota"
    assert state_of(change) == State.CONFIRMED
    asked = [one for one in nimble.log() if one["method"] == "POST" and "/notes/" in one["path"]]
    assert len(asked) == 1, "one was refused, and so would be the others"

    # There is room again: an hour later it is noticed, and a person who says so is believed at once.
    nimble.clear_faults()
    if shape == "published":
        pass_time(3600)
    else:
        assert edits.retry(made[0])
    outbox.deliver()
    assert {state_of(one) for one in made} == {State.CONFIRMED}
    assert len(notes_with(nimble, "No room")) == 4


@pytest.mark.broken_answers
def test_move_after_a_refused_one_to_another_pipeline_says_where_it_goes(mirror, deal, nimble: SandboxServer):
    elsewhere = Stage.objects.filter(role="open", archived_at=None, pipeline__archived_at=None)
    pipeline = elsewhere.exclude(pipeline__nimble_id=deal.pipeline_nimble_id).values("pipeline")[0]["pipeline"]
    one, other = elsewhere.filter(pipeline=pipeline).exclude(default_probability=None).order_by("position")[:2]
    first = actions.move(author=mirror.user, deal=deal, stage=one)
    assert lines.claim() == first, "it is being sent while somebody goes on"
    deal.refresh_from_db()
    second = actions.move(author=mirror.user, deal=deal, stage=other)
    nimble.fault(method="PUT", path=DEAL + deal.nimble_id, times=1, status=409, body={"code": 245, "message": "No"})
    pass_time(lines.LEASE_SECONDS + 1)
    outbox.deliver()
    assert (state_of(first), state_of(second)) == (State.REJECTED, State.CONFIRMED)
    there = nimble.object("deal", deal.nimble_id)
    assert (there["pipeline_id"], there["stage_id"]) == (other.pipeline.nimble_id, other.nimble_id)
