"""What others do meanwhile, here and in Nimble: merged, or a conflict; nothing is overwritten, nothing comes back."""

import pytest

from contacts import actions as contact_actions
from contacts import mapping as contact_mapping
from contacts.models import Contact
from deals import actions
from deals.models import Deal, Pipeline, Stage
from deals.record import Record
from nimble.client import Client
from sync import edits, lines, outbox, pull, registry, store, undo
from sync.clock import database_now
from sync.models import Edit, State
from tests import factories
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer
from tests.sync.outgoing import lapse, state_of, value_of


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


def test_deleted_in_nimble_while_an_edit_waits_keeps_the_text(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="name", value="Kept")
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    assert (state_of(edit), edit.error["reason"]) == (State.CONFLICT, "missing")
    assert edit.fields["name"]["new"] == "Kept"


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
    seen = {"amount": value_of(deal, "amount"), "tags": begun}
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
    begun, amount = list(deal.tags), value_of(deal, "amount")
    for value, tag in (("5", "one"), ("6", "two")):
        # As from two forms that were opened before either was sent.
        actions.change(author=mirror.user, deal=deal, field="amount", value=value, seen=amount, has_seen=True)
        actions.change(author=mirror.user, deal=deal, field="tags", value=[*begun, tag], seen=begun, has_seen=True)
    outbox.deliver()
    assert not Edit.objects.filter(state=State.CONFLICT).exists()
    deal.refresh_from_db()
    assert (value_of(deal, "amount"), set(deal.tags)) == ("6", {*begun, "one", "two"})
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
