"""A database that is an older copy of itself: noticed, and nothing that was sent since leaves again."""

import json
from datetime import timedelta

import pytest
from django.conf import LazySettings

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import lines, newest, outbox, restored
from sync.clock import database_now
from sync.models import Edit, Lease, Line, State, Stream
from tests import factories
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(var, ada: Connection) -> Connection:
    """With a small mirror, in a folder of this test's own."""
    return factories.mirrored(ada)


def go_back(writes: int = 1) -> None:
    """The database of before so many writes."""
    line = newest.line()
    Line.objects.update(number=line.number - writes)


def test_number_rises_with_each_write_and_is_noted(ada: Connection, settings: LazySettings):
    for value in ("1", "2"):
        actions.change(author=ada.user, deal=Deal.objects.all()[0], field="amount", value=value)
        outbox.deliver()
    line = newest.line()
    assert line.number == 2
    assert newest.read() == newest.Note(line.name, 2)
    assert not newest.is_behind()
    assert restored.settle_if_behind() is None


def test_another_database_is_not_taken_for_an_older_one(ada: Connection):
    newest.note(newest.Note("another", 100))
    assert not newest.is_behind()
    actions.change(author=ada.user, deal=Deal.objects.all()[0], field="amount", value="1")
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    assert newest.read() == newest.Note(newest.line().name, 1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"line": 1}', json.dumps({"line": "x", "number": "y"})])
def test_unreadable_note_keeps_nothing_from_being_sent(ada: Connection, settings: LazySettings, content: str):
    (settings.VAR_DIR / "newest.json").write_text(content)
    actions.change(author=ada.user, deal=Deal.objects.all()[0], field="amount", value="1")
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED


def test_backup_restored_under_a_running_worker_is_noticed_before_anything_leaves(
    ada: Connection, nimble: SandboxServer
):
    contact = Contact.objects.filter(record_type="person", is_private=False)[0]
    contact_actions.write_note(author=ada.user, contact=contact, text="Written once")
    outbox.deliver()
    edit = Edit.objects.get()
    assert edit.state == State.CONFIRMED

    # As the backup had it: the note is not in Nimble yet, and the write was not counted.
    go_back()
    Edit.objects.update(state=State.PENDING, sent_at=None, confirmed_at=None, error={})
    since = nimble.state()["log"]["last"]
    assert outbox.deliver() == 2, "once in vain, and once more when that was settled"
    edit.refresh_from_db()
    assert edit.state == State.CONFIRMED
    assert Line.objects.get().restored_at
    assert nimble.writes(since) == []
    assert len([note for note in nimble.objects("note") if "Written once" in str(note)]) == 1


def test_settling_frees_what_is_held_and_reads_everything_anew(ada: Connection):
    actions.change(author=ada.user, deal=Deal.objects.all()[0], field="amount", value="1")
    assert lines.claim()
    Lease.objects.create(name="pull-1", token="x", until=database_now() + timedelta(minutes=1))
    Stream.objects.update(cursor={"since": "x"}, checkpoint={"page": 3}, next_run_at=database_now(), failures=2)
    before = Connection.objects.get().generation
    for _ in range(2):
        done = restored.settle()
    assert (done.looked_up, done.asked, done.streams) == (0, 0, Stream.objects.count())
    assert not Lease.objects.exclude(token="").exists()
    assert not Stream.objects.exclude(cursor={}, checkpoint=None, next_run_at=None, failures=0).exists()
    assert Connection.objects.get().generation > before
    assert outbox.deliver() == 1, "a change is compared with Nimble before it is sent, so it may go"


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING, State.BLOCKED, State.SENDING])
def test_note_on_a_deal_asks_its_author(ada: Connection, nimble: SandboxServer, state: str):
    deal = Deal.objects.all()[0]
    actions.write_note(author=ada.user, deal=deal, title="T", body="Nothing reads it back")
    Edit.objects.update(state=state)
    assert restored.settle().asked == 1
    edit = Edit.objects.get()
    assert (edit.state, edit.error) == (State.AMBIGUOUS, {"reason": "restored"})
    assert outbox.deliver() == 0
    assert nimble.objects("deal_note", deal_id=deal.nimble_id) == []


def test_create_that_failed_is_looked_up_should_its_author_send_it_again(ada: Connection):
    contact = Contact.objects.filter(record_type="person")[0]
    contact_actions.write_note(author=ada.user, contact=contact, text="x")
    Edit.objects.update(state=State.FAILED, error={"reason": "ServerError"})
    assert restored.settle().looked_up == 1
    assert Edit.objects.get().error == {"reason": "ServerError", "ambiguous": True}
