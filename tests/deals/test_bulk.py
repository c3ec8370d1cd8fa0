"""Changing many deals of a table: a dry run first, then in a worker, paused, stopped, taken back whole."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import actions, bulk, losses
from deals.bulk import Change, Wish
from deals.models import Deal, DealField, DealNote, LostReason, Pipeline, Stage
from nimble.models import Connection
from sync import batches, outbox
from sync.models import Batch, Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer


def post(page: Client, pipeline: Pipeline, deals: list[Deal], fields: dict[str, Any], **data: Any) -> Any:
    """`fields`: what is typed by the names of the inputs; each is a field, "-" and which of its inputs."""
    names = list(dict.fromkeys(name.rpartition("-")[0] for name in fields))
    chosen = {"deals": ",".join(str(one.pk) for one in deals), "query": "", "field": names, **fields, **data}
    address = reverse("deals:bulk", args=[pipeline.pk])
    if "go" in data and "seen" not in data:
        seen = re.search(r'name="seen" value="(\w+)"', page.post(address, chosen).content.decode())
        chosen["seen"] = seen[1] if seen else ""
    return page.post(address, chosen)


def set_to(**values: Any) -> dict[str, Any]:
    """Each of these fields to its value."""
    return {f"{name}-value": value for name, value in values.items()}


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def three(keep: Keep, sales: Pipeline) -> list[Deal]:
    """The last one may not be edited by Ada."""
    return keep(deal(1, values={"amount": "10"}), deal(2, values={"amount": "20"}), deal(3, is_editable=False))


def test_dry_run_says_what_would_change_and_changes_nothing(page: Client, three: list[Deal], sales: Pipeline):
    said = text(post(page, sales, three, set_to(amount="20"), preview="1"))
    assert "Amount: 1 of 3 change." in said
    assert "1 is so already." in said
    assert f"You may not edit in Nimble: {three[2].name}" in said
    assert "2 requests to Nimble: at least 1 sec at the present pace." in said
    assert not Edit.objects.exists()
    assert not Batch.objects.exists()


def test_dry_run_lists_the_deals_with_old_and_new_value(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(*(deal(n, tags=["a"], values={"amount": str(n)}) for n in range(1, 24)))
    said = text(post(page, sales, rows, set_to(amount="20.5"), preview="1"))
    listed = re.findall(r"Deal (\d+) : (€\S+) → (€\S+)", said)
    assert listed == [(f"{n:03}", f"€{n}", "€20.50") for n in range(1, 21)]
    assert "and 3 more" in said
    assert "Deal 001 : a → a, b" in text(post(page, sales, rows, {**set_to(tags="b"), "tags-how": "add"}, preview="1"))
    stage = Stage.objects.get(pipeline=sales, name="Propose")
    said = text(post(page, sales, rows[:1], set_to(stage=stage.pk), preview="1"))
    assert "Deal 001 : Qualify → Propose" in said
    assert "more" not in said.partition("Qualify → Propose")[2].partition("Open as page")[0]
    assert "Deal 001 : €1 → empty" in text(post(page, sales, rows[:1], set_to(amount=""), preview="1"))


def test_page_of_a_change_says_what_was_changed_and_is_where_undo_leads(
    page: Client, three: list[Deal], sales: Pipeline
):
    for data, told in (
        (set_to(amount="20"), "Amount: 20"),
        ({**set_to(tags="b\nc", owner="u2"), "tags-how": "add"}, "Tags: b, c added · Owner: Paul"),
        (set_to(amount="30", currency="USD"), "Amount: $30 · Currency: USD"),
    ):
        address = post(page, sales, three[:1], data, go="1")["Location"]
        body = page.get(address)
        assert told in text(body)
        form = re.search(r'<form method="post" action="([^"]*/undo/)">(.*?)</form>', body.content.decode())
        assert form
        sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[2]))
        assert page.post(form[1], sent)["Location"] == address


def test_several_fields_of_a_deal_are_one_edit_and_one_undo(page: Client, three: list[Deal], sales: Pipeline):
    propose = Stage.objects.get(pipeline=sales, name="Propose")
    asked = set_to(
        stage=propose.pk, owner="u2", expected_close_date="2031-05-06", amount="20", **{"field:x-text": "New"}
    )
    said = text(post(page, sales, three, asked, preview="1"))
    assert "2 of 3 deals change." in said
    assert "Stage: 2 of 3 change. Owner: 2 of 3 change. Expected close: 2 of 3 change. Amount: 1 of 3 change." in said
    assert "Deal 001 : Stage: Qualify → Propose Owner: Olga Owner → Paul Expected close: empty → " in said
    assert "Amount: €10 → €20" in said
    assert f"You may not edit in Nimble: {three[2].name}" in said
    # Each is read and sent once, whatever the number of its fields.
    assert "4 requests to Nimble" in said
    assert not Edit.objects.exists()
    address = post(page, sales, three, asked, go="1")["Location"]
    first, second = Edit.objects.order_by("record_id")
    assert set(first.fields) == {"stage", "owner", "expected_close_date", "amount", "field:x-text"}
    assert set(second.fields) == {"stage", "owner", "expected_close_date", "field:x-text"}
    moved = Deal.objects.get(pk=three[0].pk)
    assert (moved.stage_nimble_id, moved.owner_id, moved.amount) == (propose.nimble_id, "u2", 20)
    assert "2 records were changed." in text(page.get(address))
    page.post(reverse("inbox:undo_batch", args=[Batch.objects.get().pk]))
    back = Deal.objects.get(pk=three[0].pk)
    assert (back.stage_nimble_id, back.owner_id, back.amount) == (three[0].stage_nimble_id, "u1", 10)
    assert back.expected_close is None


def test_stage_without_a_probability_takes_the_one_that_is_given_along(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1), deal(2, values={"probability": "30"}))
    propose = Stage.objects.get(pipeline=sales, name="Propose")
    Stage.objects.filter(pk=propose.pk).update(default_probability=None)
    said = text(post(page, sales, rows, set_to(stage=propose.pk), preview="1"))
    assert "Stage: 1 of 2 change." in said
    assert "The stage asks for a probability, which they have not: Deal 001" in said
    assert "0 of 2 deals change." in text(
        post(page, sales, rows, set_to(stage=propose.pk, probability=""), preview="1")
    )
    asked = set_to(stage=propose.pk, probability="40")
    assert "2 of 2 deals change." in text(post(page, sales, rows, asked, preview="1"))
    post(page, sales, rows, asked, go="1")
    assert set(Deal.objects.values_list("stage_nimble_id", "probability")) == {(propose.nimble_id, 40)}


def test_what_was_typed_since_is_shown_before_it_is_done(page: Client, three: list[Deal], sales: Pipeline):
    shown = post(page, sales, three, set_to(amount="20"), preview="1").content.decode()
    seen = re.findall(r'name="seen" value="(\w+)"', shown)[0]
    again = post(page, sales, three, set_to(amount="200"), go="1", seen=seen)
    assert "Deal 001 : €10 → €200" in text(again)
    assert not Batch.objects.exists()
    assert post(page, sales, three, set_to(amount="20"), go="1", seen=seen).status_code == 302


def test_deals_that_came_since_are_shown_before_they_are_changed(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, tags=["hot"]))
    data = {"all": "1", "query": "?tag=hot"}
    shown = post(page, sales, [], set_to(amount="20"), **data, preview="1").content.decode()
    seen = re.findall(r'name="seen" value="(\w+)"', shown)[0]
    keep(deal(2, tags=["hot"]))
    again = post(page, sales, [], set_to(amount="20"), **data, go="1", seen=seen)
    assert "This is not what you were shown: look at it again. Amount: 2 of 2 change." in text(again)
    assert not Batch.objects.exists()
    # In another order they are the same.
    Deal.objects.filter(name="Deal 001").update(updated_in_nimble=None)
    seen = re.findall(r'name="seen" value="(\w+)"', again.content.decode())[0]
    assert post(page, sales, [], set_to(amount="20"), **data, go="1", seen=seen).status_code == 302


def test_deal_that_somebody_moved_to_another_pipeline_meanwhile_stays_as_it_is(
    page: Client, three: list[Deal], sales: Pipeline, ada: Connection
):
    first, second, _locked = three
    there = Stage.objects.filter(is_final=False).exclude(pipeline=sales)[0]
    asked = set_to(**{"field:x-text": "New"})
    shown = post(page, sales, [first, second], asked, preview="1").content.decode()
    actions.move(author=ada.user, deal=first, stage=there)
    said = text(post(page, sales, [first, second], asked, preview="1"))
    assert f"Order no.: 1 of 2 change. In another pipeline by now: {first.name}" in said
    seen = re.findall(r'name="seen" value="(\w+)"', shown)[0]
    address = post(page, sales, [first, second], asked, go="1", seen=seen)["Location"]
    assert [edit.record_id for edit in Edit.objects.filter(fields__has_key="field:x-text")] == [second.pk]
    assert f"{first.name} It is in another pipeline by now." in text(page.get(address))


def test_fields_of_one_name_are_told_apart(page: Client, three: list[Deal], sales: Pipeline):
    DealField.objects.filter(field_id="x-text").update(name="Amount")
    asked = set_to(amount="20", **{"field:x-text": "New"})
    said = text(post(page, sales, three, asked, preview="1"))
    assert "Amount: 1 of 3 change. Amount: 2 of 3 change." in said
    assert "Deal 001 : Amount: €10 → €20 Amount: empty → New" in said


def test_fields_are_added_and_taken_out_without_losing_what_was_typed(page: Client, three: list[Deal], sales: Pipeline):
    body = post(page, sales, three, {}).content.decode()
    assert 'name="field"' not in body
    assert 'name="also"' in body
    body = post(page, sales, three, set_to(amount="20"), also="owner", add="1", preview="1").content.decode()
    assert re.findall(r'name="field" value="([^"]+)"', body) == ["amount", "owner"]
    assert 'value="20"' in body
    assert "field-error" not in body
    assert 'id="plan"' not in body
    assert '<option value="owner">' not in body
    body = post(page, sales, three, set_to(amount="20", owner=""), drop="amount").content.decode()
    assert re.findall(r'name="field" value="([^"]+)"', body) == ["owner"]
    assert "field-error" not in body
    wrong = post(page, sales, three, {}, preview="1")
    assert wrong.status_code == 422
    assert "Choose at least one field." in text(wrong)
    assert not Edit.objects.exists()


def test_more_than_can_be_changed_at_once_begins_with_the_first_of_the_table(
    page: Client, three: list[Deal], sales: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "MOST", 2)
    data = {"all": "1", "query": "?by=-name"}
    said = text(post(page, sales, [], set_to(amount="99"), **data, preview="1"))
    assert "At most 2 deals are changed at once: these are the first of the 3 in the table's order." in said
    bar = text(page.get(reverse("deals:table", args=[sales.pk])))
    assert "Choose the first 2" in bar
    assert "Choose all" not in bar
    post(page, sales, [], set_to(amount="99"), **data, go="1")
    assert Batch.objects.get().record_ids == [three[2].pk, three[1].pk]


def test_change_is_made_by_right_and_taken_back_as_one(page: Client, three: list[Deal], sales: Pipeline):
    answer = post(page, sales, three, set_to(amount="20"), go="1")
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
    answer = post(page, sales, three, set_to(amount="a lot"), preview="1")
    assert answer.status_code == 422
    assert 'value="a lot"' in answer.content.decode()
    assert post(page, sales, three, set_to(owner=""), go="1").status_code == 422
    assert not Batch.objects.exists()


def test_tags_are_added_and_removed_one_by_one(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1, tags=["a"]), deal(2, tags=["a", "b"]))
    post(page, sales, rows, {**set_to(tags="b\nc"), "tags-how": "add"}, go="1")
    assert [sorted(one.tags) for one in Deal.objects.order_by("pk")] == [["a", "b", "c"]] * 2
    post(page, sales, rows, {**set_to(tags="a"), "tags-how": "remove"}, go="1")
    assert [sorted(one.tags) for one in Deal.objects.order_by("pk")] == [["b", "c"]] * 2


def test_all_that_match_are_moved_to_a_stage(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1, tags=["hot"]), deal(2, tags=["hot"]), deal(3))
    propose = Stage.objects.get(pipeline=sales, name="Propose")
    data = {"all": "1", "query": "?tag=hot"}
    assert "Stage: 2 of 2 change." in text(post(page, sales, [], set_to(stage=propose.pk), **data, preview="1"))
    post(page, sales, [], set_to(stage=propose.pk), **data, go="1")
    there = Deal.objects.filter(stage_nimble_id=propose.nimble_id)
    assert [one.tags for one in there] == [["hot"]] * 2


def test_reason_for_losing_them_is_asked_and_noted_on_each(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1), deal(2))
    lost, propose = (Stage.objects.get(pipeline=sales, name=name) for name in ("Lost", "Propose"))
    reason = LostReason.objects.get(text="No answer")
    asked = post(page, sales, rows, {}, also="stage").content.decode()
    assert f'<option value="{lost.pk}" data-lost>' in asked
    assert f'<option value="{propose.pk}">' in asked
    assert f'<option value="{reason.pk}">No answer</option>' in asked
    data = {**set_to(stage=lost.pk), "stage-reason": reason.pk}
    assert "6 requests to Nimble" in text(post(page, sales, rows, data, preview="1"))
    post(page, sales, rows, data, go="1")
    told = losses.with_reason(Deal.objects.filter(stage_nimble_id=lost.nimble_id))
    assert [one.lost_because for one in told] == ["No answer"] * 2
    page.post(reverse("inbox:undo_batch", args=[Batch.objects.get().pk]))
    assert not Deal.objects.filter(stage_nimble_id=lost.nimble_id).exists()
    assert not DealNote.objects.filter(gone_at=None, removed=False).exclude(lost_reason="").exists()


def test_reason_is_nothing_where_they_are_not_lost(page: Client, keep: Keep, sales: Pipeline):
    rows = keep(deal(1))
    propose, reason = Stage.objects.get(pipeline=sales, name="Propose"), LostReason.objects.get(text="No answer")
    post(page, sales, rows, {**set_to(stage=propose.pk), "stage-reason": reason.pk}, go="1")
    assert Deal.objects.get().stage_nimble_id == propose.nimble_id
    assert not DealNote.objects.exists()


def test_what_one_does_not_see_is_not_touched(page: Client, three: list[Deal], sales: Pipeline):
    Deal.objects.filter(pk=three[0].pk).update(is_private=True, owner_in_nimble="u9", reader_index="")
    answer = post(page, sales, three[:1], set_to(amount="99"), preview="1")
    assert "0 of 0 change." in text(answer)
    post(page, sales, three[:1], set_to(amount="99"), go="1")
    assert not Edit.objects.exists()


def test_sign_in_in_between_leads_back_to_the_table(page: Client, sales: Pipeline):
    answer = page.get(reverse("deals:bulk", args=[sales.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("deals:table", args=[sales.pk]), 302)]
    assert answer.status_code == 200


def test_many_go_on_in_a_worker_are_paused_and_stopped(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "AT_ONCE", 1)
    monkeypatch.setattr(batches, "AHEAD", 4)
    rows = keep(*(deal(n, values={"amount": "1"}) for n in range(12)))
    batch = bulk.begin(ada.user, [one.pk for one in rows], Change([Wish("amount", "2")]))
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


def told(deals: Iterable[Deal]) -> dict[int, tuple[Any, ...]]:
    return {one.pk: (one.description, one.stage_nimble_id, one.amount, one.tags) for one in deals}


def test_change_and_its_undo_reach_nimble(mirror: Connection, nimble: SandboxServer):
    public = Deal.objects.filter(is_private=False, sights__connection=mirror, sights__view__is_editable=True)
    deals = [one for one in public.order_by("pk") if one.remote["privacy"]["edit"] is None][:3]
    goal = Stage.objects.filter(role="open", archived_at=None, default_probability__isnull=False).first()
    assert goal
    before = told(deals)
    wishes = [Wish("description", "Bulk"), Wish("stage", str(goal.nimble_id)), Wish("amount", "4711.5")]
    since = nimble.state()["log"]["last"]
    change = Change([*wishes, Wish("tags", ["bulk"], "add")], goal.pk)
    batch = bulk.begin(mirror.user, [one.pk for one in deals], change)
    assert outbox.deliver() == len(deals)
    # One request that changes something for each of them.
    assert len(nimble.writes(since)) == len(deals)
    for one in Deal.objects.filter(pk__in=before):
        assert (one.description, one.stage_nimble_id, one.amount) == ("Bulk", goal.nimble_id, Decimal("4711.5"))
        assert "bulk" in one.tags
    browser(mirror.user).post(reverse("inbox:undo_batch", args=[batch.pk]))
    assert outbox.deliver() == len(deals)
    assert told(Deal.objects.filter(pk__in=before)) == before
    said = text(browser(mirror.user).get(reverse("inbox:batch", args=[batch.pk])))
    assert "3 records were changed. 3 were taken back since." in said
    assert "Take all of this back" not in said
    browser(mirror.user).post(reverse("inbox:undo_batch", args=[Batch.objects.exclude(pk=batch.pk).get().pk]))
    assert outbox.deliver() == len(deals)
    said = text(browser(mirror.user).get(reverse("inbox:batch", args=[batch.pk])))
    assert "taken back" not in said.replace("Take all of this back", "")
