"""The filters that reports lead to, on a board's address."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import actions
from deals.models import Deal, Pipeline, Stage
from deals.periods import Period
from nimble.models import Connection
from team.models import Profile
from tests.deals.conftest import Keep, columns
from tests.deals.payloads import deal, went


@pytest.fixture
def three(keep: Keep, sales: Pipeline) -> list[Deal]:
    """One that was won in March, one that was lost after Propose, one that is open since January."""
    way = [went(None, "Qualify", "2024-01-10T10:00:00Z"), went("Qualify", "Propose", "2024-02-10T10:00:00Z")]
    won, lost = went("Propose", "Won", "2024-03-15T10:00:00Z"), went("Propose", "Lost", "2024-04-15T10:00:00Z")
    return keep(
        deal(1, "Won", transitions=[*way, won], values={"actual_close_date": "2024-03-15"}),
        deal(2, "Lost", transitions=[*way, lost], values={"actual_close_date": "2024-04-15"}),
        deal(3, transitions=way[:1], values={"expected_close_date": "2024-09-01"}, created="2024-01-10T10:00:00Z"),
    )


def shown(page: Client, sales: Pipeline, query: str) -> set[str]:
    answer = page.get(reverse("deals:board", args=[sales.pk]) + query)
    cards = {pk for column in columns(answer).values() for pk in column.cards}
    return set(Deal.objects.filter(pk__in=cards).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?status=won", {1}),
        ("?status=lost", {2}),
        ("?status=open", {3}),
        ("?stage=QUALIFY", {3}),
        ("?closed=2024-03-01..2024-03-31", {1}),
        ("?closed=..2024-04-15", {1, 2}),
        ("?closed=2024-04-15", {2}),
        ("?closed=none", {3}),
        ("?closed=..", {1, 2}),
        ("?close=2024-09-01..", {3}),
        ("?created=2024-01-05..2024-01-31", {3}),
        ("?since=2024-03-01..", {1, 2}),
        ("?entered=PROPOSE:2024-02-01..2024-02-28", {1, 2}),
        ("?entered=PROPOSE:2024-03-01..2024-03-28", set()),
        ("?left=PROPOSE:2024-03-01..2024-03-28", {1}),
        ("?currency=eur", {1, 2, 3}),
        ("?currency=none", set()),
        ("?reached=QUALIFY", {1, 2, 3}),
        ("?reached=PROPOSE", {1, 2}),
        ("?reached=WON", {1}),
        ("?status=lost&reason=none", {2}),
        ("?reason=Price", set()),
        ("?status=nonsense&closed=soon&stage=x&entered=1&reached=-1", {1, 2, 3}),
    ],
)
def test_address_leaves_the_deals_it_means(
    page: Client, three: list[Deal], sales: Pipeline, query: str, left: set[int]
):
    for stage in Stage.objects.filter(pipeline=sales):
        query = query.replace(stage.name.upper(), str(stage.pk))
    assert shown(page, sales, query) == {f"Deal {number:03}" for number in left}


def test_chip_says_the_filter_and_takes_it_off(page: Client, three: list[Deal], sales: Pipeline):
    answer = page.get(
        reverse("deals:board", args=[sales.pk]) + "?status=won&closed=2024-03-01..2024-03-31"
    ).content.decode()
    assert "Closed: Mar 1, 2024 – Mar 31, 2024" in answer
    assert '?status=won"' in answer
    assert '<input type="hidden" name="closed" value="2024-03-01..2024-03-31">' in answer


def test_reason_that_was_given_is_found(ada: Connection, page: Client, three: list[Deal], sales: Pipeline):
    lost = Stage.objects.get(pipeline=sales, name="Lost")
    actions.move(author=ada.user, deal=three[2], stage=lost, reason="Price & more")
    assert shown(page, sales, "?reason=Price+%26+more") == {"Deal 003"}
    assert shown(page, sales, "?status=lost&reason=none") == {"Deal 002"}


def test_days_are_those_of_the_portals_time_zone(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, created="2024-01-31T23:30:00Z"))
    with timezone.override("Europe/Berlin"):
        assert Deal.objects.filter(Period.of("2024-02-01").moments("created_in_nimble")).exists()
        assert not Deal.objects.filter(Period.of("2024-01-31").moments("created_in_nimble")).exists()


@pytest.mark.parametrize("text", ["", "2024-02-30", "2024-03-01..2024-02-01", "1..2", "9999-12-31"])
def test_what_is_no_period_is_none(text: str):
    assert Period.of(text) is None


def test_one_day_is_a_period():
    assert Period.of("2024-02-29") == Period(date(2024, 2, 29), date(2024, 2, 29))


def test_stages_that_change_places_change_what_has_reached_them(page: Client, three: list[Deal], sales: Pipeline):
    propose = Stage.objects.get(pipeline=sales, name="Propose")
    address = reverse("deals:board", args=[sales.pk]) + f"?reached={propose.pk}"
    assert columns(page.get(address))["Qualify"].count == "0"
    Stage.objects.filter(pipeline=sales, name="Qualify").update(position=propose.position + 1)
    assert columns(page.get(address))["Qualify"].count == "1"


def test_days_follow_the_persons_time_zone_at_once(ada: Connection, page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, created="2024-01-31T23:30:00Z"))
    assert shown(page, sales, "?created=2024-02-01") == set()
    Profile.objects.update_or_create(user=ada.user, defaults={"time_zone": "Europe/Berlin"})
    assert shown(page, sales, "?created=2024-02-01") == {"Deal 001"}
