"""Who sees a deal: on boards, in figures, by address; and who can change it."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from deals.models import Deal, DealNote, DealSight, Pipeline
from nimble.models import Connection, Member
from sync.clock import database_now
from sync.models import Edit
from tests.deals.conftest import Keep, browser, columns
from tests.deals.payloads import MINE, deal
from tests.factories import caught_up
from tests.people import BJORN, EVE, ZOE

SECRET = "Secret takeover"


@pytest.fixture
def private(keep: Keep, ada: Connection) -> Deal:
    """A deal that Nimble shows to Ada alone, beside one that all may see, with a note."""
    owner = {"user_id": ada.nimble_user_id, "name": ada.name}
    [row, _public] = keep(deal(1, values={"name": SECRET}, privacy=MINE, owner=owner, tags=["hush"]), deal(2))
    browser(ada.user).post(reverse("deals:write_note", args=[row.pk]), {"body": SECRET})
    return row


@pytest.fixture
def others(connect) -> dict[str, Callable[[], Client]]:
    """Everybody signed in who must not see Ada's private deal."""

    def dead_grant() -> Client:
        connection = connect(EVE)
        connection.state = Connection.State.RECONNECT
        connection.save(update_fields=["state"])
        return browser(connection.user)

    return {
        "stranger": lambda: browser(connect(ZOE).user),
        "colleague": lambda: browser(caught_up(connect(BJORN)).user),
        "dead grant": dead_grant,
    }


def addresses(row: Deal) -> list[str]:
    note = DealNote.objects.get()
    edit = Edit.objects.get()
    own = ["deal", "head", "pulse", "fresh", "history", "card", "move", "write_note"]
    return [
        *(reverse(f"deals:{name}", args=[row.pk]) for name in own),
        reverse("deals:edit", args=[row.pk, "amount"]),
        reverse("deals:undo", args=[row.pk, edit.pk]),
        reverse("deals:change_note", args=[row.pk, note.pk]),
        reverse("deals:remove_note", args=[row.pk, note.pk]),
    ]


@pytest.mark.parametrize("who", ["stranger", "colleague", "dead grant"])
@pytest.mark.parametrize("htmx", [False, True])
def test_private_deal_is_not_found(private: Deal, others, who: str, htmx: bool):
    client = others[who]()
    before = Edit.objects.count()
    for address in addresses(private):
        for send in (client.get, client.post):
            query = {"pipeline": Pipeline.objects.get(nimble_id="p-sales").pk, "stage": 1, "value": "5", "body": "x"}
            answer = send(address, query, headers={"HX-Request": "true"} if htmx else {})
            assert answer.status_code in (404, 405), address
            assert SECRET not in answer.content.decode()
    assert Edit.objects.count() == before


def test_without_a_sign_in_everything_leads_to_it(private: Deal):
    pipeline = Pipeline.objects.get(nimble_id="p-sales")
    board = [reverse("deals:index"), reverse("deals:tags"), pipeline.get_absolute_url()]
    for address in [*board, *addresses(private)]:
        answer = Client().get(address)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, reverse("account_login"))
        fragment = Client().get(address, headers={"HX-Request": "true"})
        assert fragment.status_code == 204
        assert fragment.headers["HX-Redirect"].startswith(reverse("account_login"))


def test_colleagues_board_counts_and_tags_leave_it_out(page: Client, private: Deal, others, sales: Pipeline):
    mine = columns(page.get(sales.get_absolute_url()))["Qualify"]
    assert (mine.count, mine.sums) == ("2", ["€200"])
    colleague = others["colleague"]()
    answer = colleague.get(sales.get_absolute_url())
    theirs = columns(answer)["Qualify"]
    assert (theirs.count, theirs.sums) == ("1", ["€100"])
    assert SECRET not in answer.content.decode()
    assert columns(colleague.get(sales.get_absolute_url(), {"q": "takeover"}))["Qualify"].count == "0"
    assert "hush" not in colleague.get(reverse("deals:tags")).content.decode()
    assert "hush" in page.get(reverse("deals:tags")).content.decode()
    assert "Not yet in Nimble" not in answer.content.decode()


@pytest.mark.parametrize("who", ["stranger", "dead grant"])
def test_boards_of_a_workspace_are_its_own(private: Deal, others, sales: Pipeline, who: str):
    client = others[who]()
    stage = sales.stages.first()
    assert stage
    for address in (
        sales.get_absolute_url(),
        reverse("deals:live", args=[sales.pk]),
        reverse("deals:column", args=[sales.pk, stage.pk]),
    ):
        assert client.get(address).status_code == 404
    body = client.get(reverse("deals:index")).content.decode()
    assert "Sales" not in body


def test_dead_grant_is_asked_to_reconnect(keep: Keep, others):
    assert "Reconnect Nimble" in others["dead grant"]().get(reverse("deals:index")).content.decode()


def test_who_never_connected_is_asked_to(db, django_user_model):
    user = django_user_model.objects.create_user("operator")
    assert "Connect your Nimble account" in browser(user).get(reverse("deals:index")).content.decode()


def test_a_deal_that_nimble_refused_to_somebody_is_gone_for_them(page: Client, keep: Keep, connect, sales: Pipeline):
    [row] = keep(deal(1))
    colleague = caught_up(connect(BJORN))
    client = browser(colleague.user)
    assert client.get(row.get_absolute_url()).status_code == 200
    DealSight.objects.create(record=row, connection=colleague, hidden_at=database_now())
    assert client.get(row.get_absolute_url()).status_code == 404
    assert columns(client.get(sales.get_absolute_url()))["Qualify"].count == "0"
    assert columns(page.get(sales.get_absolute_url()))["Qualify"].count == "1"


def test_listed_readers_and_those_whom_nimble_showed_it_see_a_private_deal(keep: Keep, connect, ada: Connection):
    colleague = connect(BJORN)
    listed = {"read": {"user_ids": [colleague.nimble_user_id], "group_ids": []}, "edit": None}
    group = {"read": {"user_ids": [], "group_ids": ["g1"]}, "edit": None}
    one, other = keep(deal(1, privacy=listed), deal(2, privacy=group))
    caught_up(colleague)
    client = browser(colleague.user)
    assert client.get(one.get_absolute_url()).status_code == 200
    assert client.get(other.get_absolute_url()).status_code == 404
    keep(deal(2, privacy=group), connection=colleague)
    assert client.get(other.get_absolute_url()).status_code == 200


def test_a_private_deal_that_is_given_away_stays_its_owners_until_nimble_agrees(
    page: Client, private: Deal, connect, sales: Pipeline
):
    colleague = caught_up(connect(BJORN))
    Member.objects.remember(private.workspace, [{"user_id": colleague.nimble_user_id, "name": colleague.name}])
    answer = page.post(
        reverse("deals:edit", args=[private.pk, "owner"]), {"value": colleague.nimble_user_id}, follow=True
    )
    assert answer.status_code == 200
    private.refresh_from_db()
    assert private.owner_id == colleague.nimble_user_id
    assert page.get(private.get_absolute_url()).status_code == 200
    assert browser(colleague.user).get(private.get_absolute_url()).status_code == 404


def test_no_store_and_one_variant_a_header(page: Client, private: Deal, sales: Pipeline):
    for address in (private.get_absolute_url(), sales.get_absolute_url(), reverse("deals:index")):
        answer = page.get(address)
        assert "no-store" in answer.headers["Cache-Control"]
        assert "HX-Request" in answer.headers["Vary"]
