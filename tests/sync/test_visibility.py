"""Who sees what: newcomers, contacts that are made private, people who leave or lose their connection."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from contacts import queries as contact_queries
from contacts.models import Contact
from deals import actions, queries
from deals.models import Deal
from nimble.models import Connection
from sync import outbox, pull, registry, store
from sync.clock import database_now
from sync.models import Run, State
from tests.people import ADA, BJORN, EVE, ZOE, Connect
from tests.sandboxes import SandboxServer
from tests.sync.viewers import Asked, again, exact, shown, theirs

pytestmark = pytest.mark.django_db(transaction=True)


def test_newcomer_sees_nothing_before_nimble_has_told_what_they_may_see(mirror: Connection, connect: Connect):
    eve = connect(EVE)
    assert shown(mirror, "contact")
    assert shown(mirror, "deal")
    assert (shown(eve, "contact"), shown(eve, "deal")) == (set(), set())
    assert not queries.pipelines(eve.user).exists()


def test_newcomer_reads_ids_and_only_what_no_colleague_is_shown(
    mirror: Connection, connect: Connect, nimble: SandboxServer, asked: Asked
):
    own = nimble.edit(EVE, "contact", set={"privacy": {"read": {"user_ids": [], "group_ids": []}, "edit": None}})
    eve = connect(EVE)
    pull.pause(eve, "notes")
    asked()
    pull.pull(eve)
    paths = [path for path in asked() if path.startswith("/api/v1/contact")]
    assert sorted(paths) == [
        "/api/v1/contact",
        "/api/v1/contacts",
        "/api/v1/contacts/fields",
        "/api/v1/contacts/ids",
    ]
    assert own["id"] in shown(eve, "contact")
    exact(nimble, eve)


def test_newcomer_is_told_of_changes_by_their_own_stream_from_then_on(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    eve = connect(EVE)
    pull.pull(eve)
    contact = Contact.objects.filter(is_private=False, record_type="person", sights__connection=eve).order_by("pk")[0]
    name = nimble.object("contact", contact.nimble_id)["fields"]["first name"][0]
    nimble.edit(BJORN, "contact", contact.nimble_id, set={"fields": {"first name": [name | {"value": "Zuzana"}]}})
    again(eve, "contacts")
    contact.refresh_from_db()
    assert contact.first_name == "Zuzana"


def test_newcomer_reads_everything_where_no_colleague_is_connected_any_more(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    contact = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    Connection.objects.filter(pk=mirror.pk).update(state=Connection.State.RECONNECT)
    name = nimble.object("contact", contact.nimble_id)["fields"]["first name"][0]
    nimble.edit(BJORN, "contact", contact.nimble_id, set={"fields": {"first name": [name | {"value": "Zuzana"}]}})
    eve = connect(EVE)
    runs = {run.stream.name: run for run in pull.pull(eve) or []}
    assert runs["contacts"].done == len(theirs(nimble, EVE, "contact"))
    contact.refresh_from_db()
    assert contact.first_name == "Zuzana"
    exact(nimble, eve)


def test_new_record_that_a_colleague_brought_is_hidden_until_nimble_shows_it(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    eve = connect(EVE)
    pull.pull(eve)
    kinds = ("contact", "deal")
    open_to_all = {kind: nimble.edit(BJORN, kind)["id"] for kind in kinds}
    kept_from_eve = {kind: nimble.edit(BJORN, kind, hide_from=[EVE])["id"] for kind in kinds}
    again(mirror, "contacts", "deals")
    for kind in kinds:
        assert {open_to_all[kind], kept_from_eve[kind]} <= shown(mirror, kind)
        assert not {open_to_all[kind], kept_from_eve[kind]} & shown(eve, kind)
    again(eve, "contacts", "deals")
    for kind in kinds:
        assert open_to_all[kind] in shown(eve, kind)
        assert kept_from_eve[kind] not in shown(eve, kind)


def test_member_who_left_for_another_company_sees_nothing_and_sends_nothing(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    edit = actions.change(author=bjorn.user, deal=deal, field="amount", value="7")
    me = nimble.request("GET", "/api/v1/myself", BJORN).json() | {"company_id": nimble.users[ZOE]["company_id"]}
    nimble.fault(method="GET", path="/api/v1/myself", times=0, status=200, body=me, user=BJORN)
    since = nimble.state()["log"]["last"]
    again(bjorn, "fields")
    bjorn.refresh_from_db()
    assert bjorn.state == Connection.State.LEFT
    assert (shown(bjorn, "contact"), shown(bjorn, "deal")) == (set(), set())
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state in (State.PENDING, State.BLOCKED)
    assert nimble.writes(since) == []
    assert pull.connections_due() == [] or bjorn not in pull.connections_due()
    assert shown(mirror, "deal")


def test_connection_is_lost_while_the_others_go_on(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    nimble.revoke(BJORN)
    edit = actions.change(author=bjorn.user, deal=deal, field="amount", value="7")
    outbox.deliver()
    edit.refresh_from_db()
    assert (edit.state, edit.error["reason"]) == (State.BLOCKED, "reconnect")
    assert shown(bjorn, "deal") == set()
    nimble.edit(ADA, "deal", deal.nimble_id, set={"name": "Changed meanwhile"})
    again(mirror, "deals")
    deal.refresh_from_db()
    assert deal.name == "Changed meanwhile"
    assert deal.amount == 7, "his edit waits, and is shown"
    mine = actions.change(author=mirror.user, deal=deal, field="description", value="Mine")
    outbox.deliver()
    mine.refresh_from_db()
    assert mine.state == State.CONFIRMED


def test_person_with_two_workspaces_sees_the_one_they_signed_in_to_last(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    zoe = connect(ZOE)
    assert zoe.workspace_id != mirror.workspace_id
    pull.pull(zoe)
    elsewhere = shown(zoe, "contact")
    Connection.objects.filter(pk=zoe.pk).update(user=mirror.user)
    user = get_user_model().objects.get(pk=mirror.user_id)
    for latest, other in ((mirror, zoe), (zoe, mirror)):
        Connection.objects.filter(pk=other.pk).update(last_seen_at=None)
        Connection.objects.filter(pk=latest.pk).update(last_seen_at=database_now())
        user = get_user_model().objects.get(pk=mirror.user_id)
        found = set(contact_queries.for_user(user).values_list("nimble_id", flat=True))
        assert found == (elsewhere if latest == zoe else theirs(nimble, ADA, "contact"))
    assert not elsewhere & theirs(nimble, ADA, "contact")
    assert {run.state for run in [*again(mirror).values(), *again(zoe).values()]} == {Run.State.DONE}
    for connection in (mirror, zoe):
        rows = Contact.objects.filter(sights__connection=connection)
        assert set(rows.values_list("workspace_id", flat=True)) == {connection.workspace_id}


@pytest.mark.parametrize("group", [True, False])
def test_contact_made_private_is_hidden_from_the_others_at_once(
    mirror: Connection, connect: Connect, nimble: SandboxServer, group: bool
):
    """Also from those who had been shown it; whom the group holds, their own token tells a moment later."""
    bjorn, eve = connect(BJORN), connect(EVE)
    for connection in (bjorn, eve):
        pull.pull(connection)
    contact = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    groups = nimble.users[BJORN]["group_ids"][:1] if group else []
    nimble.edit(
        ADA,
        "contact",
        contact.nimble_id,
        set={
            "privacy": {"read": {"user_ids": [], "group_ids": groups}, "edit": None},
            "owner_id": mirror.nimble_user_id,
        },
    )
    again(mirror, "contacts")
    assert contact.nimble_id in shown(mirror, "contact")
    assert contact.nimble_id not in shown(eve, "contact")
    for connection in (bjorn, eve):
        again(connection, "contacts", "listing")
        exact(nimble, connection)
    assert (contact.nimble_id in shown(bjorn, "contact")) is group


def test_page_that_was_read_before_a_record_was_made_private_brings_it_back_to_nobody(mirror: Connection):
    row = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    payload = {**row.remote, "updated": "2030-01-01T00:00:00+0000"}
    began = database_now()
    row.sights.filter(connection=mirror).update(hidden_at=began + timedelta(seconds=1))
    store.save_page(registry.resource("contact"), mirror, [payload], read_at=began)
    assert row.nimble_id not in shown(mirror, "contact")
    store.save_page(registry.resource("contact"), mirror, [payload], read_at=began + timedelta(seconds=2))
    assert row.nimble_id in shown(mirror, "contact")


@pytest.mark.parametrize("switch", ["404", "403"])
def test_record_of_a_colleague_who_must_reconnect_is_hidden_from_the_others_and_not_gone(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal, switch: str
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    Connection.objects.filter(pk=bjorn.pk).update(state=Connection.State.RECONNECT)
    nimble.switch(hidden_record=switch)
    nimble.edit(BJORN, "deal", deal.nimble_id, hide_from=[ADA], silent=True)
    for _walk in range(3):
        again(mirror, walk=True)
        assert deal.nimble_id not in shown(mirror, "deal")
    deal.refresh_from_db()
    assert deal.gone_at is None
    Connection.objects.filter(pk=bjorn.pk).update(state=Connection.State.ACTIVE)
    assert deal.nimble_id in shown(bjorn, "deal")


def test_record_that_is_refused_to_its_last_viewer_is_hidden_and_not_gone(
    mirror: Connection, nimble: SandboxServer, deal: Deal
):
    nimble.switch(hidden_record="403")
    nimble.edit(BJORN, "deal", deal.nimble_id, hide_from=[ADA], silent=True)
    for _walk in range(3):
        again(mirror, walk=True)
        assert deal.nimble_id not in shown(mirror, "deal")
    deal.refresh_from_db()
    assert deal.gone_at is None
