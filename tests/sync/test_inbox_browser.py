"""The inbox, an edit's page and the history in a real browser: decided, mended, sent again and undone, by hand and by
keyboard; accessible in both themes and at 360 px.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deals import actions
from deals.models import Deal
from nimble.client import Client
from nimble.models import Connection
from sync import outbox
from sync.models import Attempt, Edit, State
from tests import factories
from tests.browser import LOOKS, Open
from tests.people import BJORN
from tests.sandboxes import SandboxServer
from tests.sync.pages import workers_alive
from tests.sync.test_pages_browser import looked_at
from tests.touch import PHONE


@pytest.fixture
def mirror(transactional_db: None, ada: Connection) -> Connection:
    workers_alive()
    return factories.mirrored(ada)


@pytest.fixture
def deals(mirror: Connection) -> list[Deal]:
    return list(Deal.objects.filter(is_private=False).order_by("pk")[:6])


def conflict(mirror: Connection, deal: Deal, nimble: SandboxServer) -> Edit:
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"description": "Call him on Friday about the old offer"})
    factories.save(mirror, "deal", [Client(mirror).deal(deal.nimble_id)])
    edit = actions.change(
        author=mirror.user, deal=deal, field="description", value="Call them on Friday about the new offer"
    )
    theirs = "Call him on Monday about the old offer"
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"description": theirs, "name": deal.name})
    outbox.deliver()
    assert edit
    edit.refresh_from_db()
    assert edit.state == State.CONFLICT
    return edit


def rejected(mirror: Connection, deal: Deal) -> Edit:
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="-5")
    outbox.deliver()
    assert edit
    return edit


@pytest.fixture
def full(mirror: Connection, deals: list[Deal], nimble: SandboxServer) -> Connection:
    """An inbox with several causes, and a quarantined record."""
    conflict(mirror, deals[0], nimble)
    rejected(mirror, deals[1])
    missing = actions.change(author=mirror.user, deal=deals[2], field="description", value="Kept here")
    nimble.edit(BJORN, "deal", deals[2].nimble_id, delete=True)
    outbox.deliver()
    made = []
    for deal, state, reason in ((deals[3], State.FAILED, "ServerError"), (deals[4], State.BLOCKED, "quota")):
        edit = actions.change(author=mirror.user, deal=deal, field="name", value=f"{deal.name} renamed")
        Edit.objects.filter(pk=edit.pk).update(state=state, error={"reason": reason})
        made.append(edit)
    factories.quarantined(mirror, "deal", deals[5].nimble_id, deal_id="x", owner=None)
    assert missing
    assert Attempt.objects.exists()
    return mirror


def test_inboxs_bar_is_one_row_on_a_phone(full: Connection, open_as: Open):
    # German words are longer.
    bar = open_as(full.user, "/inbox/", locale="de", **PHONE).locator(".pagebar")
    begin, button = (bar.locator(one).bounding_box() for one in ("[data-first]", "[data-palette-open]"))
    assert begin
    assert button
    assert begin["y"] == button["y"]


@pytest.mark.parametrize("look", LOOKS)
def test_inbox(full: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(full.user, "/inbox/", **look)
    expect(page.get_by_role("heading", name="Changed by somebody else, too")).to_be_visible()
    looked_at(page, "inbox", look)


@pytest.mark.parametrize("look", LOOKS)
def test_edit_in_conflict(full: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(full.user, f"/sync/edits/{Edit.objects.get(error__reason='conflict').pk}/", **look)
    page.get_by_role("radio", name="Ours").check()
    expect(page.locator("#preview")).to_contain_text("Friday")
    looked_at(page, "conflict", look)


@pytest.mark.parametrize("look", LOOKS)
def test_history(full: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(full.user, "/history/", **look)
    page.get_by_text("How it went").first.click()
    looked_at(page, "history", look)


@pytest.mark.parametrize("look", LOOKS)
def test_empty_inbox(mirror: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(mirror.user, "/inbox/", **look)
    expect(page.get_by_text("Nothing needs you")).to_be_visible()
    looked_at(page, "inbox-empty", look)


def test_what_comes_to_an_empty_inbox_shows_by_itself(mirror: Connection, deals: list[Deal], open_as: Open, nimble):
    page = open_as(mirror.user, "/inbox/")
    expect(page.get_by_text("Nothing needs you")).to_be_visible()
    conflict(mirror, deals[0], nimble)
    expect(page.get_by_role("link", name="Decide")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Nothing needs you")).to_have_count(0)


def described(nimble: SandboxServer, deal: Deal) -> Any:
    return nimble.object("deal", deal.nimble_id)["values"].get("description")


def test_conflict_is_decided_by_field_and_reaches_nimble(
    mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer
):
    edit = conflict(mirror, deals[0], nimble)
    page = open_as(mirror.user, "/inbox/")
    page.locator(f"#edit-{edit.pk}").get_by_role("link", name="Decide").click()
    expect(page.locator("ins").first).to_contain_text("them")
    page.get_by_role("radio", name="Another value").check()
    page.get_by_role("textbox", name="Another value").fill("Call both on Sunday")
    expect(page.locator("#preview")).to_contain_text("Call both on Sunday")
    page.get_by_role("button", name="Send what I chose").click()
    expect(page.locator("#toasts")).to_contain_text("Decided.")
    outbox.deliver()
    assert described(nimble, deals[0]) == "Call both on Sunday"


def test_conflict_is_decided_without_scripts(
    mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer
):
    edit = conflict(mirror, deals[0], nimble)
    page = open_as(mirror.user, f"/sync/edits/{edit.pk}/", java_script_enabled=False)
    page.get_by_role("radio", name="Ours").check()
    page.get_by_role("button", name="Show what will be sent").click()
    expect(page.locator("#preview")).to_contain_text("Friday")
    page.get_by_role("button", name="Send what I chose").click()
    expect(page.get_by_text("Decided.")).to_be_visible()
    outbox.deliver()
    assert described(nimble, deals[0]) == "Call them on Friday about the new offer"


def test_rejected_edit_is_mended(mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer):
    edit = rejected(mirror, deals[0])
    page = open_as(mirror.user, "/inbox/")
    page.locator(f"#edit-{edit.pk}").get_by_role("link", name="Mend").click()
    expect(page.get_by_text("Value should be a positive number or 0").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Amount")).to_be_focused()
    page.get_by_role("textbox", name="Amount").fill("55")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#toasts")).to_contain_text("Saved here")
    outbox.deliver()
    assert float(nimble.object("deal", deals[0].nimble_id)["values"]["amount"]) == 55


def press_next(page: Page) -> None:
    page.get_by_role("radio", name="Ours").check()
    expect(page.locator("#preview")).to_contain_text("Friday")
    before = page.url
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: url != before)


def test_resolve_and_next_leads_through_three_by_keyboard(
    mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer
):
    for deal in deals[:3]:
        conflict(mirror, deal, nimble)
    page = open_as(mirror.user, "/inbox/")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/sync/edits/*/")
    for _each in range(3):
        press_next(page)
    expect(page.get_by_text("Nothing needs you")).to_be_visible()
    outbox.deliver()
    assert {described(nimble, deal) for deal in deals[:3]} == {"Call them on Friday about the new offer"}


def test_many_are_sent_again_at_once(mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer):
    for deal in deals[:3]:
        edit = actions.change(author=mirror.user, deal=deal, field="description", value="Retried")
        assert edit
        Edit.objects.filter(pk=edit.pk).update(state=State.FAILED, error={"reason": "ServerError"})
    page = open_as(mirror.user, "/inbox/")
    page.get_by_label("All 3").check()
    expect(page.locator("[data-picked]").first).to_have_text("3 chosen")
    page.get_by_role("button", name="Send again").first.click()
    expect(page.locator("#toasts")).to_contain_text("3 edits are sent again.")
    outbox.deliver()
    assert {described(nimble, deal) for deal in deals[:3]} == {"Retried"}


def test_many_are_undone_from_the_history(mirror: Connection, deals: list[Deal], open_as: Open, nimble: SandboxServer):
    before = [described(nimble, deal) for deal in deals[:3]]
    for deal in deals[:3]:
        actions.change(author=mirror.user, deal=deal, field="description", value="Changed in bulk")
    outbox.deliver()
    page = open_as(mirror.user, "/history/")
    for box in page.get_by_role("checkbox", name="Choose the edit of").all():
        box.check()
    page.get_by_role("button", name="Undo the chosen").click()
    expect(page.locator("#toasts")).to_contain_text("3 edits were undone.")
    outbox.deliver()
    assert [described(nimble, deal) for deal in deals[:3]] == before
