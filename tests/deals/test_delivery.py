"""Fields of deals on their way to Nimble: of every kind, and byte for byte where nobody touched a value."""

import json
from typing import Any

import pytest

from contacts.models import Contact
from deals import actions, bodies
from deals.models import Deal, DealField
from nimble.models import Connection
from sync import outbox, registry
from sync.models import Edit, State
from tests.people import ADA, BJORN
from tests.sandboxes import SandboxServer


@pytest.fixture
def deal(mirror: Connection) -> Deal:
    """A deal that everybody may see and edit, in the pipeline with fields of every kind."""
    piped = DealField.objects.filter(is_standard=False).values("pipeline_nimble_id")
    deals = Deal.objects.filter(is_private=False, pipeline_nimble_id__in=piped).order_by("pk")
    return next(deal for deal in deals if deal.remote["privacy"]["edit"] is None)


@pytest.fixture
def many(deal: Deal, nimble: SandboxServer) -> DealField:
    """A field of that pipeline with many values; the sandbox's own have one."""
    field = next(field for field in own_fields(deal) if field.kind == "string")
    pipeline = nimble.object("pipeline", deal.pipeline_nimble_id)
    fields = [{**one, "multiples": one["field_id"] == field.field_id} for one in pipeline["fields"]]
    nimble.edit(ADA, "pipeline", deal.pipeline_nimble_id, set={"fields": fields})
    DealField.objects.filter(pk=field.pk).update(multiples=True)
    return field


def own_fields(deal: Deal) -> list[DealField]:
    own = DealField.objects.filter(pipeline_nimble_id=deal.pipeline_nimble_id, is_standard=False)
    return list(own.filter(read_only=False))


def sent(nimble: SandboxServer, since: int) -> dict[str, Any]:
    return next(one["body"] for one in nimble.log(since) if one["method"] == "PUT")


def told(nimble: SandboxServer, deal: Deal) -> dict[str, Any]:
    return nimble.request("GET", f"/api/v2/deals/{deal.nimble_id}", ADA).json()


VALUES = {
    "string": "A word",
    "long_string": "Two\nlines",
    "number": "12.5",
    "datetime": "2026-03-31",
    "boolean": "true",
    "user": "somebody",
    "address": '{"city": "Kyiv"}',
}


def test_field_of_every_kind_arrives_beside_what_somebody_else_changed(mirror: Connection, deal: Deal, nimble):
    kinds = {}
    for field in own_fields(deal):
        value = field.choices[0]["id"] if field.choices else VALUES.get(field.kind)
        if value and field.kind not in kinds:
            kinds[field.kind] = field.field_id
            actions.change(author=mirror.user, deal=deal, field=f"field:{field.field_id}", value=[value])
            deal.refresh_from_db()
    assert kinds.keys() == {*VALUES, "choice"}
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Renamed in Nimble"})
    outbox.deliver()
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    there = nimble.object("deal", deal.nimble_id)
    assert there["values"]["name"] == "Renamed in Nimble"
    assert set(kinds.values()) <= there["custom"].keys()


@pytest.mark.parametrize("shape", ["map", "list"])
def test_value_that_nobody_touched_goes_back_as_nimbles_own_item(
    mirror: Connection, deal: Deal, nimble, many, shape: str
):
    nimble.switch(deal_fields=shape)
    items = [{"value": "kept, \u202e \U0001f98a", "is_primary": True}, {"value": "dropped", "is_primary": False}]
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"custom": {many.field_id: items}})
    name = f"field:{many.field_id}"
    seen = [item["value"] for item in items]
    since = nimble.state()["log"]["last"]
    actions.change(author=mirror.user, deal=deal, field=name, value=["new", seen[0]], seen=seen, has_seen=True)
    outbox.deliver()
    body = sent(nimble, since)["fields_values"][many.field_id]
    assert [json.dumps(item) for item in body] == [json.dumps({"value": "new"}), json.dumps(items[0])]


def test_two_people_who_add_to_one_field_of_many_values_both_keep_theirs(mirror: Connection, deal: Deal, nimble, many):
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"custom": {many.field_id: [{"value": "a"}, {"value": "theirs"}]}})
    name = f"field:{many.field_id}"
    actions.change(author=mirror.user, deal=deal, field=name, value=["a", "ours"], seen=["a"], has_seen=True)
    outbox.deliver()
    assert [one["value"] for one in nimble.object("deal", deal.nimble_id)["custom"][many.field_id]] == [
        "a",
        "theirs",
        "ours",
    ]


def test_contacts_that_take_part_merge_and_hidden_ones_stay(mirror: Connection, deal: Deal, nimble):
    first, second, third, hidden = (
        Contact.objects.filter(is_private=False).order_by("pk").values_list("nimble_id", flat=True)[:4]
    )
    before = [{"contact_id": first, "note": None}, {"contact_id": hidden, "note": "kept"}]
    nimble.edit(BJORN, "contact", hidden, hide_from=[ADA])
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"related_contacts": [*before, {"contact_id": third, "note": "t"}]})
    seen = [{"id": first, "note": ""}, {"id": hidden, "note": "kept"}]
    wanted = [{"id": first, "note": "decides"}, seen[1], {"id": second, "note": ""}]
    edit = actions.change(author=mirror.user, deal=deal, field="contacts", value=wanted, seen=seen, has_seen=True)
    assert edit is not None
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.CONFIRMED
    assert nimble.object("deal", deal.nimble_id)["related_contacts"] == [
        {"contact_id": first, "note": "decides"},
        before[1],
        {"contact_id": third, "note": "t"},
        {"contact_id": second, "note": ""},
    ]


def test_note_on_a_contact_changed_on_both_sides_is_a_conflict(mirror: Connection, deal: Deal, nimble):
    contact = Contact.objects.filter(is_private=False).order_by("pk").values_list("nimble_id", flat=True)[0]
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"related_contacts": [{"contact_id": contact, "note": "theirs"}]})
    before, ours = [{"id": contact, "note": "before"}], [{"id": contact, "note": "ours"}]
    edit = actions.change(author=mirror.user, deal=deal, field="contacts", value=ours, seen=before, has_seen=True)
    assert edit is not None
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, edit.fields["contacts"]["theirs"]) == (State.CONFLICT, [{"id": contact, "note": "theirs"}])
    assert registry.resource("deal").shown("contacts", ours, None, {}) == "1 contact"


def test_number_that_nimble_spells_anew_is_no_conflict(mirror: Connection, deal: Deal, nimble):
    number = next(field for field in own_fields(deal) if field.kind == "number" and not field.multiples)
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"custom": {number.field_id: [{"value": "5.0"}]}})
    name = f"field:{number.field_id}"
    edit = actions.change(author=mirror.user, deal=deal, field=name, value=["7"], seen=["5"], has_seen=True)
    assert edit is not None
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.CONFIRMED


def test_body_names_nothing_that_was_not_changed():
    assert bodies.edit_body({"tags": ["a"]}, {"tags": [{"tag": "a", "id": 1}], "currency": "EUR"}) == {"tags": ["a"]}
