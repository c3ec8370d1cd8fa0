"""A board whose columns are the team: what stands in them, and what a drop there changes."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals.models import Deal, Pipeline
from sync.models import Edit
from tests.deals.conftest import Keep, columns
from tests.deals.payloads import deal

HTMX = {"HX-Request": "true"}
OLGA, PAUL = {"user_id": "u1", "name": "Olga Owner"}, {"user_id": "u2", "name": "Paul"}


def board(page: Client, sales: Pipeline, **more: Any) -> dict[str, Any]:
    return columns(page.get(sales.get_absolute_url(), {"group": "owner", **more}))


def give(page: Client, row: Deal, owner: str, **data: Any) -> Any:
    """As the board's script sends it."""
    sent = {"stage": owner, "pipeline": Pipeline.objects.get(nimble_id="p-sales").pk, "query": "?group=owner", **data}
    return page.post(reverse("deals:give", args=[row.pk]), sent, headers=HTMX)


@pytest.fixture
def rows(keep: Keep, sales: Pipeline) -> list[Deal]:
    """Two of Olga's, one of Paul's that is won, one of somebody who has left, one of nobody."""
    return keep(
        deal(1, "Qualify", owner=OLGA, values={"amount": "100"}),
        deal(2, "Propose", owner=OLGA, values={"amount": "50"}),
        deal(3, "Won", owner=PAUL),
        deal(4, "Qualify", owner={"user_id": "u9", "name": ""}),
        deal(5, "Qualify", owner=None),
    )


def test_columns_are_the_team_with_the_open_deals_and_their_sums(page: Client, rows: list[Deal], sales: Pipeline):
    found = board(page, sales)
    assert set(found["Olga Owner"].cards) == {rows[0].pk, rows[1].pk}
    assert (found["Olga Owner"].count, found["Olga Owner"].sums) == ("2", ["€150"])
    assert (found["Paul"].count, found["Paul"].cards) == ("0", [])
    assert found["Left the team (1)"].cards == [rows[3].pk]
    assert found["No owner"].cards == [rows[4].pk]


def test_cards_say_their_stage_and_filters_narrow_them(page: Client, rows: list[Deal], sales: Pipeline):
    answer = page.get(sales.get_absolute_url(), {"group": "owner"}).content.decode()
    card = re.search(rf'id="deal-{rows[1].pk}".*?</li>', answer, re.DOTALL)
    assert card
    assert '<p class="c">Propose' in card[0]
    assert board(page, sales, owner="u2")["Olga Owner"].cards == []


def test_drop_gives_it_to_the_owner_and_undo_brings_it_back(page: Client, rows: list[Deal], sales: Pipeline):
    answer = give(page, rows[0], "u2", seen="u1")
    body = answer.content.decode()
    assert answer.status_code == 200
    assert re.search(rf'id="deal-{rows[0].pk}"[^>]*hx-swap-oob="true" data-stage="u2"', body)
    assert f"{rows[0].name} is owned by Paul." in body
    assert Edit.objects.get().fields == {"owner": {"base": "u1", "new": "u2"}}
    assert board(page, sales)["Paul"].cards == [rows[0].pk]
    undo = re.search(r'hx-post="([^"]*/undo/[^"]*)"', body)
    assert undo
    assert page.post(undo[1], headers=HTMX).status_code == 200
    assert rows[0].pk in board(page, sales)["Olga Owner"].cards


@pytest.mark.parametrize("owner", ["u9", "nobody", "", "x" * 100])
def test_nothing_is_given_to_whom_the_team_has_not(page: Client, rows: list[Deal], owner: str):
    answer = give(page, rows[0], owner)
    assert answer.status_code == 409
    assert "There is no such person in the team any more." in answer.content.decode()
    assert not Edit.objects.exists()


def test_what_may_not_be_edited_is_not_given_away(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1, owner=OLGA, is_editable=False))
    assert give(page, row, "u2").status_code == 409
    assert not Edit.objects.exists()


def test_rest_of_an_owners_column_is_fetched(page: Client, keep: Keep, sales: Pipeline):
    keep(*(deal(n, owner=OLGA) for n in range(1, 61)))
    answer = page.get(sales.get_absolute_url(), {"group": "owner"}).content.decode()
    first = re.findall(r'<li class="card" id="deal-(\d+)"', answer)
    more = re.search(r'<li class="more" hx-get="([^"]*)"', answer)
    assert more
    rest = re.findall(
        r'<li class="card" id="deal-(\d+)"', page.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()
    )
    assert len(first) == 50
    assert len({*first, *rest}) == 60


def test_column_choice_is_linked_with_the_filters_kept(page: Client, rows: list[Deal], sales: Pipeline):
    answer = page.get(sales.get_absolute_url(), {"tag": "renewal"}).content.decode()
    assert f'href="{sales.get_absolute_url()}?tag=renewal&amp;group=owner"' in answer
