"""What reports say of a small world that can be counted by hand; and that each number leads to what it counts."""

import html
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import actions, queries
from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from reports.changes import Between
from reports.figures import REPORTS
from reports.report import Made, Section
from reports.scope import Scope, preset
from team.models import Profile
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, went
from tests.reports.conftest import NOW, at

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def made(connection: Connection, name: str, query: str = "") -> Made:
    return REPORTS[name].make(Scope.of(connection.user, QueryDict(query)))


def table(section: Section) -> dict[str, list[Any]]:
    return {row[0].text: [cell.plain for cell in row[1:]] for row in section.rows}


def texts(section: Section) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row[1:]] for row in section.rows}


def numbers(section: Section) -> dict[str, str]:
    return {number.label: number.text for number in section.numbers}


def test_funnel_counts_how_far_deals_came(ada: Connection):
    [section] = made(ada, "funnel").sections
    assert texts(section) == {
        "Qualify": ["6", "100%", "100%", "€1,580", "$500.50"],
        "Propose": ["4", "66.7%", "66.7%", "€1,300", "$500.50"],
        "Won": ["2", "50%", "33.3%", "€1,000", "$500.50"],
    }
    assert numbers(section)["Won of those begun"] == "33.3%"


@pytest.mark.parametrize(("now", "propose"), [("Qualify", "4"), ("Propose", "5"), ("Lost", "4")])
def test_deal_that_was_opened_again_is_won_no_more(ada: Connection, keep: Keep, now: str, propose: str):
    way = [went(None, "Qualify", at(1, 5)), went("Qualify", "Won", at(2, 5)), went("Won", now, at(3, 5))]
    [again] = keep(deal(8, now, created=at(1, 5), updated=at(5, 1), transitions=way, values={"amount": "50"}))
    [section] = made(ada, "funnel").sections
    came = {stage: row[0] for stage, row in texts(section).items()}
    assert came == {"Qualify": "7", "Propose": propose, "Won": "2"}
    assert numbers(section)["Won of those begun"] == "28.6%"
    listed = section.rows[-1][1].url
    assert again.name not in browser(ada.user).get(listed).content.decode()


def test_won_and_lost_are_by_month_and_currency(ada: Connection):
    euros, dollars = made(ada, "won").sections
    assert texts(euros) == {
        "Mar 2026": ["0", "€0", "0", "€0", "–"],
        "Apr 2026": ["1", "€1,000", "1", "€300", "50%"],
    }
    assert texts(dollars)["Mar 2026"] == ["1", "$500.50", "0", "$0", "100%"]
    assert numbers(euros) == {"Won": "€1,000", "Deals won": "1", "Deals lost": "1", "Win rate": "50%"}


def test_period_and_owner_narrow_a_report(ada: Connection):
    [euros] = made(ada, "won", "period=all&owner=u2").sections
    assert table(euros) == {"Apr 2026": [0, Decimal(0), 1, Decimal(300), 0.0]}
    assert made(ada, "won", "from=2024-02-01&to=2024-02-29").sections[0].foot[3].raw == 1  # type: ignore[index]
    assert made(ada, "won", "from=2023-02-01&to=2023-02-28").sections == []


def test_closed_deals_without_a_date_are_said(ada: Connection, keep: Keep):
    keep(deal(9, "Won"))
    assert made(ada, "won").notes == ["1 closed deals have no closing date in Nimble and are in no month."]


def test_forecast_weighs_by_the_deals_probability_else_the_stages(ada: Connection):
    [section] = made(ada, "forecast").sections
    rows = table(section)
    assert rows["Before this month"] == [1, Decimal(0), Decimal(0)]
    assert rows["May 2026"] == [1, Decimal(200), Decimal(20)]
    assert rows["Jun 2026"] == [1, Decimal(80), Decimal(40)]
    assert "No date" not in rows
    assert len(rows) == 13


def test_forecast_of_nothing_says_so_instead_of_a_chart(ada: Connection):
    assert made(ada, "forecast").sections[0].chart
    Deal.objects.update(expected_close=None)
    [section] = made(ada, "forecast").sections
    assert section.chart is None
    told = browser(ada.user).get(reverse("reports:report", args=["forecast"])).content.decode()
    assert "No amount is expected to come in during the next twelve months." in told


def test_time_in_stage_is_the_middle_stay_and_the_third_quarter(ada: Connection):
    [section] = made(ada, "stays").sections
    # Qualify was left after 10, 10, 59 and 127 days, Propose after 89 and 90.
    assert table(section) == {
        "Qualify": [4, 4, 34.5, 76, 5, 0.0],
        "Propose": [2, 2, 89.5, 89.75, "", ""],
    }


def test_stay_that_began_before_the_mirror_saw_it_is_left_out_and_said(ada: Connection, keep: Keep):
    [row] = keep(deal(9, updated=at(1, 1)))
    keep(deal(9, "Propose", updated=at(5, 1), transitions=[]))
    report = made(ada, "stays")
    assert table(report.sections[0])["Qualify"][:2] == [4, 4]
    assert report.notes == ["1 stays are left out: nobody knows since when they lasted."]
    assert row.moves.count() == 2


def test_ageing_compares_with_what_a_stage_expects(ada: Connection):
    [section] = made(ada, "ageing").sections
    assert list(map(str, section.heads)) == [
        "Stage", "Expected days", "Within expected", "Longer", "Nothing expected", "Late, EUR",
    ]  # fmt: skip
    assert table(section) == {"Qualify": [5, 1, 1, 0, Decimal(200)], "Propose": ["", 0, 0, 1, Decimal(0)]}


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(5, "Within expected"), (6, "Up to twice as long"), (10, "Up to twice as long"), (11, "Longer")],
)
def test_ageing_counts_whole_days(ada: Connection, keep: Keep, days: int, bucket: str):
    Deal.objects.all().delete()
    keep(deal(9, transitions=[went(None, "Qualify", f"{date(2026, 5, 13 - days)}T23:00:00Z")]))
    [section] = made(ada, "ageing").sections
    counts = dict(zip(map(str, section.heads[1:]), (cell.plain for cell in section.rows[0][1:]), strict=True))
    assert counts[bucket] == 1


def test_owners_are_ranked_by_what_they_won(ada: Connection):
    euros, _dollars = made(ada, "owners").sections
    assert texts(euros) == {
        "Olga Owner": ["1", "€1,000", "0", "100%", "€1,000", "3", "€280"],
        "Paul": ["0", "€0", "1", "0%", "€0", "0", "€0"],
    }


def test_reasons_for_losing_are_those_given_here(ada: Connection, world: list[Deal], sales: Pipeline):
    lost = Stage.objects.get(pipeline=sales, name="Lost")
    edit = actions.move(author=ada.user, deal=world[4], stage=lost, reason="=Too dear")
    assert edit
    Deal.objects.filter(pk=world[4].pk).update(actual_close=date(2026, 5, 13))
    [section] = made(ada, "losses").sections
    assert texts(section) == {"=Too dear": ["1", "50%", "€200"], "No reason given": ["1", "50%", "€300"]}


def test_periods_end_with_their_last_day():
    today = date(2026, 5, 13)
    words = {name: str(preset(name, today)) for name in ("month", "last-month", "quarter", "year", "12m", "all")}
    assert words == {
        "month": "2026-05-01..2026-05-31",
        "last-month": "2026-04-01..2026-04-30",
        "quarter": "2026-04-01..2026-06-30",
        "year": "2026-01-01..2026-12-31",
        "12m": "2025-06-01..2026-05-31",
        "all": "..",
    }
    assert str(preset("last-month", date(2026, 1, 1))) == "2025-12-01..2025-12-31"


# --- where numbers lead ---


def behind(page: Client, url: str) -> int:
    answer = page.get(url)
    assert answer.status_code == 200
    found = re.search(r'</span><span class="badge">([\d,]+)</span>', answer.content.decode())
    assert found, url
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("name", sorted(REPORTS))
@pytest.mark.parametrize("query", ["", "period=all", "pipeline={sales}&owner=u1&from=2026-04-01&to=2026-05-31"])
def test_every_number_leads_to_as_many_deals(ada: Connection, page: Client, sales: Pipeline, name: str, query: str):
    followed = 0
    for section in made(ada, name, query.format(sales=sales.pk)).sections:
        for row in [*section.rows, *([section.foot] if section.foot else [])]:
            for cell in row:
                if cell.url and isinstance(cell.raw, int):
                    assert behind(page, cell.url) == cell.raw, (section.title, row[0].text, cell.url)
                    followed += 1
        for number in section.numbers:
            if number.url and number.text.isdecimal():
                assert behind(page, number.url) == int(number.text), number
    assert followed or name == "won-last-month" or "owner" in query


def test_amount_behind_a_number_is_what_the_number_says(ada: Connection, page: Client):
    euros, _dollars = made(ada, "won").sections
    answer = page.get(euros.rows[1][2].url).content.decode()
    assert '<span class="money font-medium">€1,000</span>' in html.unescape(answer)


# --- files ---


def lines(page: Client, name: str, query: str = "") -> list[str]:
    answer = page.get(reverse("reports:export", args=[name]) + query)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    return b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]


def test_file_is_in_the_language_of_its_reader(page: Client, ada: Connection):
    Profile.objects.create(user=ada.user, language="de")
    assert lines(page, "won", "?period=12m")[0].startswith("Teil,Monat,")


def test_file_has_the_rows_of_the_table(page: Client):
    assert lines(page, "won", "?period=12m") == [
        "Part,Month,Won,Amount won,Lost,Amount lost,Win rate",
        "EUR,Mar 2026,0,0,0,0,",
        "EUR,Apr 2026,1,1000.0000,1,300.0000,0.5",
        "Part,Month,Won,Amount won,Lost,Amount lost,Win rate",
        "USD,Mar 2026,1,500.5000,0,0,1.0",
        "USD,Apr 2026,0,0,0,0,",
    ]


def test_file_holds_no_formula(ada: Connection, page: Client, world: list[Deal], sales: Pipeline):
    lost = Stage.objects.get(pipeline=sales, name="Lost")
    actions.move(author=ada.user, deal=world[4], stage=lost, reason="=1+1")
    Deal.objects.filter(pk=world[4].pk).update(actual_close=date(2026, 5, 13))
    assert any(line.startswith(",'=1+1,1,") for line in lines(page, "losses"))


def test_second_row_of_a_deal_is_not_gone_from_nimble(ada: Connection, world: list[Deal]):
    """A pull had brought what a create had made, and the two were joined."""
    now = timezone.now()
    Deal.objects.filter(pk=world[6].pk).update(gone_at=now)
    between = Between(ada.user, queries.laid_out(ada.user), now - timedelta(days=1), now)
    assert between.counts()["gone"] == 1
    Deal.objects.filter(pk=world[6].pk).update(nimble_id=None)
    assert between.counts()["gone"] == 0


def test_forecast_follows_a_stage_that_is_no_longer_open(ada: Connection):
    before = made(ada, "forecast").sections
    Stage.objects.filter(pipeline__nimble_id="p-sales", role="open").update(role="lost")
    assert before
    assert made(ada, "forecast").sections == []


def test_deals_of_nobody_lead_to_no_list_of_everybodys(ada: Connection, keep: Keep):
    keep(deal(9, "Qualify", owner=None, currency="CHF"))
    section = next(one for one in made(ada, "owners").sections if one.title == "CHF")
    assert [(row[0].text, {cell.url for cell in row}) for row in section.rows] == [("Nobody", {""})]
