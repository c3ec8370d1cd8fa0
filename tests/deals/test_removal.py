"""Deleting a deal: what goes with it is said, it is hidden at once, and it comes back where Nimble refuses."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from deals import actions, checks
from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync import edits, outbox
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser, columns
from tests.deals.payloads import deal
from tests.factories import caught_up
from tests.people import BJORN
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def delete(page: Client, row: Deal, **data: str) -> Any:
    return page.post(reverse("deals:delete", args=[row.pk]), data, headers=HTMX)


def shown(page: Client, board: Pipeline) -> list[int]:
    return [pk for column in columns(page.get(board.get_absolute_url())).values() for pk in column.cards]


def test_the_question_says_what_goes_with_it(page: Client, keep: Keep):
    [row] = keep(deal(1, files=[{"file_id": "f1", "file_name": "a.pdf"}]))
    page.post(reverse("deals:write_note", args=[row.pk]), {"body": "Called"}, headers=HTMX)
    for headers in (HTMX, {}):
        text = page.get(reverse("deals:delete", args=[row.pk]), headers=headers).content.decode()
        for said in ("Deal 001", "for everyone", "cannot bring it back", "1 note that was written here", "1 file"):
            assert said in text


def test_deal_is_hidden_at_once_from_everybody_and_comes_back(page: Client, sales: Pipeline, keep: Keep, connect: Any):
    row, other = keep(deal(1), deal(2))
    colleague = browser(caught_up(connect(BJORN)).user)
    answer = delete(page, row)
    assert answer.headers["HX-Redirect"] == sales.get_absolute_url()
    for who in (page, colleague):
        assert shown(who, sales) == [other.pk]
        assert "being deleted" in who.get(row.get_absolute_url()).content.decode()
    edit = Edit.objects.get()
    undo = reverse("deals:undo", args=[row.pk, edit.pk])
    assert undo in page.get(row.get_absolute_url()).content.decode()
    assert undo not in colleague.get(row.get_absolute_url()).content.decode()
    assert colleague.post(undo).status_code == 404
    assert page.post(undo, follow=True).status_code == 200
    assert sorted(shown(page, sales)) == sorted([row.pk, other.pk])
    assert "being deleted" not in page.get(row.get_absolute_url()).content.decode()


def test_deal_that_nimble_does_not_delete_is_shown_again_with_the_reason(page: Client, sales: Pipeline, keep: Keep):
    [row] = keep(deal(1))
    delete(page, row)
    Edit.objects.update(state=State.REJECTED, error={"reason": "Forbidden"})
    assert shown(page, sales) == [row.pk]
    assert row.name in page.get(reverse("inbox:index")).content.decode()


def test_deal_that_was_never_sent_is_dropped(page: Client, sales: Pipeline, keep: Keep):
    stage = sales.stages.get(name="Qualify")
    page.post(reverse("deals:new"), {"stage": stage.pk, "name": "Not yet", "currency": "EUR"})
    row = Deal.objects.get()
    delete(page, row)
    assert Edit.objects.get().state == State.DISCARDED
    assert shown(page, sales) == []


def test_deal_that_was_never_sent_comes_back_by_undo(page: Client, sales: Pipeline, keep: Keep):
    stage = sales.stages.get(name="Qualify")
    page.post(reverse("deals:new"), {"stage": stage.pk, "name": "Not yet", "currency": "EUR"})
    row = Deal.objects.get()
    answer = delete(page, row, drawer="1")
    undo = re.search(r'hx-post="([^"]+)"', answer.content.decode())
    assert undo
    page.post(undo[1], headers=HTMX)
    assert shown(page, sales) == [row.pk]
    assert Edit.objects.get().state == State.PENDING


def test_deal_that_was_never_sent_comes_back_with_all_that_went_with_it(mirror: Connection, sandbox: SandboxServer):
    pipeline = max(Pipeline.objects.all(), key=lambda one: one.stages.count())
    stage = pipeline.stages.filter(role="open", archived_at=None).order_by("position")[0]
    page = browser(mirror.user)
    page.post(reverse("deals:new"), {"stage": stage.pk, "name": "Not yet", "currency": "EUR"})
    row = Deal.objects.get(name="Not yet")
    actions.change(author=mirror.user, deal=row, field="description", value="Described")
    actions.write_note(author=mirror.user, deal=row, title="Called", body="Twice")
    actions.add_file(author=mirror.user, deal=row, name="a.pdf", link="https://files.example/a", source="dropbox")
    actions.add_task(author=mirror.user, deal=row, values={"subject": "Call again"})
    made = Edit.objects.count()
    delete(page, row)
    assert {edit.state for edit in Edit.objects.all()} == {State.DISCARDED}
    assert outbox.deliver() == 0
    described = Edit.objects.get(operation=Edit.Operation.UPDATE)
    assert not edits.restore(described), "there is nothing to describe"
    page.post(reverse("sync:restore", args=[Edit.objects.get(kind=Deal.kind, operation="create").pk]), headers=HTMX)
    told = page.get(row.get_absolute_url()).content.decode()
    for shown_again in ("Described", "Twice", "a.pdf", "Call again"):
        assert shown_again in told
    for _each in range(made):
        outbox.deliver()
    assert {edit.state for edit in Edit.objects.all()} == {State.CONFIRMED}
    there = next(one for one in sandbox.objects("deal") if one["name"] == "Not yet")
    assert there["description"] == "Described"


def test_deal_that_a_colleague_has_not_sent_yet_is_theirs_to_delete(
    page: Client, sales: Pipeline, keep: Keep, connect: Any
):
    page.post(
        reverse("deals:new"), {"stage": sales.stages.get(name="Qualify").pk, "name": "Not yet", "currency": "EUR"}
    )
    row = Deal.objects.get()
    answer = delete(browser(caught_up(connect(BJORN)).user), row)
    assert answer.status_code == 409
    assert "only who made it" in answer.content.decode()
    assert Edit.objects.get().state == State.PENDING
    assert shown(page, sales) == [row.pk]


def test_from_the_drawer_the_board_stays(page: Client, keep: Keep):
    [row] = keep(deal(1))
    assert (
        'name="drawer"' in page.get(reverse("deals:delete", args=[row.pk]) + "?drawer=1", headers=HTMX).content.decode()
    )
    answer = delete(page, row, drawer="1")
    assert "close-drawer" in answer.headers["HX-Trigger"]
    assert "deal-gone" in answer.headers["HX-Trigger"]
    assert re.search(r"/undo/\d+/", answer.content.decode())


def test_who_may_not_edit_it_cannot_delete_it(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False))
    assert delete(page, row).status_code == 404
    assert reverse("deals:delete", args=[row.pk]) not in page.get(row.get_absolute_url()).content.decode()


def test_deal_stays_in_nimble_while_the_notice_offers_to_take_it_back(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    page = browser(mirror.user)
    delete(page, row)
    assert outbox.deliver() == 0
    page.post(reverse("deals:undo", args=[row.pk, Edit.objects.get().pk]), headers=HTMX)
    Edit.objects.update(not_before=None)
    assert outbox.deliver() == 0
    assert row.nimble_id in [one["id"] for one in sandbox.objects("deal")]
    assert page.get(row.get_absolute_url()).status_code == 200


def test_deal_is_deleted_in_nimble_and_its_history_stays(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    page = browser(mirror.user)
    count = checks.number(mirror, 0).ours  # type: ignore[arg-type]
    delete(page, row)
    # Nimble still counts it.
    assert checks.number(mirror, 0).ours == count  # type: ignore[arg-type]
    Edit.objects.update(not_before=None)
    assert outbox.deliver() == 1
    assert row.nimble_id not in [one["id"] for one in sandbox.objects("deal")]
    assert page.get(row.get_absolute_url()).status_code == 404
    row.refresh_from_db()
    assert row.gone_at
    edit = Edit.objects.get()
    assert edit.state == State.CONFIRMED
    answer = page.post(reverse("sync:undo", args=[edit.pk]), headers=HTMX)
    assert "cannot bring back" in answer.content.decode()
