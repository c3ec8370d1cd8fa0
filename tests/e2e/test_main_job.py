"""The main job, as a person does it: an empty database, a real browser, real processes, and Nimble's own state."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage, check_accessible
from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for

SECONDS = 15


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Iterator[Portal]:
    portal = make_portal("--contacts", "200", "--deals", "60")
    yield portal
    assert portal.check_exchanges() > 20


class Board:
    """The board as Ada has it open, and what Nimble has."""

    def __init__(self, page: Page, portal: Portal) -> None:
        self.page = page
        self.portal = portal
        self.sandbox = portal.sandbox
        self.ada = self.sandbox.users[ADA]["user_id"]

    def sign_in(self) -> None:
        """From the one-time link over Nimble's consent to the board."""
        self.page.goto(self.portal.claim)
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_role("button", name=re.compile("Continue (with|to) Nimble")).click()
        self.page.get_by_label(re.compile("Ada")).check()
        self.page.get_by_role("button", name="Allow").click()

    def open(self) -> None:
        self.page.goto(f"{self.portal.url}/deals/")
        expect(self.page.locator("#board")).to_be_visible()

    def columns(self) -> list[Any]:
        """The open stages."""
        return self.page.locator('.column[data-role="open"]').all()

    def drag(self, source: int = 0, target: int = 1) -> dict[str, Any]:
        """Drag the first card of one column into another; the deal as Nimble has it now, before it knows."""
        columns = self.columns()
        card = columns[source].locator('.card[data-editable="1"]').first
        title = card.locator(".t").inner_text()
        deal = self.deal(title)
        goal, since = columns[target].get_attribute("data-name"), self.sandbox.state()["log"]["last"]
        self.carry(card, columns[target].locator(".cards"))
        expect(columns[target].locator(".card", has_text=title)).to_be_visible()
        return {**deal, "title": title, "goal": goal, "since": since}

    def carry(self, card: Any, onto: Any) -> None:
        """As a hand does it: press, begin to move, glide, let go."""
        mouse = self.page.mouse
        card.hover()
        start, end = card.bounding_box(), onto.bounding_box()
        mouse.move(start["x"] + 60, start["y"] + 40)
        mouse.down()
        mouse.move(start["x"] + 70, start["y"] + 46, steps=4)
        mouse.move(end["x"] + 80, end["y"] + 30, steps=20)
        mouse.move(end["x"] + 84, end["y"] + 34, steps=4)
        mouse.up()

    def deal(self, name: str) -> dict[str, Any]:
        """A deal in Nimble by its name."""
        found = [one for one in self.sandbox.objects("deal") if one["values"]["name"] == name]
        assert len(found) == 1, f"{len(found)} deals are called {name!r}"
        return found[0]

    def arrived(self, moved: dict[str, Any], timeout: float = SECONDS) -> None:
        """Nimble has the moved card, by Ada, once."""

        def there() -> bool:
            now = self.sandbox.object("deal", moved["id"])
            return bool(now["stage_name"] == moved["goal"] and now["updated_by"] == self.ada)

        wait_for(there, f"{moved['title']} is in {moved['goal']} in Nimble", timeout=timeout)
        puts = [one for one in self.sandbox.writes(moved["since"]) if one["path"].endswith(moved["id"])]
        assert len(puts) == 1


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


def reach(page: Page, goal: Locator, key: str = "Tab", most: int = 80) -> None:
    """Press a key until this has the focus."""
    goal.wait_for()
    for _ in range(most):
        if goal.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press(key)
    expect(goal).to_be_focused()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_working_minute_without_a_mouse(running: Portal, new_page: NewPage):
    page = new_page(width=1440, height=860)
    board = Board(page, running)
    page.goto(f"{running.url}/accounts/login/")
    reach(page, page.get_by_role("button", name="Continue with Nimble"))
    press(page, "Enter")
    reach(page, page.get_by_label(re.compile("Ada")))
    press(page, "Space")
    reach(page, page.get_by_role("button", name="Allow"))
    press(page, "Enter")
    page.wait_for_url(f"{running.url}/**")
    press(page, "g", "d")
    expect(page.locator("#board")).to_be_visible()

    # The tests above have taken cards out of the first column.
    card = board.columns()[1].locator('.card[data-editable="1"]:not([data-no-probability])').first
    title, path = card.locator(".t").inner_text(), card.locator(".t").get_attribute("href") or ""
    pk = path.split("/")[2]
    card, deal = page.locator(f"#deal-{pk}"), board.deal(title)
    stages = {one.get_attribute("data-name") or "": one for one in board.columns()}
    second, third = list(stages)[2:4]
    press(page, "Control+k")
    page.keyboard.type(title)
    found = page.locator(f"#palette-deal-{pk}")
    expect(found).to_be_visible()
    while found.get_attribute("aria-selected") != "true":
        press(page, "ArrowDown")
    press(page, "Enter")
    page.wait_for_url(f"**{path}")

    press(page, "n")
    page.keyboard.type("Called them by keys")
    press(page, "Control+Enter")
    expect(page.locator("#timeline").get_by_text("Called them by keys")).to_be_visible()
    press(page, "Escape", "e")
    expect(page.locator("#field-name input[name=value]")).to_be_focused()
    press(page, "Escape")
    reach(page, page.locator("#field-amount .value"))
    press(page, "Enter")
    typed = page.locator("#field-amount input[name=value]")
    expect(typed).to_be_focused()
    page.keyboard.type("8765")
    press(page, "Enter")
    expect(page.locator("#field-amount")).to_contain_text("8,765")

    press(page, "g", "d")
    page.wait_for_url("**/deals/**")
    reach(page, card, "j")
    press(page, "Alt+ArrowRight")
    expect(stages[second].locator(card)).to_be_visible()
    expect(page.locator(f"#deal-{pk}[aria-busy]")).to_have_count(0)
    expect(card).to_be_focused()
    press(page, "m")
    reach(page, page.locator("#move-menu").get_by_role("menuitemradio", name=third, exact=True), "ArrowDown")
    press(page, "Enter")
    expect(stages[third].locator(card)).to_be_visible()
    expect(page.locator(f"#deal-{pk}[aria-busy]")).to_have_count(0)

    press(page, "m")
    reach(page, page.locator("#move-menu").get_by_role("menuitemradio", name="Lost", exact=True), "ArrowDown")
    press(page, "Enter")
    reason = page.locator("#dialog").get_by_label("Why was it lost?")
    expect(reason).to_be_focused()
    press(page, "ArrowDown")
    reach(page, page.locator("#dialog").get_by_role("button", name="Move", exact=True))
    press(page, "Enter")
    expect(page.locator('.column[data-role="lost"]').locator(card)).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Lost")
    press(page, "Control+z")
    expect(stages[third].locator(card)).to_be_visible()

    press(page, "c")
    expect(page.locator(".quick-add input[name=name]")).to_be_focused()
    page.keyboard.type("By keys alone")
    # This stage has none of its own.
    reach(page, page.locator(".quick-add").get_by_label("Probability, %"))
    page.keyboard.type("40")
    press(page, "Enter")
    expect(page.locator(".card", has_text="By keys alone")).to_be_visible()
    press(page, "Escape", "g", "i")
    page.wait_for_url("**/inbox/")

    def all_there() -> bool:
        now = board.sandbox.object("deal", deal["id"])
        notes = [one for one in board.sandbox.objects("deal_note") if "by keys" in str(one)]
        made = [one for one in board.sandbox.objects("deal") if one["values"]["name"] == "By keys alone"]
        moved = now["stage_name"] == third and now["values"].get("amount") == "8765"
        return bool(moved and len(notes) == 1 and len(made) == 1)

    wait_for(all_there, "Nimble has it all", timeout=SECONDS)
