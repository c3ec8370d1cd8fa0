"""Several cards at once: each by its own right, all taken back as one."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import actions, many
from deals.models import Deal, DealNote, LostReason, Pipeline, Stage
from nimble.models import Connection
from sync import outbox
from sync.models import Batch, Edit, State
from tests.deals.conftest import Keep, browser, columns
from tests.deals.payloads import deal
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def stage(name: str) -> Stage:
    return Stage.objects.get(pipeline__nimble_id="p-sales", name=name)


def do(page: Client, *deals: Deal, **what: Any) -> Any:
    """As the bar under the board sends it."""
    board = {"pipeline": stage("Qualify").pipeline_id, "query": ""}
    return page.post(reverse("deals:many"), {"deal": [one.pk for one in deals], **board, **what}, headers=HTMX)


def said(answer: Any) -> str:
    found = re.search(r'<div class="toast".*?<p>(.*?)</p>', answer.content.decode(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def three(keep: Keep, sales: Pipeline) -> list[Deal]:
    """The last one may not be edited by Ada."""
    return keep(deal(1), deal(2), deal(3, is_editable=False))


def test_move_changes_what_may_be_changed_and_names_the_rest(page: Client, three: list[Deal], sales: Pipeline):
    answer = do(page, *three, stage=stage("Propose").pk)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert said(answer) == f"2 deals are in Propose. You may not edit in Nimble: {three[2].name}."
    assert "Undo these 2" in body
    board = columns(page.get(sales.get_absolute_url()))
    assert (len(board["Propose"].cards), board["Qualify"].cards) == (2, [three[2].pk])
    assert {edit.batch_id for edit in Edit.objects.all()} == {Batch.objects.get().pk}


def test_deal_that_cannot_be_changed_is_named_and_stops_no_other(page: Client, three: list[Deal]):
    # Its create has ended without an answer.
    Deal.objects.filter(pk=three[0].pk).update(nimble_id=None)
    answer = do(page, *three[:2], tag="Hot")
    assert answer.status_code == 200
    assert said(answer).startswith(f"1 deal is tagged Hot. {three[0].name}: Nimble has not told")
    assert Edit.objects.get().record_id == three[1].pk


def test_undo_takes_all_of_it_back(page: Client, three: list[Deal], sales: Pipeline, connect: Connect):
    answer = do(page, *three, stage=stage("Propose").pk)
    address = reverse("deals:undo_many", args=[Batch.objects.get().pk])
    assert f'hx-post="{address}"' in answer.content.decode()
    assert browser(connect(BJORN).user).post(address, headers=HTMX).status_code == 404
    undone = page.post(address, headers=HTMX)
    assert said(undone) == "2 edits were undone."
    assert json.loads(undone.headers["HX-Trigger"])["deals-changed"]["deals"] == [one.pk for one in three[:2]]
    assert set(Edit.objects.values_list("state", flat=True)) == {State.UNDONE}
    assert len(columns(page.get(sales.get_absolute_url()))["Qualify"].cards) == 3
    asked = {"pipeline": sales.pk, "query": "", "deal": [one.pk for one in three]}
    cards = page.get(reverse("deals:many"), asked, headers=HTMX).content.decode()
    assert cards.count(f'data-stage="{stage("Qualify").pk}"') == 3


def test_owner_and_tag_are_given_to_all(page: Client, three: list[Deal]):
    assert said(do(page, *three[:2], owner="u2")) == "2 deals are owned by Paul."
    assert said(do(page, *three[:2], tag="Hot")) == "2 deals are tagged Hot."
    for row in Deal.objects.filter(pk__in=[one.pk for one in three[:2]]):
        assert (row.owner_id, row.tags[-1]) == ("u2", "Hot")
    assert said(do(page, *three[:2], tag="Hot")) == "All of them were tagged Hot already."


def test_tag_that_came_meanwhile_stays(ada: Connection, three: list[Deal]):
    actions.change(author=ada.user, deal=three[0], field="tags", value=["Warm"])
    many.tag(author=ada.user, deals=three[:1], name="Hot")
    assert Deal.objects.get(pk=three[0].pk).tags == ["Warm", "Hot"]


def test_stage_that_asks_for_a_probability_leaves_those_without(page: Client, three: list[Deal]):
    Stage.objects.filter(name="Propose").update(default_probability=None)
    Deal.objects.filter(pk=three[0].pk).update(probability=None)
    Deal.objects.filter(pk=three[1].pk).update(probability=20)
    answer = do(page, *three[:2], stage=stage("Propose").pk)
    asks = f"The stage asks for a probability; move these on their own: {three[0].name}."
    assert said(answer) == f"1 deal is in Propose. {asks}"


@pytest.mark.parametrize("what", [{"stage": "999"}, {"owner": "nobody"}, {"tag": " "}, {"tag": "x" * 256}, {}])
def test_what_makes_no_sense_changes_nothing(page: Client, three: list[Deal], what: dict[str, str]):
    assert do(page, *three, **what).status_code == 409
    assert not Edit.objects.exists()


def test_archived_stage_and_too_many_are_refused(page: Client, three: list[Deal]):
    assert do(page, *three, stage=stage("Old").pk).status_code == 409
    asked = {"pipeline": stage("Old").pipeline_id, "deal": range(1, many.MOST + 2), "tag": "x"}
    assert page.post(reverse("deals:many"), asked, headers=HTMX).status_code == 409
    assert not Edit.objects.exists()


def test_what_one_does_not_see_is_not_touched(page: Client, three: list[Deal]):
    Deal.objects.filter(pk=three[0].pk).update(is_private=True, owner_in_nimble="u9", reader_index="")
    answer = do(page, *three[:2], tag="Hot")
    assert said(answer) == "1 deal is tagged Hot."
    assert three[0].name not in answer.content.decode()


def test_moves_and_their_undo_reach_nimble(mirror: Connection, nimble: SandboxServer):
    public = Deal.objects.filter(is_private=False, sights__connection=mirror, sights__view__is_editable=True)
    deals = [one for one in public.order_by("pk") if one.remote["privacy"]["edit"] is None][:3]
    assert len(deals) > 1
    before = {one.nimble_id: one.tags for one in deals}
    outcome = many.tag(author=mirror.user, deals=deals, name="bulk")
    assert outcome.batch is not None
    assert outbox.deliver() == len(deals)
    told = [nimble.object("deal", one.nimble_id or "")["tags"] for one in deals]
    assert all("bulk" in json.dumps(tags) for tags in told)
    browser(mirror.user).post(reverse("deals:undo_many", args=[outcome.batch.pk]), headers=HTMX)
    assert outbox.deliver() == len(deals)
    assert {one.nimble_id: one.tags for one in Deal.objects.filter(pk__in=[one.pk for one in deals])} == before


def test_reason_for_losing_several_is_asked_once_and_told_on_each(page: Client, three: list[Deal], sales: Pipeline):
    lost, reason = stage("Lost"), LostReason.objects.get(pipeline=sales, text="No answer")
    asked = page.get(reverse("deals:lose_many", args=[sales.pk]), {"stage": lost.pk}, headers=HTMX)
    assert asked.status_code == 200
    assert f'<option value="{reason.pk}">{reason.text}</option>' in asked.content.decode()
    answer = do(page, *three[:2], stage=lost.pk, reason=reason.pk)
    assert said(answer) == "2 deals are in Lost."
    assert "close-dialog" in answer.headers["HX-Trigger"]
    assert set(DealNote.objects.values_list("deal_id", "title")) == {
        (one.pk, f"Lost: {reason.text}") for one in three[:2]
    }


def test_another_pipelines_reason_is_told_nowhere(page: Client, three: list[Deal], sales: Pipeline):
    other = LostReason.objects.create(
        pipeline=Pipeline.objects.get(nimble_id="p-partners"), nimble_id="r-x", text="Theirs"
    )
    do(page, three[0], stage=stage("Lost").pk, reason=other.pk)
    assert not DealNote.objects.exists()


def test_only_losing_asks_for_a_reason(page: Client, three: list[Deal], sales: Pipeline):
    address = reverse("deals:lose_many", args=[sales.pk])
    assert page.get(address, {"stage": stage("Propose").pk}).status_code == 404
