"""What is sent of an edit: what nobody touched goes back as it was, however Nimble understands it."""

import json

import pytest

from contacts import actions as contact_actions
from contacts import mapping as contact_mapping
from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sandbox.switches import POSITIONS
from sync import clean, outbox, pull
from sync.models import Edit, State
from tests.people import ADA, BJORN
from tests.sandboxes import SandboxServer
from tests.sync.outgoing import open_stages, state_of


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
