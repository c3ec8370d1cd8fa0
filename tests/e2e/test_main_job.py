"""The main job, as a person does it: an empty database, a real browser, real processes, and Nimble's own state."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import NewPage, check_accessible
from tests.e2e.board import SECONDS, Board
from tests.people import ADA
from tests.processes import Portal, wait_for


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    """What the first test leaves for the others: a signed-in browser's cookies."""
    return {}


@pytest.fixture
def board(running: Portal, new_page: NewPage, state: dict[str, Any]) -> Board:
    """A page of Ada's, who signed in with the module's first test."""
    page = new_page(width=1440, height=860, **({"storage_state": state["cookies"]} if state else {}))
    return Board(page, running)


def test_sign_in_watch_the_bar_drag_write_and_edit(board: Board, state: dict[str, Any]):
    page = board.page
    # Slow enough to see the bar.
    board.sandbox.set(latency_ms=300)
    board.sign_in()
    expect(page.locator("progress").first).to_be_visible()
    page.get_by_role("link", name="Open the board").click()
    board.sandbox.set(latency_ms=0)
    expect(page.locator("#board")).to_be_visible()
    state["cookies"] = page.context.storage_state()
    check_accessible(page)

    moved = board.drag()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    board.arrived(moved)

    page.locator(".card", has_text=moved["title"]).locator(".t").click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_be_visible()
    check_accessible(page)
    drawer.get_by_placeholder(re.compile("note", re.I)).fill("Called them; **very** keen.")
    drawer.get_by_role("button", name=re.compile("Add note|Save note|Note")).first.click()
    wait_for(
        lambda: [one for one in board.sandbox.objects("deal_note") if "very" in str(one)],
        "the note is in Nimble",
        timeout=SECONDS,
    )
    written = [one for one in board.sandbox.objects("deal_note") if "very" in str(one)]
    assert [one["deal_id"] for one in written] == [moved["id"]]

    page.goto(f"{board.portal.url}{page.url.removeprefix(board.portal.url).split('?')[0]}")
    page.get_by_role("link", name="Edit Amount").click()
    page.get_by_role("textbox", name="Amount").fill("4321")
    page.keyboard.press("Enter")
    wait_for(
        lambda: board.sandbox.object("deal", moved["id"])["values"].get("amount") == "4321",
        "the amount is in Nimble",
        timeout=SECONDS,
    )
    assert board.sandbox.object("deal", moved["id"])["updated_by"] == board.ada


def test_worker_stopped_while_dragging_sends_once_when_started(board: Board, running: Portal):
    board.open()
    running.stop("worker")
    moved = board.drag(source=1, target=2)
    expect(board.page.locator(".card", has_text=moved["title"]).get_by_text("Saved here")).to_be_visible()
    assert board.sandbox.object("deal", moved["id"])["stage_name"] != moved["goal"]
    running.start("worker")
    board.arrived(moved)


def test_killed_worker_comes_back_and_goes_on(board: Board, running: Portal):
    board.open()
    running.kill("worker-push")
    board.arrived(board.drag(source=2, target=1), timeout=45)


def test_token_that_expires_is_noticed_by_nobody(board: Board):
    board.open()
    board.sandbox.expire(ADA)
    board.arrived(board.drag(source=1, target=0))


def test_undo_brings_the_card_back_in_nimble_too(board: Board):
    board.open()
    moved = board.drag(source=0, target=2)
    board.arrived(moved)
    board.page.get_by_role("button", name="Undo").first.click()
    wait_for(
        lambda: board.sandbox.object("deal", moved["id"])["stage_name"] == moved["stage_name"],
        "Nimble has it back where it was",
        timeout=SECONDS,
    )


def test_alt_arrow_moves_the_focused_card_and_keeps_the_focus(board: Board):
    board.open()
    card = board.columns()[1].locator('.card[data-editable="1"]').first
    title = card.locator(".t").inner_text()
    goal, since = board.columns()[2].get_attribute("data-name"), board.sandbox.state()["log"]["last"]
    moved = {**board.deal(title), "title": title, "goal": goal, "since": since}
    card.focus()
    board.page.keyboard.press("Alt+ArrowRight")
    board.arrived(moved)
    focused = board.page.evaluate("document.activeElement.closest('.card')?.querySelector('.t')?.innerText")
    assert focused == title
