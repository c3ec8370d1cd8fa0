"""Eight processes send at once; leases lapse while requests hang."""

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.faults.clock import pass_time
from tests.faults.conftest import notes_with, of_record, settled, state_of
from tests.faults.crowd import ring_all, senders
from tests.nimble.conftest import expire
from tests.processes import wait_for
from tests.sandboxes import SandboxServer

DEALS = r"/api/v2/deals/.*"


def puts(nimble: SandboxServer) -> list[str]:
    return [one["path"] for one in nimble.writes() if one["method"] == "PUT"]


def test_one_message_heard_eight_times_is_one_request(mirror, deal, other_stage, nimble: SandboxServer):
    nimble.set(latency_ms=200)
    with senders(8) as crowd:
        edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
        ring_all(crowd)
        ring_all(crowd)
    assert state_of(edit) == State.CONFIRMED
    assert len(puts(nimble)) == 1
    assert edit.attempts == 1


def test_eight_senders_keep_the_order_of_each_record_and_send_nothing_twice(mirror, contact, nimble: SandboxServer):
    nimble.set(latency_ms=30)
    deals = list(Deal.objects.filter(is_private=False).order_by("pk")[:6])
    people = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[:6]
    made: dict[int, list[Edit]] = {deal.pk: [] for deal in deals}
    with senders(8) as crowd:
        notes = [contact_actions.write_note(author=mirror.user, contact=one, text=f"Crowd {one.pk}") for one in people]
        for turn in range(3):
            for deal in deals:
                # Different fields, so that none takes the place of the one before.
                field, value = (("name", f"Turn {turn}"), ("amount", "31"), ("description", "Told"))[turn]
                edit = actions.change(author=mirror.user, deal=deal, field=field, value=value)
                assert edit is not None
                made[deal.pk].append(edit)
            for one in crowd:
                one.ring()
        for one in crowd:
            for _ in range(3):
                one.done()
        for _ in range(5):
            if not settled():
                pass_time(5)
                ring_all(crowd)
    for line in made.values():
        assert [state_of(edit) for edit in line] == [State.CONFIRMED] * 3
        assert line[0].confirmed_at < line[1].confirmed_at < line[2].confirmed_at
    assert len(puts(nimble)) == 18
    assert len(notes_with(nimble, "Crowd ")) == len(notes) == 6
    posts = [one["path"] for one in nimble.writes() if one["method"] == "POST"]
    assert len(posts) == len(set(posts)) == 6


def test_eight_senders_with_one_expired_token_renew_it_once_and_send_all(mirror: Connection, nimble: SandboxServer):
    deals = list(Deal.objects.filter(is_private=False).order_by("pk")[:8])
    expire(mirror)
    nimble.fault(path="/api/oauth/token", delay_ms=300)
    with senders(8) as crowd:
        made = [actions.change(author=mirror.user, deal=deal, field="amount", value="8") for deal in deals]
        for _ in range(6):
            ring_all(crowd)
            if settled():
                break
            pass_time(5)
    assert {state_of(edit) for edit in made if edit} == {State.CONFIRMED}
    assert [one["status"] for one in nimble.log() if one["path"] == "/api/oauth/token"] == [200]
    assert len(puts(nimble)) == len(made)
    mirror.refresh_from_db()
    assert mirror.state == Connection.State.ACTIVE


def lapse(edit: Edit) -> None:
    Edit.objects.filter(pk=edit.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_late_answer_to_a_change_overwrites_nothing(mirror, deal, other_stage, nimble: SandboxServer):
    nimble.fault(method="PUT", path=DEALS, hang_ms=4000)
    with senders(1) as [slow]:
        edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
        slow.ring()
        wait_for(lambda: len(puts(nimble)) == 1, "the slow one has sent it")
        lapse(edit)
        assert outbox.deliver() == 1, "somebody else takes over, looks, and finds it done"
        assert state_of(edit) == State.CONFIRMED
        later = actions.change(author=mirror.user, deal=deal, field="name", value="Newer than the late answer")
        outbox.deliver()
        before = (edit.confirmed_at, edit.request_id)
        slow.done()
    assert state_of(edit) == state_of(later) == State.CONFIRMED
    assert (edit.confirmed_at, edit.request_id) == before
    deal.refresh_from_db()
    assert (deal.name, deal.stage_nimble_id) == ("Newer than the late answer", other_stage.nimble_id)
    assert len(puts(nimble)) == 2


@pytest.mark.parametrize("note_ids", ["chosen", "own"])
def test_late_answer_to_a_create_makes_no_second_object(mirror, contact, nimble: SandboxServer, note_ids):
    nimble.switch(note_ids=note_ids)
    nimble.fault(method="POST", path=r"/api/v1/contacts/notes.*", hang_ms=3000)
    with senders(1) as [slow]:
        note = contact_actions.write_note(author=mirror.user, contact=contact, text="Taken over")
        edit = of_record("contact_note", note)
        slow.ring()
        wait_for(lambda: notes_with(nimble, "Taken over"), "Nimble has done it")
        lapse(edit)
        outbox.deliver()
        assert state_of(edit) == State.CONFIRMED
        slow.done()
    [written] = notes_with(nimble, "Taken over")
    note.refresh_from_db()
    assert (state_of(edit), note.nimble_id) == (State.CONFIRMED, written["id"])
