"""Changing many deals of a table: a dry run first, then in a worker, paused, stopped, taken back whole."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import bulk, losses
from deals.models import Deal, DealNote, LostReason, Pipeline, Stage
from nimble.models import Connection
from sync import batches, outbox
from sync.models import Batch, Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer


def post(page: Client, pipeline: Pipeline, deals: list[Deal], **data: Any) -> Any:
    chosen = {"deals": ",".join(str(one.pk) for one in deals), "query": "", **data}
    return page.post(reverse("deals:bulk", args=[pipeline.pk]), chosen)


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def three(keep: Keep, sales: Pipeline) -> list[Deal]:
    """The last one may not be edited by Ada."""
    return keep(deal(1, values={"amount": "10"}), deal(2, values={"amount": "20"}), deal(3, is_editable=False))


def test_dry_run_says_what_would_change_and_changes_nothing(page: Client, three: list[Deal], sales: Pipeline):
    said = text(post(page, sales, three, field="amount", value="20", preview="1"))
    assert "Amount: 1 of 3 change." in said
    assert "1 is so already." in said
    assert f"You may not edit in Nimble: {three[2].name}" in said
    assert "2 requests to Nimble: at least 1 sec at the present pace." in said
    assert not Edit.objects.exists()
    assert not Batch.objects.exists()


def test_dry_run_lists_the_deals_with_old_and_new_value(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(*(deal(n, tags=["a"], values={"amount": str(n)}) for n in range(1, 24)))
    said = text(post(page, sales, rows, field="amount", value="20.5", preview="1"))
    listed = re.findall(r"Deal (\d+) : (€\S+) → (€\S+)", said)
    assert listed == [(f"{n:03}", f"€{n}", "€20.50") for n in range(1, 21)]
    assert "and 3 more" in said
    assert "Deal 001 : a → a, b" in text(post(page, sales, rows, field="tags", value="b", how="add", preview="1"))
    stage = Stage.objects.get(pipeline=sales, name="Propose")
    said = text(post(page, sales, rows[:1], field="stage", value=stage.pk, preview="1"))
    assert "Deal 001 : Qualify → Propose" in said
    assert "and " not in said.partition("What will change")[2].partition("requests")[0]
    assert "Deal 001 : €1 → empty" in text(post(page, sales, rows[:1], field="amount", value="", preview="1"))


def test_page_of_a_change_says_what_was_changed_and_is_where_undo_leads(
    page: Client, three: list[Deal], sales: Pipeline
):
    for data, told in (
        ({"field": "amount", "value": "20"}, "Amount: 20"),
        ({"field": "tags", "value": "b\nc", "how": "add"}, "Tags: b, c added"),
        ({"field": "owner", "value": "u2"}, "Owner: Paul"),
    ):
        address = post(page, sales, three[:1], **data, go="1")["Location"]
        body = page.get(address)
        assert told in text(body)
        form = re.search(r'<form method="post" action="([^"]*/undo/)">(.*?)</form>', body.content.decode())
        assert form
        sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[2]))
        assert page.post(form[1], sent)["Location"] == address


def test_change_is_made_by_right_and_taken_back_as_one(page: Client, three: list[Deal], sales: Pipeline):
    answer = post(page, sales, three, field="amount", value="20", go="1")
    batch = Batch.objects.get()
    assert answer["Location"] == reverse("inbox:batch", args=[batch.pk])
    assert [edit.batch_id for edit in Edit.objects.all()] == [batch.pk]
    said = text(page.get(answer["Location"]))
    assert "1 record was changed." in said
    assert "1 was so already." in said
    assert f"{three[2].name} You may not edit this deal in Nimble." in said
    page.post(reverse("inbox:undo_batch", args=[batch.pk]))
    assert Deal.objects.get(pk=three[0].pk).amount == 10
    said = text(page.get(answer["Location"]))
    assert "1 record was changed. 1 was taken back since." in said
    assert "Take all of this back" not in said


def test_value_that_makes_no_sense_is_said_and_kept(page: Client, three: list[Deal], sales: Pipeline):
    answer = post(page, sales, three, field="amount", value="a lot", preview="1")
    assert answer.status_code == 422
    assert 'value="a lot"' in answer.content.decode()
    assert post(page, sales, three, field="owner", value="", go="1").status_code == 422
    assert not Batch.objects.exists()


def test_tags_are_added_and_removed_one_by_one(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1, tags=["a"]), deal(2, tags=["a", "b"]))
    post(page, sales, rows, field="tags", value="b\nc", how="add", go="1")
    assert [sorted(one.tags) for one in Deal.objects.order_by("pk")] == [["a", "b", "c"]] * 2
    post(page, sales, rows, field="tags", value="a", how="remove", go="1")
    assert [sorted(one.tags) for one in Deal.objects.order_by("pk")] == [["b", "c"]] * 2


def test_all_that_match_are_moved_to_a_stage(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, tags=["hot"]), deal(2, tags=["hot"]), deal(3))
    propose = Stage.objects.get(pipeline=sales, name="Propose")
    data = {"all": "1", "query": "?tag=hot", "field": "stage", "value": propose.pk}
    assert "Stage: 2 of 2 change." in text(post(page, sales, [], **data, preview="1"))
    post(page, sales, [], **data, go="1")
    there = Deal.objects.filter(stage_nimble_id=propose.nimble_id)
    assert [one.tags for one in there] == [["hot"]] * 2


def test_reason_for_losing_them_is_asked_and_noted_on_each(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1), deal(2))
    lost, propose = (Stage.objects.get(pipeline=sales, name=name) for name in ("Lost", "Propose"))
    reason = LostReason.objects.get(text="No answer")
    asked = post(page, sales, rows, field="stage").content.decode()
    assert f'<option value="{lost.pk}" data-lost>' in asked
    assert f'<option value="{propose.pk}">' in asked
    assert f'<option value="{reason.pk}">No answer</option>' in asked
    data = {"field": "stage", "value": lost.pk, "reason": reason.pk}
    assert "6 requests to Nimble" in text(post(page, sales, rows, **data, preview="1"))
    post(page, sales, rows, **data, go="1")
    told = losses.with_reason(Deal.objects.filter(stage_nimble_id=lost.nimble_id))
    assert [one.lost_because for one in told] == ["No answer"] * 2
    page.post(reverse("inbox:undo_batch", args=[Batch.objects.get().pk]))
    assert not Deal.objects.filter(stage_nimble_id=lost.nimble_id).exists()
    assert not DealNote.objects.filter(gone_at=None, removed=False).exclude(lost_reason="").exists()


def test_reason_is_nothing_where_they_are_not_lost(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1))
    propose, reason = Stage.objects.get(pipeline=sales, name="Propose"), LostReason.objects.get(text="No answer")
    post(page, sales, rows, field="stage", value=propose.pk, reason=reason.pk, go="1")
    assert Deal.objects.get().stage_nimble_id == propose.nimble_id
    assert not DealNote.objects.exists()


def test_what_one_does_not_see_is_not_touched(page: Client, three: list[Deal], sales: Pipeline):
    Deal.objects.filter(pk=three[0].pk).update(is_private=True, owner_in_nimble="u9", reader_index="")
    answer = post(page, sales, three[:1], field="amount", value="99", preview="1")
    assert "0 of 0 change." in text(answer)
    post(page, sales, three[:1], field="amount", value="99", go="1")
    assert not Edit.objects.exists()


def test_many_go_on_in_a_worker_are_paused_and_stopped(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "AT_ONCE", 1)
    monkeypatch.setattr(batches, "AHEAD", 4)
    rows = keep(*(deal(n, values={"amount": "1"}) for n in range(12)))
    batch = bulk.begin(ada.user, [one.pk for one in rows], {"field": "amount", "value": "2"})
    assert (batch.done, batch.finished_at) == (0, None)
    # So many edits wait to be sent at most.
    assert not batches.go_on(seconds=30)
    batch.refresh_from_db()
    assert (batch.done, batches.unsent(batch)) == (4, 4)
    page.post(reverse("inbox:pause_batch", args=[batch.pk]), {"paused": "1"})
    Edit.objects.update(state=State.CONFIRMED)
    assert not batches.go_on(seconds=30)
    said = text(page.get(reverse("inbox:batch", args=[batch.pk])))
    assert "Paused" in said
    assert "4 of 12" in said
    # Nobody knows how long a pause is.
    assert "the rest waits until you go on" in said
    assert " left" not in said
    page.post(reverse("inbox:pause_batch", args=[batch.pk]), {"paused": "0"})
    batches.go_on(seconds=30)
    batch.refresh_from_db()
    assert batch.done == 8
    page.post(reverse("inbox:pause_batch", args=[batch.pk]), {"stop": "1"})
    batch.refresh_from_db()
    assert batch.finished_at
    assert Deal.objects.filter(amount=1).count() == 4
    assert len(batches.reversal(batch)[1]) == 8


def test_change_and_its_undo_reach_nimble(mirror: Connection, nimble: SandboxServer):
    public = Deal.objects.filter(is_private=False, sights__connection=mirror, sights__view__is_editable=True)
    deals = [one for one in public.order_by("pk") if one.remote["privacy"]["edit"] is None][:3]
    before = {one.pk: one.description for one in deals}
    batch = bulk.begin(mirror.user, [one.pk for one in deals], {"field": "description", "value": "Bulk"})
    assert outbox.deliver() == len(deals)
    assert {one.description for one in Deal.objects.filter(pk__in=before)} == {"Bulk"}
    browser(mirror.user).post(reverse("inbox:undo_batch", args=[batch.pk]))
    assert outbox.deliver() == len(deals)
    assert {one.pk: one.description for one in Deal.objects.filter(pk__in=before)} == before
    said = text(browser(mirror.user).get(reverse("inbox:batch", args=[batch.pk])))
    assert "3 records were changed. 3 were taken back since." in said
    assert "Take all of this back" not in said
    browser(mirror.user).post(reverse("inbox:undo_batch", args=[Batch.objects.exclude(pk=batch.pk).get().pk]))
    assert outbox.deliver() == len(deals)
    said = text(browser(mirror.user).get(reverse("inbox:batch", args=[batch.pk])))
    assert "taken back" not in said.replace("Take all of this back", "")
