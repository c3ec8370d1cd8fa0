"""Creates whose object is in Nimble before we know it: nothing is made twice, and nothing stands here twice."""

from datetime import timedelta

import pytest
from django.db.models import F

from contacts import actions as contact_actions
from contacts import streams
from contacts.models import Contact, ContactField, ContactNote
from deals import actions
from deals.models import Deal
from nimble.client import Client
from nimble.models import Connection
from sync import edits, mending, outbox, recreate, registry, store
from sync.clock import database_now
from sync.models import Edit, State
from sync.reader import Reader
from tests import factories
from tests.people import BJORN
from tests.sandboxes import SandboxServer


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    return factories.mirrored(ada)


@pytest.fixture
def create(mirror: Connection, nimble: SandboxServer) -> Edit:
    """The create of a deal that is in Nimble; its answer was lost."""
    deal = Deal.objects.filter(is_private=False).order_by("pk")[0]
    lost = actions.change(author=mirror.user, deal=deal, field="name", value="Made once")
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    lost.refresh_from_db()
    nimble.fault(method="POST", path="/api/v2/deals", cut="after", times=1)
    made = recreate.recreate(lost, author=mirror.user)
    outbox.deliver()
    made.refresh_from_db()
    assert made.state == State.RETRYING
    return made


def pull(connection: Connection) -> None:
    began = database_now()
    listed = Client(connection).deals(sort="updated:desc", limit=20)["resources"]
    store.save_page(registry.resource("deal"), connection, listed, read_at=began)


def again(edit: Edit) -> str:
    Edit.objects.filter(state=State.RETRYING).update(not_before=None)
    outbox.deliver()
    edit.refresh_from_db()
    return edit.state


def test_deal_that_a_pull_brings_before_its_create_is_confirmed_becomes_one(
    mirror: Connection, create: Edit, nimble: SandboxServer
):
    pull(mirror)
    twin = Deal.objects.get(name="Made once", nimble_id__isnull=False)
    assert twin.pk != create.record_id
    # Somebody works on it meanwhile.
    renamed = actions.change(author=mirror.user, deal=twin, field="name", value="Worked on")
    note = actions.write_note(author=mirror.user, deal=twin, title="Call", body="Tomorrow")
    assert again(create) == State.CONFIRMED, create.error
    assert again(renamed) == State.CONFIRMED, renamed.error
    row = Deal.objects.get(pk=create.record_id)
    assert (row.nimble_id, row.name, row.gone_at) == (renamed_id(nimble), "Worked on", None)
    note.refresh_from_db()
    assert (note.deal, renamed.record_id) == (row, row.pk)
    assert Edit.objects.get(kind="deal_note", record_id=note.pk).state == State.CONFIRMED
    shown = registry.resource("deal").for_user(mirror.user)
    assert shown.filter(pk__in=[row.pk, twin.pk]).get() == row
    pull(mirror)
    assert shown.filter(name="Worked on").get() == row


def renamed_id(nimble: SandboxServer) -> str:
    [made] = [one for one in nimble.objects("deal") if one["values"]["name"] == "Worked on"]
    return str(made["id"])


def test_create_takes_nothing_for_its_own_that_was_here_before_or_that_another_has_made(
    mirror: Connection, create: Edit
):
    # Its colleague of the same name was made a moment ago, and its answer came.
    listed = Client(mirror).deals(sort="updated:desc", limit=20)["resources"]
    [made] = [one for one in listed if "Made once" in str(one)]
    row = Deal.objects.get(pk=create.record_id)
    look = registry.resource("deal").look_up
    with Client(mirror) as client:
        assert look(client, row, create).payload["deal_id"] == made["deal_id"]
        Deal.objects.create(workspace=mirror.workspace, nimble_id=made["deal_id"])
        assert look(client, row, create).payload, "a pull has brought it since"
        other = Deal.objects.get(nimble_id=made["deal_id"])
        Edit.objects.filter(pk=create.pk).update(record_id=other.pk)
        found = look(client, row, create)
    assert (found.payload, list(found.candidates)) == (None, [])


def test_note_that_a_pull_brings_before_its_create_is_confirmed_is_written_once(
    mirror: Connection, nimble: SandboxServer
):
    nimble.switch(note_ids="own")
    contact = Contact.objects.filter(is_private=False).exclude(email="").order_by("pk")[0]
    nimble.fault(method="POST", path=r"/api/v1/contacts/notes.*", times=1, cut="after")
    note = contact_actions.write_note(author=mirror.user, contact=contact, text="Only once, please")
    edit = Edit.objects.get(kind="contact_note", record_id=note.pk)
    outbox.deliver()
    streams.read_notes(Reader(mirror, Client(mirror)), contact.known_id)
    assert again(edit) == State.CONFIRMED, edit.error
    [written] = [one for one in nimble.objects("note") if "Only once, please" in str(one)]
    note.refresh_from_db()
    assert note.nimble_id == written["id"]
    assert ContactNote.objects.filter(text__contains="Only once, please", gone_at=None).get() == note


@pytest.mark.parametrize("status", [429, 403, 402])
def test_contact_whose_tags_fail_after_it_was_made_is_made_once(mirror: Connection, nimble: SandboxServer, status):
    # Nimble fills it by itself, and takes it from nobody.
    ContactField.objects.create(workspace=mirror.workspace, field_id="1", name="source", read_only=True)
    old = Contact.objects.filter(record_type="person", is_private=False).order_by("pk")[0]
    edit = contact_actions.set_tags(author=mirror.user, contact=old, tags=[f"tag {n}" for n in range(7)])
    assert edit
    nimble.edit(BJORN, "contact", old.nimble_id, delete=True)
    outbox.deliver()
    edit.refresh_from_db()
    made = recreate.recreate(edit, author=mirror.user)
    nimble.fault(method="PUT", path=r"/api/v1/contacts/.*/tags", status=status, times=1)
    since = nimble.state()["log"]["last"]
    outbox.deliver()
    made.refresh_from_db()
    assert (made.state, made.error["ambiguous"]) == (State.RETRYING, True)
    Connection.objects.get().pace.delete()
    assert again(made) == State.CONFIRMED, made.error
    assert len([one for one in nimble.writes(since) if one["method"] == "POST"]) == 1
    [row] = [one for one in nimble.objects("contact") if one["id"] == Contact.objects.get(pk=made.record_id).nimble_id]
    assert len(row["tags"]) == 7


def test_create_that_was_found_and_is_renamed_here_is_the_same_one(
    mirror: Connection, create: Edit, nimble: SandboxServer
):
    nimble.fault(method="PUT", path=r"/api/v2/deals/.*", status=403, times=1)
    create.fields["amount"]["new"] = "4711"
    [made] = [one for one in nimble.objects("deal") if one["values"]["name"] == "Made once"]
    Edit.objects.filter(pk=create.pk).update(error={"ambiguous": True, "chosen": made["id"]}, fields=create.fields)
    assert again(create) == State.REJECTED, create.error
    since = nimble.state()["log"]["last"]
    assert mending.mend(create, {"name": "Renamed"})
    assert again(create) == State.CONFIRMED, create.error
    assert [one["method"] for one in nimble.writes(since)] == ["PUT"]
    assert Deal.objects.get(pk=create.record_id).nimble_id == made["id"]


def test_note_on_a_contact_that_is_still_being_made_waits_for_it(mirror: Connection, nimble: SandboxServer):
    ContactField.objects.create(workspace=mirror.workspace, field_id="1", name="source", read_only=True)
    old = Contact.objects.filter(record_type="person", is_private=False).order_by("pk")[0]
    edit = contact_actions.set_tags(author=mirror.user, contact=old, tags=["kept"])
    assert edit
    nimble.edit(BJORN, "contact", old.nimble_id, delete=True)
    outbox.deliver()
    edit.refresh_from_db()
    nimble.fault(method="POST", path="/api/v1/contact$", status=500, times=1, body={"code": 107})
    made = recreate.recreate(edit, author=mirror.user)
    row = Contact.objects.get(pk=made.record_id)
    note = contact_actions.write_note(author=mirror.user, contact=row, text="On whom?")
    outbox.deliver()
    written = Edit.objects.get(kind="contact_note", record_id=note.pk)
    assert (written.state, written.depends_on) == (State.PENDING, made)
    Edit.objects.filter(pk=made.pk).update(sent_at=F("sent_at") - timedelta(minutes=1))
    assert again(made) == State.CONFIRMED, made.error
    assert again(written) == State.CONFIRMED, written.error
    [found] = [one for one in nimble.objects("note") if "On whom?" in str(one)]
    assert Contact.objects.get(pk=row.pk).nimble_id in str(found)


def test_note_comes_back_only_after_what_it_was_written_on(mirror: Connection, create: Edit):
    note = actions.write_note(author=mirror.user, deal=Deal.objects.get(pk=create.record_id), title="Call", body="")
    written = Edit.objects.get(kind="deal_note", record_id=note.pk)
    assert edits.discard(create)
    written.refresh_from_db()
    assert written.state == State.DISCARDED
    assert not edits.restore(written)
    create.refresh_from_db()
    assert edits.restore(create)
    written.refresh_from_db()
    assert written.state == State.PENDING


def test_what_was_discarded_by_itself_stays_so_when_its_deal_comes_back(mirror: Connection, create: Edit):
    note = actions.write_note(author=mirror.user, deal=Deal.objects.get(pk=create.record_id), title="Call", body="")
    written = Edit.objects.get(kind="deal_note", record_id=note.pk)
    assert edits.discard(written)
    assert edits.discard(create)
    assert edits.restore(create)
    written.refresh_from_db()
    assert written.state == State.DISCARDED
