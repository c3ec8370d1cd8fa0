"""The board: columns in Nimble's order, figures over all deals, filters, statements."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crmportal import formats
from deals import queries
from deals.filters import ORDERS
from deals.models import Deal, Pipeline
from deals.totals import add_up
from nimble.models import Connection
from sync import pull
from sync.models import Stream
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser, columns, pk_of
from tests.deals.payloads import deal, related, went
from tests.factories import caught_up
from tests.people import BJORN


def address(pipeline: Pipeline) -> str:
    return reverse("deals:board", args=[pipeline.pk])


def test_columns_in_nimbles_order_with_final_ones_last(page: Client, sales: Pipeline):
    assert list(columns(page.get(address(sales)))) == ["Qualify", "Propose", "Won", "Lost"]


def test_screen_reader_hears_one_deal_and_several(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1), deal(2, "Propose"), deal(3, "Propose"))
    body = page.get(address(sales)).content.decode()
    said = re.findall(r'<span class="n">(\d+)<span class="sr-only"> (\w+)</span>', body)
    assert set(said) == {("1", "deal"), ("2", "deals"), ("0", "deals")}


def test_archived_stage_only_while_it_holds_deals(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, "Old"))
    answer = page.get(address(sales))
    assert list(columns(answer)) == ["Qualify", "Old (archived)", "Propose", "Won", "Lost"]
    assert 'data-drop="' + str(sales.stages.get(name="Old").pk) not in answer.content.decode()


def test_index_leads_to_the_default_pipeline_then_to_the_last_one(page: Client, sales: Pipeline):
    assert page.get("/deals/").headers["Location"] == address(sales)
    partners = Pipeline.objects.get(nimble_id="p-partners")
    page.get(address(partners))
    assert page.get("/deals/").headers["Location"] == address(partners)


def test_cards_newest_first_then_by_id(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n) for n in (1, 3, 2)])
    keep(deal(4, updated=None), deal(5, updated=None))
    assert columns(page.get(address(sales)))["Qualify"].cards == [pk_of(f"d{n}") for n in (3, 2, 1, 5, 4)]


def test_figures_by_currency_over_all_deals(page: Client, keep: Keep, sales: Pipeline):
    keep(
        *[deal(n, values={"amount": "0.1"}) for n in range(60)],
        deal(70, values={"amount": None}),
        deal(71, values={"amount": "1000"}, currency="JPY"),
        deal(72, "Won", values={"amount": "5"}, currency="USD"),
    )
    shown = columns(page.get(address(sales)))
    assert (shown["Qualify"].count, shown["Qualify"].sums) == ("62", ["€6", "¥1,000"])
    assert (shown["Won"].count, shown["Won"].sums) == ("1", ["$5"])
    assert len(shown["Qualify"].cards) == 50


def test_totals_exact_for_amounts_that_binary_fractions_miss(ada: Connection, keep: Keep):
    keep(*[deal(n, values={"amount": "1234567.01"}) for n in range(30)], deal(40, values={"amount": "0.0001"}))
    [total] = add_up(lambda: queries.for_user(ada.user), "all of Ada's")
    assert (total.count, total.amount) == (31, Decimal("37037010.3001"))


def test_filters_narrow_cards_and_figures(page: Client, keep: Keep, sales: Pipeline):
    keep(
        deal(1, values={"name": "Émile's crane", "amount": "7"}, tags=["best,premium"]),
        deal(2, owner={"user_id": "u2", "name": "Paul"}, tags=["best"]),
        deal(3, "Won"),
    )

    def shown(**query: str) -> dict[str, list[int]]:
        return {name: one.cards for name, one in columns(page.get(address(sales), query)).items() if one.cards}

    assert shown(q="emile CRANE") == {"Qualify": [pk_of("d1")]}
    assert shown(owner="u2") == {"Qualify": [pk_of("d2")]}
    assert shown(tag="best") == {"Qualify": [pk_of("d2")]}
    assert columns(page.get(address(sales), {"q": "crane"}))["Qualify"].sums == ["€7"]
    hidden = page.get(address(sales), {"q": "nothing like it", "owner": "¡no!", "tag": "\x00"})
    assert "The filters hide every deal." in hidden.content.decode()


def test_filter_finds_through_related_contacts_that_one_sees(
    page: Client, ada: Connection, connect, keep: Keep, sales: Pipeline
):
    private = {"read": {"user_ids": [], "group_ids": []}, "edit": None}
    keep(contact(1, fields={"last name": [item("Zimmermann")]}, privacy=private), kind="contact")
    keep(deal(1, related_contacts=[related("c1", "Ada Zimmermann")]))
    assert columns(page.get(address(sales), {"q": "zimmermann"}))["Qualify"].count == "1"
    other = browser(caught_up(connect(BJORN)).user)
    body = other.get(address(sales)).content.decode()
    assert "Deal 001" in body
    assert "Zimmermann" not in body
    assert columns(other.get(address(sales), {"q": "zimmermann"}))["Qualify"].count == "0"
    assert "Ada Zimmermann" in page.get(address(sales)).content.decode()


def test_address_after_filtering_has_no_empty_fields(page: Client, sales: Pipeline):
    query = {"q": "a b", "owner": "", "tag": ""}
    answer = page.get(address(sales), query, headers={"HX-Request": "true"})
    assert answer.headers["HX-Push-Url"] == address(sales) + "?q=a+b"


def test_summary_strip(page: Client, keep: Keep, sales: Pipeline):
    today = timezone.localdate().isoformat()
    keep(deal(1, values={"expected_close_date": today}), deal(2, "Won", values={"expected_close_date": today}))
    page.post(reverse("deals:edit", args=[pk_of("d1"), "amount"]), {"value": "250"})
    stats = re.search(r'<dl class="stats".*?</dl>', page.get(address(sales)).content.decode(), re.DOTALL)
    assert stats
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", stats[0]) == [
        ("Open", "€250"),
        ("Closing this month", "1"),
        ("Not yet in Nimble, from everybody", "1"),
    ]


@pytest.mark.parametrize("count", [1, 3, 300])
def test_board_takes_ten_statements(page: Client, keep: Keep, sales: Pipeline, count: int, django_assert_num_queries):
    keep(contact(1), kind="contact")
    stages = ("Qualify", "Propose", "Won", "Lost")
    cards = [deal(n, stages[n % 4], related_contacts=[related("c1", "x")], tags=["t"]) for n in range(count)]
    keep(*cards)
    page.get(address(sales))
    with django_assert_num_queries(10):
        answer = page.get(address(sales))
    shown = columns(answer)
    assert sum(int(one.count) for one in shown.values()) == count
    assert sum(len(one.cards) for one in shown.values()) == min(count, 200)
    assert answer.content.decode().count('<p class="c">') == min(count, 200)


def test_what_may_not_be_edited_is_shown_so(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, is_editable=False), deal(2))
    body = page.get(address(sales)).content.decode()
    locked, free = (re.search(rf'<li class="card" id="deal-{pk_of(one)}".*?</li>', body) for one in ("d1", "d2"))
    assert locked
    assert free
    assert 'data-editable="0"' in locked[0]
    assert 'class="v"' not in locked[0]
    assert 'data-editable="1"' in free[0]
    assert 'class="v"' in free[0]


def test_age_against_the_stages_expected_days(page: Client, keep: Keep, sales: Pipeline):
    days = [(timezone.now() - timedelta(days=n)).isoformat() for n in (3, 8)]
    keep(*[deal(n, transitions=[went(None, "Qualify", when)]) for n, when in enumerate(days)])
    body = page.get(address(sales)).content.decode()
    assert re.findall(r'<span class="(age[^"]*)"[^>]*>([^<]*)', body) == [("age old", "8d"), ("age", "3d")]
    assert f"In this stage since {formats.day(timezone.now() - timedelta(days=8))}" in body


def test_first_sync_is_shown_on_the_board(page: Client, ada: Connection, keep: Keep, sales: Pipeline):
    Stream.objects.filter(connection=ada, name="deals").update(completed_at=None)
    assert "deals are still arriving" in page.get(address(sales)).content.decode()


def test_before_the_first_sync(ada: Connection):
    pull.ensure_streams(ada)
    body = browser(ada.user).get("/deals/").content.decode()
    assert "Your deals are on their way" in body
    assert 'hx-trigger="every 2s"' in body


def test_without_pipelines(ada: Connection, keep: Keep):
    Pipeline.objects.update(gone_at=timezone.now())
    assert "No pipelines yet" in browser(ada.user).get("/deals/").content.decode()


def test_board_in_german(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, values={"amount": "1250.5"}))
    body = page.get(address(sales), headers={"Accept-Language": "de"}).content.decode()
    assert "1.250,50\xa0€" in body


HTMX = {"HX-Request": "true"}
MORE = re.compile(r'<li class="more" hx-get="([^"]*)"')
CARD = re.compile(r'<li class="card" id="deal-(\d+)"[^>]*?(hx-swap-oob="true")?( data-stage="\d+")?>')


def scrolled(
    page: Client, pipeline: Pipeline, meanwhile=lambda _number: None, **query: str
) -> tuple[list[int], set[int]]:
    """The cards of the first column down to its last one, in the order in which they came; and those that came above.

    `meanwhile` is called before each of the column's pages.
    """
    body = page.get(address(pipeline), query).content.decode().partition('<section class="column"')[2]
    body = body.partition('<section class="column"')[0]
    listed, above, number = [], set(), 0
    while True:
        for pk, oob, _stage in CARD.findall(body):
            if oob:
                above.add(int(pk))
            else:
                listed.append(int(pk))
        more = MORE.search(body)
        if not more:
            return listed, above
        meanwhile(number)
        number += 1
        body = page.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()


def test_scrolling_5000_cards_shows_each_once_while_fifty_move(page: Client, keep: Keep, sales: Pipeline):
    for first in range(0, 5100, 300):
        keep(*[deal(n, "Qualify" if n < 5000 else "Propose") for n in range(first, first + 300)])
    Deal.objects.filter(nimble_id__in=[f"d{n}" for n in range(0, 5000, 100)]).update(updated_in_nimble=None)
    stamp = iter(range(10_000))
    out, into = list(range(17, 5000, 100)), list(range(5000, 5050))

    def move(number: int) -> None:
        """Before every other page one leaves and one comes, and one that was shown changes."""
        if number % 2 == 0 and out:
            # In turn from the top and from the bottom: of what was shown and of what was not.
            left = out.pop(0 if number % 4 else -1)
            later = [f"2025-03-01T{n // 60:02}:{n % 60:02}:00+0000" for n in (next(stamp), next(stamp), next(stamp))]
            keep(deal(left, "Propose", updated=later[0]), deal(into.pop(), updated=later[1]))
            keep(deal(4999 - number // 2, updated=later[2]))

    listed, above = scrolled(page, sales, move)
    assert not out
    there = set(Deal.objects.filter(stage_nimble_id="s-qualify").values_list("pk", flat=True))
    left = set(Deal.objects.filter(nimble_id__in=[f"d{n}" for n in range(17, 5000, 100)]).values_list("pk", flat=True))
    assert len(there) == 5000
    assert len(listed) == len(set(listed))
    # Listed once, or brought to the top; of those that left, what was on the page by then.
    assert set(listed) | above == there | (set(listed) & left)
    assert {pk_of(f"d{n}") for n in range(5000, 5050)} <= above


@pytest.mark.parametrize("sort", ["", "amount", "close", "name", "age"])
def test_each_order_shows_every_card_once_and_those_without_a_value_last(
    page: Client, keep: Keep, sales: Pipeline, sort: str
):
    days = [(timezone.now() - timedelta(days=n)).isoformat() for n in range(5)]
    keep(
        *[
            deal(
                n,
                values={
                    "name": f"Deal {n * 37 % 11}",
                    "amount": str(n * 53 % 7) if n % 3 else None,
                    "expected_close_date": f"2026-05-{n % 9 + 1:02}" if n % 3 else None,
                },
                updated=deal(n)["updated"] if n % 3 else None,
                transitions=[went(None, "Qualify", days[n % 5])] if n % 3 else [],
            )
            for n in range(170)
        ]
    )
    listed, above = scrolled(page, sales, sort=sort)
    order = ORDERS[sort]
    rows = {deal.pk: getattr(deal, order.column) for deal in Deal.objects.all()}
    assert sorted(listed) == sorted(rows)
    assert not above
    shown = [rows[pk] for pk in listed]
    known = [value for value in shown if value is not None]
    assert shown == sorted(known, reverse=order.descending) + [None] * (len(shown) - len(known))


@pytest.mark.parametrize("sort", ORDERS)
def test_each_order_is_read_from_an_index(page: Client, sales: Pipeline, sort: str):
    if database.vendor != "sqlite":
        pytest.skip("only on SQLite: PostgreSQL chooses an index by the number of rows, see tests/bench")
    where = address(sales) + f"?sort={sort}"
    page.get(where)
    with CaptureQueriesContext(database) as asked:
        page.get(where)
    [first] = [one["sql"] for one in asked if "UNION ALL" in one["sql"]]
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {first}")
        plan = [row[-1] for row in cursor.fetchall()]
    assert sum(f"INDEX deal_stage_{sort or 'updated'} " in step for step in plan) == sales.stages.count() - 1
    # The cards once they have been found: no column.
    assert sum("TEMP B-TREE FOR ORDER BY" in step for step in plan) == 1


def test_card_that_comes_above_under_an_order_is_brought_there(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n, values={"amount": str(n)}) for n in range(120)])
    [dear] = keep(deal(500, "Propose", values={"amount": "1000"}))
    listed, above = scrolled(page, sales, lambda _number: keep(deal(500, values={"amount": "1000"})), sort="amount")
    assert above == {dear.pk}
    assert len(listed) == len(set(listed)) == 120


def show(page: Client, pipeline: Pipeline, **data: object):
    came = "http://testserver" + address(pipeline) + "?owner=u1&sort=amount"
    return page.post(reverse("deals:display", args=[pipeline.pk]), data, headers={"Referer": came})


def test_card_shows_what_the_person_chose_on_this_board_alone(page: Client, connect, keep: Keep, sales: Pipeline):
    values = {"expected_close_date": "2026-05-06", "probability": "40"}
    keep(deal(1, values=values, tags=["big"], transitions=[went(None, "Qualify")]))
    parts = {
        "owner": 'class="avatar',
        "tags": 'class="g"',
        "close": "<time",
        "probability": 'title="Probability"',
        "age": 'class="age',
    }

    def seen(by: Client) -> set[str]:
        card = re.search(r'<li class="card".*?</li>', by.get(address(sales)).content.decode())
        assert card
        return {name for name, part in parts.items() if part in card[0]}

    assert seen(page) == {"owner", "tags", "close", "age"}
    answer = show(page, sales, fields=["probability", "tags", "nonsense"])
    assert answer.headers["Location"] == address(sales) + "?owner=u1&sort=amount"
    assert seen(page) == {"probability", "tags"}
    show(page, sales, fields=["probability", "tags"], compact="on")
    assert seen(page) == {"probability"}
    assert "data-compact" in page.get(address(sales)).content.decode()
    assert seen(browser(caught_up(connect(BJORN)).user)) == {"owner", "tags", "close", "age"}
    assert "data-compact" not in page.get(address(Pipeline.objects.get(nimble_id="p-partners"))).content.decode()


def test_column_stays_folded_for_the_person_who_folded_it(page: Client, connect, keep: Keep, sales: Pipeline):
    one, other = sales.stages.filter(name__in=["Qualify", "Propose"])
    show(page, sales, fields=["owner"], compact="on")

    def folded(by: Client) -> list[int]:
        body = by.get(address(sales)).content.decode()
        assert body.count('aria-expanded="false"') == body.count('class="column folded"')
        return [int(pk) for pk in re.findall(r'class="column folded" id="stage-(\d+)"', body)]

    for stage in (one, other):
        assert show(page, sales, stage=stage.pk, folded="1").status_code == 204
    assert folded(page) == [one.pk, other.pk]
    show(page, sales, stage=one.pk, folded="0")
    assert folded(page) == [other.pk]
    assert "data-compact" in page.get(address(sales)).content.decode()
    assert folded(browser(caught_up(connect(BJORN)).user)) == []
    elsewhere = Pipeline.objects.get(nimble_id="p-partners").stages.first()
    assert elsewhere
    assert show(page, sales, stage=elsewhere.pk, folded="1").status_code == 404


def test_unknown_order_is_the_usual_one(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1), deal(2))
    answer = page.get(address(sales), {"sort": "nonsense"})
    assert columns(answer)["Qualify"].cards == [pk_of("d2"), pk_of("d1")]


def test_tombstones_are_not_shown(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1))
    Deal.objects.update(gone_at=timezone.now())
    assert columns(page.get(address(sales)))["Qualify"].count == "0"
