"""Many people, one account: each sees what their own token is shown, and what is everybody's is read once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from contacts import queries as contact_queries
from contacts.models import Contact
from deals import actions, queries
from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync import outbox, pull, registry, store, when
from sync.clock import database_now
from sync.models import Run, State, Stream
from tests.people import ADA, BJORN, EVE, ZOE, Connect
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1, minutes=1)
Asked = Callable[[], list[str]]


@pytest.fixture
def asked(nimble: SandboxServer) -> Asked:
    """What Nimble has been asked since the last time, tokens aside: the paths without the query, `/…/` for an id."""
    since = [nimble.state()["log"]["last"]]

    def paths() -> list[str]:
        entries = nimble.log(since[0])
        since[0] = max((one["n"] for one in entries), default=since[0])
        return [one["path"].split("?")[0] for one in entries if "/oauth/" not in one["path"]]

    return paths


def again(connection: Connection, *names: str, walk: bool = False) -> dict[str, Run]:
    """One more run of these streams, or of all."""
    if walk:
        Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    pull.sync_now(connection, *names)
    return {run.stream.name: run for run in pull.pull(connection) or []}


def earlier(by: timedelta, *connections: Connection) -> None:
    """Let so much time pass for the last walk and the last comparison of these connections."""
    for stream in Stream.objects.filter(connection__in=connections, name="deals"):
        for name in ("walked", "checked"):
            if text := stream.cursor.get(name):
                stream.cursor[name] = (when.moment(text) - by).isoformat()
        stream.save(update_fields=["cursor"])


def cursor(connection: Connection) -> dict[str, str]:
    """What the last run of this person's deals left for the next."""
    found: dict[str, str] = Stream.objects.get(connection=connection, name="deals").cursor
    return found


def shown(connection: Connection, kind: str) -> set[str]:
    where = queries if kind == "deal" else contact_queries
    return set(where.for_user(connection.user).values_list("nimble_id", flat=True))


def theirs(nimble: SandboxServer, email: str, kind: str) -> set[str]:
    """What Nimble itself shows this person."""
    if kind == "contact":
        return set(nimble.request("GET", "/api/v1/contacts/ids?per_page=1000", email).json()["resources"])
    listed = nimble.request("GET", "/api/v2/deals?sort=updated:desc&limit=1000", email).json()["resources"]
    return {one["deal_id"] for one in listed}


def exact(nimble: SandboxServer, connection: Connection) -> None:
    """They are shown here what Nimble shows them, no more and no less."""
    for kind in ("contact", "deal"):
        assert shown(connection, kind) == theirs(nimble, connection.email, kind), kind


# --- newcomers ------------------------------------------------------------------------------------------------------


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


# --- deals ----------------------------------------------------------------------------------------------------------


def test_hour_of_a_second_connection_costs_a_request_a_pipeline(
    mirror: Connection, connect: Connect, nimble: SandboxServer, asked: Asked
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    # Who walked last does so again; the other one follows for half an hour more.
    earlier(HOUR, mirror)
    earlier(HOUR + timedelta(minutes=10), bjorn)
    asked()
    before = cursor(mirror)["walked"]
    again(mirror, "deals")
    walked = asked()
    assert cursor(mirror)["walked"] > before
    again(bjorn, "deals")
    compared = asked()
    listings = [path for path in compared if path.endswith("/deals") and "/pipelines/" in path]
    assert len(listings) == queries.visible_pipelines(bjorn).count()
    # What is newest, and how many there are; once more where a stage has changed meanwhile.
    assert len(listings) + 2 <= len(compared) <= len(listings) + 4, compared
    assert len(walked) > len(listings)
    assert cursor(bjorn)["walked"] < cursor(bjorn)["checked"]
    exact(nimble, bjorn)


@pytest.mark.parametrize("hidden", [True, False])
def test_what_changes_hands_without_a_trace_is_found_within_the_hour(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal, hidden: bool
):
    nimble.edit(ADA, "deal", deal.nimble_id, hide_from=[] if hidden else [BJORN], silent=True)
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    assert (deal.nimble_id in shown(bjorn, "deal")) is hidden
    nimble.edit(ADA, "deal", deal.nimble_id, hide_from=[BJORN] if hidden else [], silent=True)
    earlier(HOUR, bjorn)
    again(bjorn, "deals")
    assert (deal.nimble_id in shown(bjorn, "deal")) is not hidden
    assert deal.nimble_id in shown(mirror, "deal")
    exact(nimble, bjorn)


def test_each_walks_by_themselves_once_a_day(mirror: Connection, connect: Connect, asked: Asked):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    before = Stream.objects.get(connection=bjorn, name="deals").cursor["walked"]
    earlier(timedelta(hours=25), bjorn)
    again(bjorn, "deals")
    assert Stream.objects.get(connection=bjorn, name="deals").cursor["walked"] > before


def test_deal_deleted_in_nimble_is_gone_after_two_hours_though_others_walk(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    nimble.edit(ADA, "deal", deal.nimble_id, delete=True)
    for _hour in range(2):
        earlier(HOUR, mirror, bjorn)
        for connection in (mirror, bjorn):
            again(connection, "deals")
            assert deal.nimble_id not in shown(connection, "deal")
    deal.refresh_from_db()
    assert deal.gone_at is not None


def test_more_new_deals_than_one_page_reach_everybody(mirror: Connection, connect: Connect, nimble: SandboxServer):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    for _one in range(60):
        nimble.edit(ADA, "deal")
    again(mirror, "deals")
    again(bjorn, "deals")
    exact(nimble, mirror)
    exact(nimble, bjorn)


@pytest.mark.parametrize("who", ["owner", "named", "group"])
def test_deal_made_private_is_hidden_from_the_others_at_once(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal, who: str
):
    """By the pull of any colleague; whom a group holds, only their own token tells."""
    bjorn, eve = connect(BJORN), connect(EVE)
    for connection in (bjorn, eve):
        pull.pull(connection)
    person = nimble.users[BJORN]
    readers = {
        "owner": {"user_ids": [], "group_ids": []},
        "named": {"user_ids": [person["user_id"]], "group_ids": []},
        "group": {"user_ids": [], "group_ids": person["group_ids"][:1]},
    }[who]
    owner = {"owner_id": person["user_id"]} if who == "owner" else {}
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"privacy": {"read": readers, "edit": None}, **owner})
    again(bjorn, "deals")
    assert deal.nimble_id in shown(bjorn, "deal")
    assert deal.nimble_id not in shown(eve, "deal")


def test_deal_given_to_a_person_is_shown_to_them_by_a_colleagues_pull(
    mirror: Connection, connect: Connect, nimble: SandboxServer, deal: Deal
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    made = nimble.edit(
        ADA,
        "deal",
        set={"privacy": {"read": {"user_ids": [nimble.users[BJORN]["user_id"]], "group_ids": []}, "edit": None}},
    )
    again(mirror, "deals")
    assert made["id"] in shown(bjorn, "deal")


# --- pipelines that are kept from somebody ---------------------------------------------------------------------------


@pytest.fixture
def refused(mirror: Connection, connect: Connect, nimble: SandboxServer) -> tuple[Connection, Pipeline]:
    """Bjorn, and a pipeline that Nimble lists to him and refuses him the deals of."""
    bjorn = connect(BJORN)
    pipeline = queries.visible_pipelines(mirror).order_by("pk")[0]
    path = rf"/api/v2/deals/pipelines/{pipeline.nimble_id}/deals"
    nimble.fault(method="GET", path=path, times=0, status=403, user=BJORN)
    pull.pull(bjorn)
    return bjorn, pipeline


@pytest.mark.parametrize("how", ["made", "moved"])
def test_deal_that_comes_into_a_refused_pipeline_is_not_shown_between_two_walks(
    refused: tuple[Connection, Pipeline], mirror: Connection, nimble: SandboxServer, how: str
):
    bjorn, pipeline = refused
    into = {"pipeline_id": pipeline.nimble_id, "stage_id": pipeline.stages.all()[0].nimble_id}
    if how == "made":
        one = nimble.edit(ADA, "deal", set=into)["id"]
    else:
        other = queries.for_connection(bjorn).filter(is_private=False).exclude(pipeline_nimble_id="")
        one = other.order_by("pk")[0].known_id
        nimble.edit(ADA, "deal", one, set=into)
    again(mirror, "deals", walk=True)
    assert one in shown(mirror, "deal")
    assert one not in shown(bjorn, "deal")
    again(bjorn, "deals")
    assert one not in shown(bjorn, "deal")
    assert not queries.for_connection(bjorn).filter(pipeline_nimble_id=pipeline.nimble_id).exists()


def test_pipeline_that_is_opened_again_is_found_within_the_hour(
    refused: tuple[Connection, Pipeline], nimble: SandboxServer
):
    bjorn, pipeline = refused
    nimble.clear_faults()
    earlier(HOUR, bjorn)
    again(bjorn, "deals")
    assert queries.for_connection(bjorn).filter(pipeline_nimble_id=pipeline.nimble_id).exists()
    exact(nimble, bjorn)


# --- people who leave, or lose their connection -----------------------------------------------------------------------


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
