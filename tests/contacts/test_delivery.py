"""Edits made on the pages, delivered to the sandbox: what arrives, and what stays as it was."""

import json

import pytest
from django.test import Client

from contacts import mapping
from contacts.models import Contact, ContactNote
from nimble.models import Connection
from sync import edits, outbox
from sync import pull as pulling
from sync.models import Edit, State
from tests.contacts.payloads import item
from tests.contacts.test_fields import Editing
from tests.people import ADA, BJORN
from tests.processes import wait_for
from tests.sandboxes import SandboxServer


@pytest.fixture
def person(mirror: Connection) -> Contact:
    """Somebody with a job, e-mails and phones, whom everybody may edit."""
    for row in Contact.objects.filter(record_type="person", is_private=False).order_by("pk"):
        fields = row.remote["fields"]
        many = all(len(fields.get(name, [])) > 1 for name in ("email", "phone"))
        if many and "contact employment" in fields and row.remote["privacy"]["edit"] is None:
            return row
    raise AssertionError("the sandbox has nobody like that")


@pytest.fixture
def mine(mirror: Connection, person: Contact) -> Editing:
    client = Client()
    client.force_login(mirror.user, backend="django.contrib.auth.backends.ModelBackend")
    return Editing(client, person)


def stored(sandbox: SandboxServer, row: Contact) -> dict:
    return sandbox.object("contact", row.nimble_id or "")


def test_one_changed_email_arrives_and_nothing_else_moves(mine: Editing, sandbox: SandboxServer):
    before = stored(sandbox, mine.row)
    mine.save("email", **{"rows-1-value": "changed@b.example"})
    assert outbox.deliver() == 1
    after = stored(sandbox, mine.row)
    assert Edit.objects.get().state == State.CONFIRMED
    assert after["updated_by"] == sandbox.users[ADA]["user_id"]
    changed = [one["value"] for one in after["fields"]["email"]]
    assert changed.count("changed@b.example") == 1
    assert set(changed) - {"changed@b.example"} == {
        one["value"] for at, one in enumerate(before["fields"]["email"]) if at != 1
    }
    assert [one for one in after["fields"]["email"] if one["value"] != "changed@b.example"] == [
        one for at, one in enumerate(before["fields"]["email"]) if at != 1
    ]
    assert {**after["fields"], "email": None} == {**before["fields"], "email": None}
    assert after["tags"] == before["tags"]


def test_changed_title_keeps_the_company_and_the_other_jobs(mine: Editing, sandbox: SandboxServer):
    before = stored(sandbox, mine.row)["fields"]
    mine.save("contact employment", title="Chief of Tests")
    outbox.deliver()
    after = stored(sandbox, mine.row)["fields"]
    job, was = after["contact employment"][0], before["contact employment"][0]
    assert json.loads(job["value"]) == {**json.loads(was["value"]), "title": "Chief of Tests"}
    assert job["extra_value"] == was["extra_value"]
    assert after["contact employment"][1:] == before["contact employment"][1:]
    for deprecated in ("title", "parent company"):
        assert after.get(deprecated) == before.get(deprecated)


def test_names_tags_and_a_custom_choice_arrive(mine: Editing, sandbox: SandboxServer):
    mine.save("first name", value="Renée")
    mine.save("tags", tags="best,premium\r\nnew one")
    mine.save("Tier", value="2")
    outbox.deliver()
    after = stored(sandbox, mine.row)
    assert [one["value"] for one in after["fields"]["first name"]] == ["Renée"]
    assert after["tags"] == ["best,premium", "new one"]
    assert [one["value"] for one in after["fields"]["Tier"]] == ["2"]
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    mine.row.refresh_from_db()
    assert mine.row.first_name == "Renée"


def test_field_that_was_emptied_is_removed_in_nimble(mine: Editing, sandbox: SandboxServer):
    count = len(mine.row.remote["fields"]["phone"])
    mine.save("phone", **{f"rows-{n}-value": "" for n in range(count)})
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    assert not stored(sandbox, mine.row)["fields"].get("phone")


def test_same_field_changed_in_nimble_is_a_conflict_and_not_overwritten(mine: Editing, sandbox: SandboxServer):
    sandbox.edit(BJORN, "contact", mine.row.nimble_id, set={"fields": {"last name": [item("Theirs")]}})
    mine.save("last name", value="Ours")
    outbox.deliver()
    edit = Edit.objects.get()
    assert edit.state == State.CONFLICT
    assert [one["value"] for one in stored(sandbox, mine.row)["fields"]["last name"]] == ["Theirs"]
    body = mine.client.get(mine.row.get_absolute_url()).content.decode()
    assert "Needs you" in body
    assert f"/sync/edits/{edit.pk}/" in body


def test_another_email_added_in_nimble_stays(mine: Editing, sandbox: SandboxServer):
    before = stored(sandbox, mine.row)["fields"]["email"]
    theirs = [*before, item("theirs@b.example", "other")]
    sandbox.edit(BJORN, "contact", mine.row.nimble_id, set={"fields": {"email": theirs}})
    mine.save("email", **{"rows-0-value": "ours@b.example"})
    outbox.deliver()
    now = {one["value"] for one in stored(sandbox, mine.row)["fields"]["email"]}
    assert {"ours@b.example", "theirs@b.example"} <= now
    assert before[0]["value"] not in now


def test_refusal_comes_back_to_the_field(mine: Editing, sandbox: SandboxServer):
    mine.save("Portal Page", value="https://fine.example/")
    sandbox.fault(
        method="PUT",
        path="/contact/",
        status=409,
        body={
            "code": 245,
            "message": "Validation",
            "human_readable_error": "Validation",
            "errors": {"Portal Page": [{"message": "We dislike it", "field_id": ""}]},
        },
    )
    outbox.deliver()
    assert Edit.objects.get().state == State.REJECTED
    form = mine.client.get(mine.url("Portal Page"), HTTP_HX_REQUEST="true").content.decode()
    assert "We dislike it" in form
    assert "https://fine.example/" in form


def test_note_arrives_once_is_changed_and_removed(mine: Editing, sandbox: SandboxServer):
    base = f"/contacts/{mine.row.pk}/notes/"
    known = {one["id"] for one in sandbox.objects("note")}
    sandbox.fault(method="POST", path="/contacts/notes", cut="after")
    mine.client.post(base, {"text": "Wants a **quote**"})
    outbox.deliver()
    Edit.objects.update(not_before=None)
    outbox.deliver()
    [fresh] = [one for one in sandbox.objects("note") if one["id"] not in known]
    assert fresh["note"] == "<p>Wants a <strong>quote</strong></p>\n"
    assert fresh["owner_id"] == sandbox.users[ADA]["user_id"]
    kept = ContactNote.objects.get(nimble_id=fresh["id"])
    mine.client.post(f"{base}{kept.pk}/", {"text": "Wants two"})
    outbox.deliver()
    assert sandbox.object("note", fresh["id"])["note"] == "<p>Wants two</p>\n"
    mine.client.post(f"{base}{kept.pk}/remove/")
    outbox.deliver()
    assert {one["id"] for one in sandbox.objects("note")} == known
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}


def test_pull_does_not_take_back_what_is_not_sent_yet(mine: Editing, mirror: Connection, sandbox: SandboxServer):
    mine.save("last name", value="Unsent")
    sandbox.edit(BJORN, "contact", mine.row.nimble_id, set={"tags": ["touched"]})
    pulling.sync_now(mirror)
    pulling.pull(mirror)
    mine.row.refresh_from_db()
    assert (mine.row.last_name, mine.row.tags) == ("Unsent", ["touched"])
    assert mapping.first(mapping.values(mine.row.remote), "last name") != "Unsent"


def test_edit_of_which_half_is_in_nimble_gives_its_place_to_nobody(
    mirror: Connection, person: Contact, sandbox: SandboxServer
):
    """Fields and tags are two requests: the second is asked to wait."""
    tags = mapping.values(person.remote)["tags"]
    named = f"{mapping.FIELD}{mapping.LAST}"
    [name] = mapping.values(person.remote)[named]
    sandbox.fault(method="PUT", path=r"/api/v1/contacts/.*/tags", times=1, status=429, headers={"Retry-After": "1"})
    first = edits.record(
        author=mirror.user, row=person, new={named: [{**name, "value": "Half"}], "tags": [*tags, "half"]}
    )
    assert first
    outbox.deliver()
    assert stored(sandbox, person)["fields"]["last name"][0]["value"] == "Half"
    later = edits.record(
        author=mirror.user, row=person, new={named: [{**name, "value": "Whole"}], "tags": [*tags, "half", "whole"]}
    )
    assert later
    wait_for(lambda: outbox.deliver() >= 0 and not Edit.objects.exclude(state=State.CONFIRMED).exists(), "both arrive")
    after = stored(sandbox, person)
    assert after["fields"]["last name"][0]["value"] == "Whole"
    assert {"half", "whole"} <= set(after["tags"])
