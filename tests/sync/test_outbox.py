"""Edits on their way to Nimble: each record's in order, waiting, taken back, and arriving."""

from datetime import timedelta

from django.utils import timezone

from deals import actions
from nimble.models import Connection
from sync import failures, lines, outbox, undo
from sync.models import Edit, State
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer
from tests.sync.outgoing import due_now, lapse, open_stages, state_of, value_of


def test_move_shows_at_once_and_arrives_by_its_author(mirror, deal, other_stage, nimble: SandboxServer):
    edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    deal.refresh_from_db()
    assert deal.stage_nimble_id == other_stage.nimble_id
    assert nimble.object("deal", deal.nimble_id)["stage_id"] != other_stage.nimble_id

    assert outbox.deliver() == 1

    assert state_of(edit) == State.CONFIRMED
    remote = nimble.object("deal", deal.nimble_id)
    assert (remote["stage_id"], remote["updated_by"]) == (other_stage.nimble_id, mirror.nimble_user_id)
    deal.refresh_from_db()
    assert deal.stage_nimble_id == other_stage.nimble_id


def test_edits_of_one_record_go_in_order_one_at_a_time(mirror, deal, other_stage):
    first = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="77")
    assert lines.claim() == first
    assert lines.claim() is None
    lapse(first)
    outbox.deliver()
    assert (state_of(first), state_of(second)) == (State.CONFIRMED, State.CONFIRMED)


def test_unsent_edits_of_one_field_coalesce_and_keep_the_first_base(mirror, deal):
    before = value_of(deal, "amount")
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="2")
    assert state_of(first) == State.SUPERSEDED
    assert second.fields == {"amount": {"base": before, "new": "2"}}


def test_edit_back_to_the_start_leaves_nothing_to_send(mirror, deal):
    before = value_of(deal, "amount")
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    assert actions.change(author=mirror.user, deal=deal, field="amount", value=before) is None
    assert outbox.deliver() == 0


def test_refused_value_comes_back_with_its_message_and_the_text(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="-5")
    outbox.deliver()
    assert state_of(edit) == State.REJECTED
    assert edit.fields["amount"]["new"] == "-5"
    assert any("amount" in field for field in edit.error["fields"]) or edit.error["fields"]
    deal.refresh_from_db()
    assert deal.amount != -5


def test_server_errors_wait_and_then_arrive(mirror, deal, nimble: SandboxServer):
    nimble.fault(method="PUT", path=r"/api/v2/deals/.*", times=2, status=500, body={"code": 107, "message": "internal"})
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="9")
    outbox.deliver()
    assert state_of(edit) == State.RETRYING
    assert edit.not_before > timezone.now()
    for _ in range(2):
        due_now()
        outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


def test_undo_before_it_was_sent_sends_nothing(mirror, deal, other_stage):
    stage = deal.stage_nimble_id
    edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    assert undo.undo(edit, author=mirror.user) == undo.Undone()
    assert state_of(edit) == State.UNDONE
    deal.refresh_from_db()
    assert deal.stage_nimble_id == stage
    assert outbox.deliver() == 0


def test_undo_after_it_was_sent_sends_it_back(mirror, deal, other_stage, nimble: SandboxServer):
    stage = deal.stage_nimble_id
    edit = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    outbox.deliver()
    back = undo.undo(Edit.objects.get(pk=edit.pk), author=mirror.user).edit
    assert back is not None
    assert back.undoes_id == edit.pk
    outbox.deliver()
    assert nimble.object("deal", deal.nimble_id)["stage_id"] == stage


def test_revoked_token_blocks_and_reconnecting_lets_it_go_out(mirror: Connection, deal, nimble: SandboxServer):
    nimble.revoke(ADA)
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="12")
    outbox.deliver()
    assert (state_of(edit), edit.error["reason"]) == (State.BLOCKED, "reconnect")
    mirror.refresh_from_db()
    assert mirror.state == Connection.State.RECONNECT
    assert outbox.deliver() == 0


def test_many_workers_claim_each_edit_once(mirror, deal, other_stage):
    actions.move(author=mirror.user, deal=deal, stage=other_stage)
    claimed = [lines.claim() for _ in range(5)]
    assert len([edit for edit in claimed if edit]) == 1


def test_edit_that_was_being_sent_when_its_grant_died_holds_up_no_colleague(mirror, deal, connect: Connect):
    left = actions.change(author=mirror.user, deal=deal, field="amount", value="9")
    assert lines.claim() == left
    Connection.objects.filter(pk=mirror.pk).update(state=Connection.State.RECONNECT)
    mine = actions.change(author=connect(BJORN).user, deal=deal, field="name", value="By Bjorn")
    assert outbox.deliver() == 0, "its lease has not lapsed yet"
    lapse(left)
    outbox.deliver()
    assert state_of(mine) == State.CONFIRMED


def test_long_outage_ends_no_edit(mirror, deal, nimble: SandboxServer):
    nimble.fault(
        method="PUT", path=r"/api/v2/deals/.*", times=100, status=500, body={"code": 107, "message": "internal"}
    )
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="9")
    for _ in range(failures.MAX_ATTEMPTS + 3):
        due_now()
        outbox.deliver()
    assert state_of(edit) == State.RETRYING
    assert edit.not_before - timezone.now() < timedelta(seconds=80)
    nimble.clear_faults()
    due_now()
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


def test_colleague_whose_grant_died_holds_up_nobody(mirror, deal, connect: Connect):
    waiting = actions.change(author=mirror.user, deal=deal, field="amount", value="9")
    bjorn = connect(BJORN)
    Connection.objects.filter(pk=mirror.pk).update(state=Connection.State.RECONNECT)
    mine = actions.change(author=bjorn.user, deal=deal, field="name", value="By Bjorn")
    assert outbox.deliver() == 1
    assert (state_of(mine), state_of(waiting)) == (State.CONFIRMED, State.PENDING)


def test_undo_takes_back_what_was_built_on_it(mirror, deal, other_stage, nimble: SandboxServer):
    stage = deal.stage_nimble_id
    first = actions.move(author=mirror.user, deal=deal, stage=other_stage)
    outbox.deliver()
    third = open_stages().filter(pipeline__nimble_id=deal.pipeline_nimble_id)
    third = third.exclude(nimble_id__in=[stage, other_stage.nimble_id])[0]
    deal.refresh_from_db()
    second = actions.move(author=mirror.user, deal=deal, stage=third)
    undo.undo(Edit.objects.get(pk=first.pk), author=mirror.user)
    outbox.deliver()
    assert state_of(second) == State.UNDONE
    assert nimble.object("deal", deal.nimble_id)["stage_id"] == stage
