"""Nimble in trouble: internal errors for minutes, pauses that it asks for, answers that get lost."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.urls import reverse

from contacts import actions as contact_actions
from deals import actions
from deals.models import Deal
from nimble.pace import status
from sync import failures, outbox, pull, push
from sync.clock import database_now
from sync.models import Edit, Run, State
from tests.deals.conftest import browser
from tests.faults.clock import pass_time
from tests.faults.conftest import notes_with, of_record, settled, state_of
from tests.processes import wait_for
from tests.sandboxes import SandboxServer

API = r"/api/v[12]/"
DEALS = r"/api/v2/deals/.*"
NOTES = r"/api/v1/contacts/notes.*"
INTERNAL = {"status": 500, "body": {"code": 107, "message": "internal"}}


def deliver_within(seconds: int, step: int = 15) -> None:
    """As beat lets it happen, while that much time passes."""
    for _ in range(0, seconds, step):
        outbox.deliver()
        if settled():
            return
        pass_time(step)
    outbox.deliver()


def test_ten_minutes_of_internal_errors_cost_a_few_probes_and_no_edit(mirror, contact, deal, nimble: SandboxServer):
    # The first create was applied, although its answer says otherwise.
    nimble.fault(method="POST", path=NOTES, **INTERNAL, apply=True)
    nimble.fault(path=API, times=0, **INTERNAL)
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="In the outage")
    first = actions.change(author=mirror.user, deal=deal, field="name", value="First")
    others = Deal.objects.filter(is_private=False).exclude(pk=deal.pk).order_by("pk")[:8]
    more = [actions.change(author=mirror.user, deal=one, field="name", value=f"Later {one.pk}") for one in others]
    since = nimble.state()["log"]["last"]
    for _ in range(60):
        outbox.deliver()
        pass_time(10)
    asked = len(nimble.log(since))
    assert asked < 40, "ten records wait, and one question a minute says enough"
    assert status.outage() >= 0
    page = browser(mirror.user).get(reverse("deals:index"), follow=True)
    assert "First" in page.content.decode(), "reading works, with what was typed"
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="17")
    assert not Edit.objects.exclude(state__in=[State.PENDING, State.RETRYING, State.CONFIRMED]).exists()

    nimble.clear_faults()
    since = nimble.state()["log"]["last"]
    deliver_within(180)

    assert {state_of(edit) for edit in (first, second, *more)} == {State.CONFIRMED}
    assert first.confirmed_at < second.confirmed_at
    assert state_of(of_record("contact_note", note)) == State.CONFIRMED
    assert len(notes_with(nimble, "In the outage")) == 1
    assert not [one for one in nimble.writes(since) if one["method"] == "POST"], "it was looked up, and was there"


@pytest.mark.broken_answers  # the specification knows neither status
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "least", "most"), [("45", 44, 60), ("date", 80, 120), ("soon", 0, 5), ("86400", 880, 900)]
)
def test_retry_after_is_honoured_and_nothing_sleeps(mirror, deal, nimble: SandboxServer, status, value, least, most):
    if value == "date":
        value = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    nimble.fault(method="PUT", path=DEALS, times=1, status=status, headers={"Retry-After": value}, body={})
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="9")
    outbox.deliver()
    now = database_now()
    edit.refresh_from_db()
    assert (edit.state, edit.lease_token, edit.lease_until) == (State.RETRYING, "", None)
    assert least <= (edit.not_before - now).total_seconds() <= most
    since = nimble.state()["log"]["last"]
    assert outbox.deliver() == 0
    assert nimble.log(since) == []
    pass_time(most + 1)
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


@pytest.fixture
def impatient(monkeypatch) -> None:
    """A request is given up after a second instead of fifteen."""
    monkeypatch.setattr(push, "TIMEOUT", (1.0, 0.5))


@pytest.mark.parametrize("note_ids", ["chosen", "own"])
def test_create_that_timed_out_and_was_done_is_adopted(mirror, contact, nimble: SandboxServer, impatient, note_ids):
    nimble.switch(note_ids=note_ids)
    nimble.fault(method="POST", path=NOTES, hang_ms=2500)
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Slow words")
    outbox.deliver()
    edit = of_record("contact_note", note)
    assert (edit.state, edit.error["ambiguous"]) == (State.RETRYING, True)
    deliver_within(60)
    assert state_of(edit) == State.CONFIRMED
    [written] = notes_with(nimble, "Slow words")
    note.refresh_from_db()
    assert note.nimble_id == written["id"]
    later = contact_actions.change_note(author=mirror.user, note=note, text="Mended words")
    deliver_within(30)
    assert state_of(later) == State.CONFIRMED
    assert nimble.object("note", written["id"])["note"] == "<p>Mended words</p>\n"
    assert len(notes_with(nimble, "words")) == 1


@pytest.mark.parametrize("note_ids", ["chosen", "own"])
@pytest.mark.parametrize("fault", [{"cut": "before"}, {"delay_ms": 2500, "cut": "before"}, INTERNAL])
def test_create_that_was_lost_and_not_done_is_sent_once_more(
    mirror, contact, nimble: SandboxServer, impatient, note_ids, fault
):
    nimble.switch(note_ids=note_ids)
    nimble.fault(method="POST", path=NOTES, **fault)
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Sent again")
    deliver_within(120)
    assert state_of(of_record("contact_note", note)) == State.CONFIRMED
    assert len(notes_with(nimble, "Sent again")) == 1


def test_create_that_nimble_does_late_is_not_sent_again_before(mirror, contact, nimble: SandboxServer, impatient):
    """The look-up comes before the first request has had its effect."""
    nimble.switch(note_ids="own")
    nimble.fault(method="POST", path=NOTES, delay_ms=4000)
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Better late")
    outbox.deliver()
    edit = of_record("contact_note", note)
    Edit.objects.filter(pk=edit.pk).update(not_before=None)
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, edit.error["reason"], edit.attempts) == (State.RETRYING, "Settling", 1)
    assert edit.not_before - edit.sent_at <= failures.SETTLING + timedelta(seconds=1)
    wait_for(lambda: notes_with(nimble, "Better late"), "Nimble has done it")
    deliver_within(120)
    assert state_of(edit) == State.CONFIRMED
    assert len(notes_with(nimble, "Better late")) == 1


def test_pull_in_an_outage_keeps_everything_and_goes_on(mirror, nimble: SandboxServer):
    shown = Deal.objects.filter(gone_at=None).count()
    nimble.fault(path=API, times=0, **INTERNAL)
    for _ in range(10):
        pull.sync_now(mirror)
        pull.pull(mirror)
        pass_time(60)
    assert Deal.objects.filter(gone_at=None).count() == shown
    nimble.clear_faults()
    pass_time(900)
    pull.sync_now(mirror)
    assert {run.state for run in pull.pull(mirror) or []} == {Run.State.DONE}
