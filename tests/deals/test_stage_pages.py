"""Stages whose pages are more than one answer may hold: read in smaller ones, down to the deal that is too large."""

import pytest

from deals import pages, queries
from deals.models import Deal
from nimble.models import Connection
from sync import pull
from sync.models import Quarantined, Run
from tests.sandboxes import SandboxServer

BASE = "/api/v2/deals/pipelines/p/deals?sort=created%3Aasc&"


@pytest.mark.parametrize(
    ("url", "smaller"),
    [
        ("limit=100&stage_id=s", "limit=25&stage_id=s"),
        ("limit=100&stage_id=s&page=3", "limit=25&stage_id=s&page=9"),
        ("limit=25&stage_id=s&page=9", "limit=5&stage_id=s&page=41"),
        ("limit=5&stage_id=s&after=x", "limit=1&stage_id=s&after=x"),
        ("limit=1&stage_id=s&page=7", None),
        ("stage_id=s&page=7", None),
        ("limit=ten&stage_id=s", None),
    ],
)
def test_smaller_page_begins_where_the_larger_one_did(url: str, smaller: str | None):
    assert pages.smaller(BASE + url) == (smaller and BASE + smaller)


@pytest.mark.parametrize(
    ("url", "larger"),
    [
        ("limit=1&stage_id=s&page=6", "limit=5&stage_id=s&page=2"),
        ("limit=1&stage_id=s&page=26", "limit=25&stage_id=s&page=2"),
        ("limit=1&stage_id=s&page=101", "limit=100&stage_id=s&page=2"),
        ("limit=5&stage_id=s&page=4", "limit=5&stage_id=s&page=4"),
        ("limit=25&stage_id=s&after=x", "limit=25&stage_id=s&after=x"),
        ("limit=1000&stage_id=s&page=2", "limit=1000&stage_id=s&page=2"),
    ],
)
def test_pages_grow_again_where_a_larger_one_begins(url: str, larger: str):
    assert pages.larger(BASE + url) == BASE + larger


def test_page_after_an_unreadable_one_is_known_by_its_number_alone():
    assert pages.after(BASE + "limit=1&stage_id=s&page=3") == BASE + "limit=1&stage_id=s&page=4"
    assert pages.after(pages.first("p", "s")) == pages.first("p", "s") + "&page=2"
    assert pages.after(BASE + "limit=1&stage_id=s&after=x") is None


@pytest.mark.django_db(transaction=True)
def test_deal_too_large_for_an_answer_is_left_out_by_its_id(ada: Connection, nimble: SandboxServer):
    listed = nimble.objects("deal")
    victim = listed[3]
    nimble.edit("ada@lantern-pine.test", "deal", victim["id"], silent=True, raw={"description": "x" * 21_000_000})
    runs = {run.stream.name: run for run in pull.pull(ada) or []}
    assert runs["deals"].state == Run.State.DONE, runs["deals"].error
    left_out = Quarantined.objects.get()
    assert (left_out.nimble_id, left_out.reason.partition(":")[0]) == (victim["id"], "AnswerTooLarge")
    seen = set(queries.for_user(ada.user).values_list("nimble_id", flat=True))
    assert victim["id"] not in seen
    assert len(seen) == Deal.objects.count() > 30
