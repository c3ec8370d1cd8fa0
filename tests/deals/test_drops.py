"""What a drop on the board is answered: the card and the figures that it touched; the others follow at once."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from deals.models import Deal, Pipeline, Stage
from tests.browser import Open
from tests.deals.conftest import Keep, columns
from tests.deals.payloads import deal

HTMX = {"HX-Request": "true"}
OLGA = {"user_id": "u1", "name": "Olga Owner"}
HEAD = re.compile(r'<header id="head-([^"]+)"[^>]*>(.*?)</header>', re.DOTALL)


def heads(answer: Any) -> dict[str, str]:
    return dict(HEAD.findall(answer.content.decode()))


@pytest.fixture
def rows(keep: Keep, sales: Pipeline) -> list[Deal]:
    """Of each column several, in two currencies."""
    return keep(
        *(
            deal(
                n,
                ("Qualify", "Propose", "Won")[n % 3],
                owner=OLGA,
                values={"amount": str(n), "expected_close_date": "2099-01-01" if n % 2 else None},
                currency=("EUR", "USD")[n % 2],
            )
            for n in range(12)
        )
    )


def stage(name: str) -> str:
    return str(Stage.objects.get(pipeline__nimble_id="p-sales", name=name).pk)


@pytest.mark.parametrize("kind", ["stage", "owner", "month"])
def test_drop_brings_the_figures_of_the_touched_columns_alone(
    page: Client, rows: list[Deal], sales: Pipeline, kind: str
):
    action, seen, to = {
        "stage": ("move", stage("Qualify"), stage("Won")),
        "owner": ("give", "u1", "u2"),
        "month": ("reschedule", "none", "later"),
    }[kind]
    query = "" if kind == "stage" else f"?group={kind}"
    before = heads(page.get(sales.get_absolute_url() + query))
    sent = {"stage": to, "seen": seen, "pipeline": sales.pk, "query": query}
    answer = page.post(reverse(f"deals:{action}", args=[rows[0].pk]), sent, headers=HTMX)
    after = heads(page.get(sales.get_absolute_url() + query))
    assert heads(answer) == {one: after[one] for one in (seen, to)}
    assert {one for one in after if before[one] != after[one]} == {seen, to}
    assert f'data-stage="{to}"' in answer.content.decode()
    assert "live-now" in answer.headers["HX-Trigger"]
    assert 'id="stats"' not in answer.content.decode()


def test_filters_hold_for_the_figures_of_a_drop(page: Client, rows: list[Deal], sales: Pipeline):
    seen, to, query = stage("Qualify"), stage("Won"), "?owner=u2"
    sent = {"stage": to, "seen": seen, "pipeline": sales.pk, "query": query}
    answer = page.post(reverse("deals:move", args=[rows[0].pk]), sent, headers=HTMX)
    assert {re.search(r'class="n">(\d+)', head)[1] for head in heads(answer).values()} == {"0"}  # type: ignore[index]


@pytest.mark.parametrize("group", ["owner", "month"])
def test_move_to_a_stage_brings_the_card_of_a_board_that_has_other_columns(
    page: Client, rows: list[Deal], sales: Pipeline, group: str
):
    sent = {"stage": stage("Propose"), "seen": stage("Qualify"), "pipeline": sales.pk, "query": f"?group={group}"}
    answer = page.post(reverse("deals:move", args=[rows[0].pk]), sent, headers=HTMX)
    column = {"owner": "u1", "month": "none"}[group]
    assert f'data-editable="1" hx-swap-oob="true" data-stage="{column}"' in answer.content.decode()
    assert heads(answer) == heads(page.get(sales.get_absolute_url() + f"?group={group}"))


def test_drop_out_of_an_archived_stage_is_answered(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1, "Old"))
    sent = {"stage": stage("Won"), "seen": stage("Old"), "pipeline": sales.pk, "query": ""}
    answer = page.post(reverse("deals:move", args=[row.pk]), sent, headers=HTMX)
    assert list(heads(answer)) == [stage("Won")]
    assert "Old (archived)" not in columns(page.get(sales.get_absolute_url()))


def test_summary_follows_a_drop_at_once(open_: Open, board: Pipeline, row: Deal):
    page = open_("/deals/")
    # Who does not look at the page asks once a minute.
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => true })")
    with page.expect_response(lambda answer: "/live/" in answer.url):
        page.goto(page.url.split("/deals/")[0] + board.get_absolute_url())
    going = page.locator("#open-count")
    count = int(going.inner_text().split()[0])
    expect(page.locator("#stats")).not_to_contain_text("Not yet in Nimble")
    page.locator(f"#deal-{row.pk}").focus()
    page.keyboard.press("m")
    page.get_by_role("menuitemradio", name="Won").or_(page.get_by_role("menuitem", name="Won")).first.click()
    expect(going).to_have_text(f"{count - 1} open")
    expect(page.locator("#stats")).to_contain_text("Not yet in Nimble")
