"""Moving cards: at once here, then in Nimble; taken back; refused in words."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import actions
from deals.models import Deal, DealNote, LostReason, Pipeline, Stage
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser, columns
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def stage(name: str, pipeline: str = "p-sales") -> Stage:
    return Stage.objects.get(pipeline__nimble_id=pipeline, name=name)


def move(page: Client, pk: int, to: Stage, **data: Any) -> Any:
    """As the board's script sends it."""
    board = {"pipeline": stage("Qualify").pipeline_id, "query": ""}
    return page.post(reverse("deals:move", args=[pk]), {"stage": to.pk, **board, **data}, headers=HTMX)


def undo_of(answer: Any) -> str:
    found = re.search(r'hx-post="([^"]*/undo/[^"]*)"', answer.content.decode())
    assert found
    return found[1]


def test_move_shows_at_once_and_answers_with_what_changed(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1))
    to = stage("Propose")
    answer = move(page, row.pk, to, seen=stage("Qualify").pk, rev=row.rev)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert re.search(rf'<li class="card" id="deal-{row.pk}"[^>]*hx-swap-oob="true" data-stage="{to.pk}"', body)
    assert 'data-state="saved"' in body
    heads = dict(re.findall(r'<header id="head-(\d+)" hx-swap-oob="true">.*?<span class="n">(\d+)', body))
    assert heads[str(to.pk)] == "1"
    assert heads[str(stage("Qualify").pk)] == "0"
    board = columns(page.get(reverse("deals:board", args=[sales.pk])))
    assert (board["Qualify"].cards, board["Propose"].cards) == ([], [row.pk])
    edit = Edit.objects.get()
    assert edit.fields == {"stage": {"base": "s-qualify", "new": "s-propose"}}


def test_undo_brings_the_card_back(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1))
    undone = page.post(undo_of(move(page, row.pk, stage("Propose"))), headers=HTMX)
    assert undone.status_code == 200
    assert json.loads(undone.headers["HX-Trigger"])["deal-changed"] == {"deal": row.pk}
    row.refresh_from_db()
    assert row.stage_nimble_id == "s-qualify"
    assert Edit.objects.get().state == State.UNDONE
    again = page.get(reverse("deals:card", args=[row.pk]), {"pipeline": sales.pk, "query": ""}, headers=HTMX)
    assert f'data-stage="{stage("Qualify").pk}"' in again.content.decode()


def test_an_undo_is_for_its_author_alone(page: Client, keep: Keep, connect):
    [row] = keep(deal(1))
    address = undo_of(move(page, row.pk, stage("Propose")))
    other = browser(connect("bjorn@lantern-pine.test").user)
    assert other.post(address, headers=HTMX).status_code == 404
    assert Edit.objects.get().state == State.PENDING


def test_move_to_where_it_stands_changes_nothing(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = move(page, row.pk, stage("Qualify"))
    assert answer.status_code == 200
    assert "Undo" not in answer.content.decode()
    assert not Edit.objects.exists()


def test_what_was_moved_meanwhile_becomes_a_conflict_not_a_loss(page: Client, keep: Keep):
    [row] = keep(deal(1))
    seen = stage("Qualify").pk
    keep(deal(1, "Propose"))
    move(page, row.pk, stage("Won"), seen=seen)
    edit = Edit.objects.get()
    assert edit.fields["stage"] == {"base": "s-qualify", "new": "s-won"}


@pytest.mark.parametrize(
    ("to", "said"),
    [("Old", "archived"), ("nonsense", "no such stage"), ("", "no such stage"), ("99999999", "no such stage")],
)
def test_refusals_say_why_and_change_nothing(page: Client, keep: Keep, sales: Pipeline, to: str, said: str):
    [row] = keep(deal(1))
    value = stage(to).pk if to == "Old" else to
    answer = page.post(reverse("deals:move", args=[row.pk]), {"stage": value}, headers=HTMX)
    assert answer.status_code == 409
    assert said in answer.content.decode()
    assert 'data-kind="error"' in answer.content.decode()
    assert not Edit.objects.exists()


def test_what_may_not_be_edited_is_refused(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False))
    answer = move(page, row.pk, stage("Propose"))
    assert answer.status_code == 409
    assert "You may not edit this deal in Nimble." in answer.content.decode()
    assert not Edit.objects.exists()


def test_lost_asks_for_a_reason_and_keeps_it_as_a_note(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1))
    lost = stage("Lost")
    board = page.get(reverse("deals:board", args=[sales.pk])).content.decode()
    assert re.search(rf'id="stage-{lost.pk}"[^>]*data-ask', board)
    asked = page.get(reverse("deals:move", args=[row.pk]), {"stage": lost.pk, "dialog": 1}, headers=HTMX)
    assert "Too dear &lt;b&gt;" in asked.content.decode()
    assert "kept as a note" in asked.content.decode()
    reason = LostReason.objects.get(nimble_id="r1")
    answer = move(page, row.pk, lost, reason=reason.pk)
    assert "kept as a note" in answer.content.decode()
    assert "close-dialog" in answer.headers["HX-Trigger"]
    note = DealNote.objects.get()
    assert (note.title, note.deal_id) == ("Lost: Too dear <b>", row.pk)
    assert "&lt;b&gt;" in note.html
    assert Deal.objects.get().stage_nimble_id == "s-lost"


@pytest.fixture
def lost(page: Client, keep: Keep) -> Deal:
    """A deal that was just moved to Lost, with a reason."""
    [row] = keep(deal(1))
    move(page, row.pk, stage("Lost"), reason=LostReason.objects.get(nimble_id="r1").pk)
    return row


def open_notes() -> list[DealNote]:
    return list(DealNote.objects.filter(gone_at=None))


def test_a_reason_goes_out_only_after_its_move(lost: Deal):
    moved, note = Edit.objects.order_by("id")
    assert note.depends_on == moved
    Edit.objects.filter(pk=moved.pk).update(state=State.REJECTED)
    assert outbox.deliver() == 0


def test_undoing_a_loss_takes_its_reason_back(page: Client, lost: Deal):
    moved = Edit.objects.get(kind=Deal.kind)
    page.post(reverse("deals:undo", args=[lost.pk, moved.pk]), headers=HTMX)
    assert not open_notes()
    assert not Edit.objects.filter(state__in=[State.PENDING, State.RETRYING]).exists()


@pytest.mark.parametrize("to", ["Qualify", "Won"])
def test_another_move_takes_the_reason_back(page: Client, lost: Deal, to: str):
    move(page, lost.pk, stage(to))
    assert not open_notes()


def test_a_refused_loss_that_is_given_up_takes_its_reason_along(page: Client, lost: Deal):
    Edit.objects.filter(kind=Deal.kind).update(state=State.REJECTED)
    move(page, lost.pk, stage("Won"))
    assert not open_notes()


def test_another_reason_replaces_the_first(page: Client, lost: Deal):
    move(page, lost.pk, stage("Lost"), reason=LostReason.objects.get(nimble_id="r2").pk)
    assert [note.title for note in open_notes()] == ["Lost: No answer"]


def test_no_reason_is_kept_where_nothing_moved(page: Client, keep: Keep):
    [row] = keep(deal(1, "Lost"))
    move(page, row.pk, stage("Lost"), reason=LostReason.objects.get(nimble_id="r1").pk)
    assert not open_notes()


@pytest.fixture
def unsure(keep: Keep) -> Stage:
    """The stage Propose, without a probability of its own."""
    Stage.objects.filter(name="Propose").update(default_probability=None)
    return stage("Propose")


def test_a_stage_without_a_probability_asks_for_the_deals(page: Client, keep: Keep, sales: Pipeline, unsure: Stage):
    row, sure = keep(deal(1), deal(2, values={"probability": "40"}))
    board = page.get(reverse("deals:board", args=[sales.pk])).content.decode()
    assert re.search(rf'id="stage-{unsure.pk}"[^>]*data-ask-probability', board)
    assert not re.search(rf'id="stage-{stage("Won").pk}"[^>]*data-ask-probability', board)
    assert re.search(rf'id="deal-{row.pk}"[^>]*data-no-probability', board)
    assert not re.search(rf'id="deal-{sure.pk}"[^>]*data-no-probability', board)
    asked = page.get(reverse("deals:move", args=[row.pk]), {"stage": unsure.pk, "dialog": 1}, headers=HTMX)
    assert 'name="probability"' in asked.content.decode()
    assert 'name="reason"' not in asked.content.decode()
    refused = move(page, row.pk, unsure)
    assert refused.status_code == 409
    assert "the stage Propose has a probability" in refused.content.decode()
    assert move(page, row.pk, unsure, probability="101").status_code == 409
    assert not Edit.objects.exists()
    assert move(page, row.pk, unsure, probability="0").status_code == 200
    assert {name: change["new"] for name, change in Edit.objects.get().fields.items()} == {
        "stage": "s-propose",
        "probability": 0,
    }
    assert move(page, sure.pk, unsure, probability="70").status_code == 200
    assert Edit.objects.get(record_id=sure.pk).fields.keys() == {"stage"}


def test_the_deals_page_asks_for_the_probability(page: Client, keep: Keep, unsure: Stage):
    row, sure = keep(deal(1), deal(2, values={"probability": "40"}))
    asks = f'hx-get="{reverse("deals:move", args=[row.pk])}?stage={unsure.pk}&amp;dialog=1"'
    assert asks in page.get(row.get_absolute_url()).content.decode()
    assert f"?stage={unsure.pk}&amp;dialog=1" not in page.get(sure.get_absolute_url()).content.decode()


def test_plain_form_asks_for_the_probability(page: Client, keep: Keep, unsure: Stage):
    [row] = keep(deal(1))
    address = reverse("deals:move", args=[row.pk])
    assert 'name="probability"' in page.get(address).content.decode()
    answer = page.post(address, {"stage": unsure.pk})
    assert answer.status_code == 409
    assert "give one" in answer.content.decode()
    assert page.post(address, {"stage": unsure.pk, "probability": "30"}).status_code == 302
    row.refresh_from_db()
    assert (row.stage_nimble_id, row.probability) == ("s-propose", 30)


def test_a_reason_counts_only_when_it_is_lost(page: Client, keep: Keep):
    [row] = keep(deal(1))
    move(page, row.pk, stage("Won"), reason=LostReason.objects.get(nimble_id="r1").pk)
    assert not DealNote.objects.exists()


def test_move_to_another_pipeline_leaves_the_board(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = move(page, row.pk, stage("Talk", "p-partners"))
    assert f'<li id="deal-{row.pk}" hx-swap-oob="delete">' in answer.content.decode()
    assert Edit.objects.get().fields.keys() == {"stage", "pipeline"}
    row.refresh_from_db()
    assert row.pipeline_nimble_id == "p-partners"


def test_plain_form_without_javascript(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1))
    form = page.get(reverse("deals:move", args=[row.pk])).content.decode()
    assert [name for name in ("Qualify", "Propose", "Signed", "Old") if f">{name}<" in form] == [
        "Qualify",
        "Propose",
        "Signed",
    ]
    answer = page.post(reverse("deals:move", args=[row.pk]), {"stage": stage("Propose").pk}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("deals:board", args=[sales.pk])
    body = answer.content.decode()
    assert "Deal 001 is in Propose." in body
    taken_back = page.post(undo_of(answer), follow=True)
    assert "Undone" in taken_back.content.decode()
    row.refresh_from_db()
    assert row.stage_nimble_id == "s-qualify"


def test_plain_form_leads_to_the_board(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1))
    answer = page.post(reverse("deals:move", args=[row.pk]), {"stage": stage("Propose").pk}, follow=True)
    assert columns(answer)["Propose"].cards == [row.pk]


def test_plain_form_refuses_with_the_form(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = page.post(reverse("deals:move", args=[row.pk]), {"stage": stage("Old").pk})
    assert answer.status_code == 409
    assert "choose another one" in answer.content.decode()


def test_a_refused_move_gives_way_to_the_next_one(page: Client, keep: Keep):
    [row] = keep(deal(1))
    move(page, row.pk, stage("Propose"))
    Edit.objects.update(state=State.REJECTED)
    move(page, row.pk, stage("Won"))
    assert list(Edit.objects.order_by("id").values_list("state", flat=True)) == [State.DISCARDED, State.PENDING]


def test_a_refused_move_says_why_at_the_deal_and_in_the_form(page: Client, keep: Keep):
    [row] = keep(deal(1))
    move(page, row.pk, stage("Propose"))
    said = {"reason": "Invalid", "fields": {"/fields_values/probability": ["Probability <is> required"]}}
    Edit.objects.update(state=State.REJECTED, error=said)
    for address in (row.get_absolute_url(), reverse("deals:move", args=[row.pk])):
        assert "Probability &lt;is&gt; required" in page.get(address).content.decode()


def test_move_arrives_in_nimble_as_its_author(mirror: Connection, sandbox: SandboxServer):
    mine = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True, probability__isnull=False)
    row = next(one for one in mine if Stage.objects.get(nimble_id=one.stage_nimble_id).role == "open")
    laid = Stage.objects.get(nimble_id=row.stage_nimble_id).pipeline.stages
    to = laid.exclude(nimble_id=row.stage_nimble_id).filter(role="open", archived_at=None)[0]
    page = browser(mirror.user)
    answer = page.post(reverse("deals:move", args=[row.pk]), {"stage": to.pk, "pipeline": to.pipeline_id}, headers=HTMX)
    assert answer.status_code == 200
    assert outbox.deliver() == 1
    stored = sandbox.object("deal", row.nimble_id or "")
    assert (stored["stage_id"], stored["updated_by"]) == (to.nimble_id, mirror.nimble_user_id)
    assert page.post(undo_of(answer), headers=HTMX).status_code == 200
    assert outbox.deliver() == 1
    assert sandbox.object("deal", row.nimble_id or "")["stage_id"] == row.stage_nimble_id


@pytest.mark.broken_answers
def test_a_confirmed_move_stays_when_the_answer_names_no_stage(mirror: Connection, sandbox: SandboxServer):
    mine = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True, probability__isnull=False)
    row = next(one for one in mine if Stage.objects.get(nimble_id=one.stage_nimble_id).role == "open")
    laid = Stage.objects.get(nimble_id=row.stage_nimble_id).pipeline.stages
    to = laid.exclude(nimble_id=row.stage_nimble_id).filter(role="open", archived_at=None)[0]
    actions.move(author=mirror.user, deal=row, stage=to)
    answer = {name: value for name, value in row.remote.items() if name not in ("@stage", "stage_transitions")}
    bare = {**answer, "stage_transitions": {"pipeline_id": row.pipeline_nimble_id, "transitions": []}}
    sandbox.fault(method="PUT", path=r"/api/v2/deals/", times=1, apply=True, status=200, body=bare)
    assert outbox.deliver() == 1
    assert Edit.objects.get().state == State.CONFIRMED
    row.refresh_from_db()
    assert row.stage_nimble_id == to.nimble_id


def test_card_stays_where_it_was_put_when_a_pull_says_otherwise(page: Client, keep: Keep, ada: Connection):
    [row] = keep(deal(1))
    move(page, row.pk, stage("Propose"))
    keep(deal(1, values={"name": "Renamed"}, updated="2025-03-01T00:00:00+0000"))
    row.refresh_from_db()
    assert (row.name, row.stage_nimble_id) == ("Renamed", "s-propose")
