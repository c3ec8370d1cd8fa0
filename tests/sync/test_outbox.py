"""Edits on their way to Nimble: what arrives, what conflicts, what comes back, and that nothing is sent twice."""

import json
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from contacts import actions as contact_actions
from contacts import mapping as contact_mapping
from contacts.models import Contact
from deals import actions
from deals.models import Deal, Pipeline, Stage
from deals.record import Record
from nimble.client import Client
from nimble.models import Connection
from sandbox.switches import POSITIONS
from sync import clean, edits, endings, failures, ids, lines, outbox, pull, push, registry, store, undo
from sync.clock import database_now
from sync.models import Edit, State
from tests import factories
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer


def state_of(edit: Edit) -> str:
    edit.refresh_from_db()
    return edit.state


def lapse(edit: Edit) -> None:
    """The worker that had it was killed, and its lease has run out."""
    Edit.objects.filter(pk=edit.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def due_now() -> None:
    """It is a minute later: every pause is over, and a create that was under way has had its effect, or none."""
    minute = timedelta(minutes=1)
    Edit.objects.filter(state=State.RETRYING).update(not_before=None, sent_at=F("sent_at") - minute)


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
    before = registry_value(deal, "amount")
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="2")
    assert state_of(first) == State.SUPERSEDED
    assert second.fields == {"amount": {"base": before, "new": "2"}}


def test_edit_back_to_the_start_leaves_nothing_to_send(mirror, deal):
    before = registry_value(deal, "amount")
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    assert actions.change(author=mirror.user, deal=deal, field="amount", value=before) is None
    assert outbox.deliver() == 0


def test_both_sides_edit_different_fields_and_both_stay(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="4242")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Renamed in Nimble"})
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    deal.refresh_from_db()
    assert (deal.name, str(deal.amount)) == ("Renamed in Nimble", "4242.0000")


def test_both_sides_edit_one_field_is_a_conflict_with_both_values(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="name", value="Ours")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Theirs"})
    outbox.deliver()
    assert state_of(edit) == State.CONFLICT
    assert (edit.fields["name"]["new"], edit.fields["name"]["theirs"]) == ("Ours", "Theirs")
    assert nimble.object("deal", deal.nimble_id)["values"]["name"] == "Theirs"

    later = actions.change(author=mirror.user, deal=deal, field="amount", value="5")
    outbox.deliver()
    assert state_of(later) == State.CONFIRMED, "a conflict steps out of the line"

    assert edits.resolve(edit, {"name": "Ours"})
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    assert nimble.object("deal", deal.nimble_id)["values"]["name"] == "Ours"


def test_conflict_resolved_as_theirs_sends_nothing(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="name", value="Ours")
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Theirs"})
    outbox.deliver()
    since = nimble.state()["log"]["last"]
    edits.resolve(edit, {"name": "Theirs"})
    assert outbox.deliver() == 0
    assert nimble.writes(since) == []
    deal.refresh_from_db()
    assert deal.name == "Theirs", "shown at once: the look before the write has read it"


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


def test_deleted_in_nimble_while_an_edit_waits_keeps_the_text(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="name", value="Kept")
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    assert (state_of(edit), edit.error["reason"]) == (State.CONFLICT, "missing")
    assert edit.fields["name"]["new"] == "Kept"


@pytest.mark.parametrize("replace_param", ["type", "replace"])
def test_email_is_removed_and_the_rest_goes_back_as_it_was(mirror, nimble: SandboxServer, replace_param):
    nimble.switch(replace_param=replace_param)
    contact = next(
        c
        for c in Contact.objects.filter(is_private=False, record_type="person").order_by("pk")
        if len(contact_mapping.values(c.remote).get("field:email", [])) > 1
    )
    before = nimble.object("contact", contact.nimble_id)["fields"]
    _first, *rest = contact_mapping.values(contact.remote)["field:email"]
    contact_actions.change_field(author=mirror.user, contact=contact, name="email", wanted=rest)
    outbox.deliver()
    after = nimble.object("contact", contact.nimble_id)["fields"]
    assert [v["value"] for v in after["email"]] == [item["value"] for item in rest]
    assert {name: v for name, v in after.items() if name != "email"} == {
        n: v for n, v in before.items() if n != "email"
    }


def test_replacement_that_nimble_takes_for_an_addition_comes_back_to_a_person(mirror, nimble: SandboxServer):
    nimble.switch(replace_param="neither")
    contact = next(
        c
        for c in Contact.objects.filter(is_private=False, record_type="person").order_by("pk")
        if len(contact_mapping.values(c.remote).get("field:email", [])) > 1
    )
    first, *rest = contact_mapping.values(contact.remote)["field:email"]
    edit = contact_actions.change_field(author=mirror.user, contact=contact, name="email", wanted=rest)
    assert edit is not None
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    assert (state_of(edit), edit.error["reason"]) == (State.REJECTED, "misunderstood")
    assert len(nimble.writes(since)) == 2, "the repair is sent once"
    contact.refresh_from_db()
    assert first["value"] in str(contact.remote["fields"]["email"]), "what Nimble has is shown"


def test_what_nobody_touched_goes_back_byte_for_byte(mirror, deal, nimble: SandboxServer):
    """Also what no database here would take: Nimble's own items are sent, not our cleaned ones."""
    strange = {
        "value": "nul\x00@b.example",
        "modifier": "work",
        "field_id": "f",
        "label": "email",
        "extra": [1.5, None, "é"],
    }
    contact = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    before = nimble.request("GET", f"/api/v1/contact/{contact.nimble_id}", ADA).json()["resources"][0]
    fields = {**before["fields"], "email": [strange, *before["fields"].get("email", [])]}
    nimble.edit(BJORN, "contact", contact.nimble_id, raw={"fields": fields})
    seen = contact_mapping.values(clean.payload({"fields": fields}))["field:email"]
    contact_actions.change_field(
        author=mirror.user,
        contact=contact,
        name="email",
        wanted=[*seen, {"value": "new@b.example", "modifier": "work"}],
        seen=seen,
    )
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    [sent] = [one["body"] for one in nimble.log(since) if one["method"] == "PUT"][:1]
    for item in fields["email"]:
        assert json.dumps(item) in json.dumps(sent)


def test_many_workers_claim_each_edit_once(mirror, deal, other_stage):
    actions.move(author=mirror.user, deal=deal, stage=other_stage)
    claimed = [lines.claim() for _ in range(5)]
    assert len([edit for edit in claimed if edit]) == 1


def registry_value(deal: Deal, field: str):
    return registry.resource("deal").values(deal.remote)[field]


def test_moved_deal_is_not_flipped_back_by_a_pull_that_read_before(mirror, deal, other_stage: Stage):
    actions.move(author=mirror.user, deal=deal, stage=other_stage)
    pull.sync_now(mirror)
    pull.pull(mirror)
    deal.refresh_from_db()
    assert deal.stage_nimble_id == other_stage.nimble_id


@pytest.mark.parametrize("kind", ["deal", "pipeline"])
def test_deleted_deal_is_not_brought_back_by_a_page_that_was_read_before(mirror, deal, nimble: SandboxServer, kind):
    pipeline = Pipeline.objects.get(nimble_id=deal.pipeline_nimble_id)
    payload, began = Client(mirror).deal(deal.nimble_id), database_now()
    edit = edits.remove(author=mirror.user, row=deal if kind == "deal" else pipeline)
    assert outbox.deliver() == 1
    assert state_of(edit) == State.CONFIRMED
    store.save_page(registry.resource("deal"), mirror, [payload], read_at=began)
    deal.refresh_from_db()
    assert deal.gone_at is not None


def test_restarted_worker_takes_over_at_once_what_it_held_when_it_was_killed(mirror, deal):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="64")
    here = ids.become("push@here")
    assert lines.claim() == edit
    assert lines.take_over(ids.become("push@elsewhere")) == 0
    assert lines.claim() is None
    assert lines.take_over(here) == 1
    assert outbox.deliver() == 1
    assert state_of(edit) == State.CONFIRMED


EVERY_SWITCH = [
    {name: position}
    for name, positions in POSITIONS.items()
    for position in positions[1:]
    # A server that replaces nothing, whatever it is asked: a person is told.
    if position != "neither"
]


@pytest.mark.parametrize("switches", EVERY_SWITCH, ids=lambda s: "-".join(*s.items()))
def test_edits_of_every_kind_arrive_with_each_switch(ada: Connection, nimble: SandboxServer, switches):
    nimble.switch(**switches)
    pull.pull(ada)
    seen = {"sights__connection": ada, "sights__view__is_editable": True}
    deal = Deal.objects.filter(
        **seen, is_private=False, stage_nimble_id__in=open_stages().values("nimble_id")
    ).order_by("pk")[0]
    stage = open_stages().exclude(nimble_id=deal.stage_nimble_id).filter(pipeline__nimble_id=deal.pipeline_nimble_id)[0]
    contact = Contact.objects.filter(is_private=False, record_type="person").exclude(email="").order_by("pk")[0]
    emails = contact_mapping.values(contact.remote)["field:email"]

    actions.move(author=ada.user, deal=deal, stage=stage)
    actions.change(author=ada.user, deal=deal, field="tags", value=[*deal.tags, "ours"])
    actions.write_note(author=ada.user, deal=deal, title="Title", body="Body")
    contact_actions.write_note(author=ada.user, contact=contact, text="A note")
    contact_actions.change_field(
        author=ada.user, contact=contact, name="email", wanted=[*emails[1:], {"value": "n@x.test", "modifier": "work"}]
    )
    contact_actions.set_tags(author=ada.user, contact=contact, tags=[*contact.tags, "ours"])
    nimble.expire(ADA)
    assert outbox.deliver() == 6

    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    assert nimble.object("deal", deal.nimble_id)["stage_id"] == stage.nimble_id
    values = [item["value"] for item in nimble.object("contact", contact.nimble_id)["fields"]["email"]]
    assert values == [*(item["value"] for item in emails[1:]), "n@x.test"]
    deal.refresh_from_db()
    contact.refresh_from_db()
    assert (deal.stage_nimble_id, "ours" in deal.tags, "ours" in contact.tags) == (stage.nimble_id, True, True)


def open_stages():
    return Stage.objects.filter(role="open", archived_at=None).exclude(default_probability=None)


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


def test_refused_value_is_no_base_for_what_was_typed_over_it(mirror, deal, nimble: SandboxServer):
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="-5")
    assert lines.claim() == first
    second = actions.change(author=mirror.user, deal=deal, field="amount", value="5")
    lapse(first)
    outbox.deliver()
    assert (state_of(first), state_of(second)) == (State.REJECTED, State.CONFIRMED)


def test_what_a_colleague_typed_unseen_and_unsent_is_no_less_than_what_was_sent(
    mirror, deal, connect: Connect, nimble: SandboxServer
):
    bjorn, begun = factories.caught_up(connect(BJORN)), list(deal.tags)
    wanted = {"amount": "5", "tags": [*begun, "his"]}
    first = [actions.change(author=bjorn.user, deal=deal, field=name, value=value) for name, value in wanted.items()]
    # Ada's forms were open before that.
    seen = {"amount": registry_value(deal, "amount"), "tags": begun}
    wanted = {"amount": "6", "tags": [*begun, "hers"]}
    second = [
        actions.change(author=mirror.user, deal=deal, field=name, value=value, seen=seen[name], has_seen=True)
        for name, value in wanted.items()
    ]
    outbox.deliver()
    assert [state_of(edit) for edit in first] == [State.CONFIRMED] * 2
    assert [state_of(edit) for edit in second] == [State.CONFLICT, State.CONFIRMED]
    assert set(nimble.object("deal", deal.nimble_id)["tags"]) == {*begun, "his", "hers"}
    assert second[0].fields["amount"]["theirs"] == "5"


def test_own_later_word_takes_the_place_of_the_earlier_and_own_tags_add_up(mirror, deal, nimble: SandboxServer):
    begun, amount = list(deal.tags), registry_value(deal, "amount")
    for value, tag in (("5", "one"), ("6", "two")):
        # As from two forms that were opened before either was sent.
        actions.change(author=mirror.user, deal=deal, field="amount", value=value, seen=amount, has_seen=True)
        actions.change(author=mirror.user, deal=deal, field="tags", value=[*begun, tag], seen=begun, has_seen=True)
    outbox.deliver()
    assert not Edit.objects.filter(state=State.CONFLICT).exists()
    deal.refresh_from_db()
    assert (registry_value(deal, "amount"), set(deal.tags)) == ("6", {*begun, "one", "two"})
    assert set(nimble.object("deal", deal.nimble_id)["tags"]) == {*begun, "one", "two"}


def test_own_later_name_of_a_contact_takes_the_place_of_the_earlier(mirror):
    person = Contact.objects.filter(record_type="person", is_private=False).exclude(first_name="").order_by("pk")[0]
    begun = contact_mapping.values(person.remote)["field:first name"]
    for name in ("Once", "Twice"):
        wanted = [{"value": name, "modifier": begun[0]["modifier"]}]
        contact_actions.change_field(author=mirror.user, contact=person, name="first name", wanted=wanted, seen=begun)
    assert outbox.deliver() == 1
    person.refresh_from_db()
    assert person.first_name == "Twice"


@pytest.mark.parametrize("dropped_by", ["its author", "undo"])
def test_dropped_value_is_no_base_for_what_was_typed_over_it(mirror, deal, connect: Connect, dropped_by):
    """The first edit is of two fields, the second of one: it takes nobody's place."""
    new = {"amount": "5", "description": "Both"}
    first = edits.record(author=mirror.user, row=deal, new=new)
    bjorn = factories.caught_up(connect(BJORN))
    second = actions.change(author=bjorn.user, deal=deal, field="amount", value="6")
    if dropped_by == "undo":
        undo.undo(first, author=mirror.user)
    else:
        assert edits.discard(first)
    outbox.deliver()
    assert state_of(second) == State.CONFIRMED, second.error


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


def test_what_is_confirmed_while_a_page_is_read_is_neither_old_nor_a_conflict(mirror, deal, nimble: SandboxServer):
    """The row was read before the answer was stored, its edits afterwards."""
    actions.change(author=mirror.user, deal=deal, field="amount", value="31337")
    row = Deal.objects.get(pk=deal.pk)
    assert outbox.deliver() == 1
    shown = Record(row, mirror.user).values["amount"]
    assert shown == "31337"
    actions.change(author=mirror.user, deal=row, field="amount", value="31338", seen=shown, has_seen=True)
    assert outbox.deliver() == 1
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    # What somebody makes of it in Nimble afterwards is shown as soon as it was read.
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"amount": 5.0})
    pull.sync_now(mirror)
    pull.pull(mirror)
    assert Record(Deal.objects.get(pk=deal.pk), mirror.user).values["amount"] == "5"
