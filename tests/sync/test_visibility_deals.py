"""Which deals a person is shown, and how soon it follows what Nimble shows them."""

from datetime import timedelta

import pytest

from deals import queries
from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync import pull
from sync.models import Stream
from tests.people import ADA, BJORN, EVE, Connect
from tests.sandboxes import SandboxServer
from tests.sync.viewers import HOUR, Asked, again, cursor, earlier, exact, shown

pytestmark = pytest.mark.django_db(transaction=True)


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
