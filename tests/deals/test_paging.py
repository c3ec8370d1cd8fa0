"""The rest of a column: every card once, none missed, while others move."""

import re

from django.test import Client
from django.urls import reverse

from deals.models import Deal, Pipeline
from tests.deals.conftest import Keep, columns, pk_of
from tests.deals.payloads import deal

HTMX = {"HX-Request": "true"}
LISTED = re.compile(r'<li class="card" id="deal-(\d+)"[^>]*data-editable="\d">')
ARRIVED = re.compile(r'<li class="card" id="deal-(\d+)"[^>]*hx-swap-oob="true"')
MORE = re.compile(r'<li class="more" hx-get="([^"]*)"')


def first(page: Client, pipeline: Pipeline) -> tuple[list[int], str]:
    """The first cards of the first column, and the address of the rest."""
    answer = page.get(reverse("deals:board", args=[pipeline.pk]))
    return columns(answer)["Qualify"].cards, rest(answer.content.decode())


def rest(body: str) -> str:
    found = MORE.search(body)
    return found[1].replace("&amp;", "&") if found else ""


def test_every_card_once_with_equal_and_missing_stamps(page: Client, keep: Keep, sales: Pipeline):
    same = "2025-01-01T00:00:00+0000"
    keep(*[deal(n, updated=None if n % 3 == 0 else same if n % 3 == 1 else deal(n)["updated"]) for n in range(170)])
    seen, more = first(page, sales)
    pages = 1
    while more:
        body = page.get(more, headers=HTMX).content.decode()
        seen += [int(pk) for pk in LISTED.findall(body)]
        assert not ARRIVED.search(body)
        more = rest(body)
        pages += 1
    assert pages == 4
    assert len(seen) == len(set(seen)) == 170


def test_none_twice_and_none_missed_while_others_move(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n) for n in range(170)])
    seen, more = first(page, sales)
    # Somebody changes one that was shown and one that was not, moves one away, and a new one comes.
    later = "2025-02-01T00:00:00+0000"
    keep(
        deal(169, updated=later),
        deal(5, updated=later),
        deal(6, "Propose", updated=later),
        deal(300, updated=later),
    )
    listed, arrived = list(seen), set()
    while more:
        body = page.get(more, headers=HTMX).content.decode()
        listed += [int(pk) for pk in LISTED.findall(body)]
        arrived |= {int(pk) for pk in ARRIVED.findall(body)}
        more = rest(body)
    assert len(listed) == len(set(listed))
    # Those that came out-of-band take the place of a card that is there, or the top of the column.
    assert arrived == {pk_of("d169"), pk_of("d5"), pk_of("d300")}
    there = set(Deal.objects.filter(stage_nimble_id="s-qualify").values_list("pk", flat=True))
    assert set(listed) | arrived == there
    assert len(there) == 170


def test_filters_hold_for_the_rest(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n, tags=["even"] if n % 2 == 0 else []) for n in range(140)])
    answer = page.get(reverse("deals:board", args=[sales.pk]), {"tag": "even"})
    more = rest(answer.content.decode())
    body = page.get(more, headers=HTMX).content.decode()
    assert "tag=even" in more
    assert {int(pk) for pk in LISTED.findall(body)} == {pk_of(f"d{n}") for n in range(0, 40, 2)}
    assert rest(body) == ""


def test_without_javascript_the_rest_is_a_page(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n) for n in range(51)])
    _cards, more = first(page, sales)
    body = page.get(more).content.decode()
    assert body.count('<li class="card"') == 1
    assert "<h1" in body


def test_nonsense_as_a_place_shows_the_beginning(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1))
    stage = sales.stages.get(name="Qualify")
    address = reverse("deals:column", args=[sales.pk, stage.pk])
    for place in ("", "nonsense", "W10", "WyJ4IiwgMV0"):
        body = page.get(address, {"after": place, "top": place}, headers=HTMX).content.decode()
        assert LISTED.findall(body) == [str(pk_of("d1"))]


def test_a_stage_of_another_pipeline_is_not_found(page: Client, sales: Pipeline):
    other = Pipeline.objects.get(nimble_id="p-partners").stages.first()
    assert other
    assert page.get(reverse("deals:column", args=[sales.pk, other.pk])).status_code == 404
