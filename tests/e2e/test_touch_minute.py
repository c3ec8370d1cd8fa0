"""A working minute of a salesperson on a phone: nothing but touches, and what the keyboard on the screen types.

An empty database, a real browser, real processes, and Nimble's own state.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage
from tests.e2e.board import SECONDS, Board
from tests.processes import Portal, wait_for
from tests.touch import PHONE, Finger

LOST = "Lost"


class Phone(Board):
    """The board on a phone of Ada's, under her finger."""

    def __init__(self, page: Page, portal: Portal) -> None:
        super().__init__(page, portal)
        self.finger = Finger(page)
        self.drawer, self.dialog = page.locator("#drawer"), page.locator("#dialog")

    def sign_in(self) -> None:
        page = self.page
        page.goto(f"{self.portal.url}/accounts/login/")
        self.finger.tap(page.get_by_role("button", name="Continue with Nimble"))
        page.get_by_label(re.compile("Ada")).tap()
        page.get_by_role("button", name="Allow").tap()
        page.wait_for_url(f"{self.portal.url}/**")
        expect(page.get_by_role("heading", name="Your board is ready")).to_be_visible()

    def go(self, name: str) -> None:
        """To a page of the menu."""
        self.finger.tap(self.page.get_by_role("link", name="Open the menu"))
        self.finger.tap(self.page.locator(".nav").get_by_role("link", name=name, exact=True))

    def column(self, name: str) -> Locator:
        return self.page.locator(f'.column[data-name="{name}"]')

    def swipe_to(self, column: Locator) -> None:
        """Push the board aside until a column fills the screen."""
        for _ in range(8):
            left = self.finger.still(column)["x"]
            if abs(left) < 40:
                return
            self.finger.swipe(-200 if left > 0 else 200, 0)
        pytest.fail(f"{column} cannot be swiped to")

    def carry_over(self, card: Locator, goal: Locator) -> None:
        """Take a card by a long press to the screen's edge, wait for the next column there, and let go over it."""
        self.finger.take(card)
        expect(self.page.locator("#board.dragging")).to_be_visible()
        self.finger.glide(PHONE["width"] - 12, 420)
        wait_for(lambda: self.finger.box(goal)["x"] < 150, "the board comes along", timeout=SECONDS)
        self.finger.glide(PHONE["width"] / 2 + 40, 420)
        expect(self.page.locator(".column.goal")).to_have_attribute("data-name", goal.get_attribute("data-name") or "")
        self.finger.up()

    def choose(self, card: Locator, stage: str) -> None:
        """Move a card by its menu."""
        self.finger.tap(card.locator(".v"))
        self.finger.tap(self.page.locator("#move-menu").get_by_role("menuitemradio", name=stage, exact=True))

    def settled(self, of: Locator) -> None:
        """All of it is in Nimble: no badge says otherwise."""
        expect(of).to_be_visible()
        expect(of.locator(".edit-state")).to_have_count(0)


@pytest.fixture
def phone(running: Portal, new_page: NewPage) -> Phone:
    return Phone(new_page(**PHONE), running)


def told(written: dict[str, Any], stages: dict[str, str]) -> tuple[str, str]:
    """What was written to Nimble, and its value."""
    body = written["body"]
    if "stage_id" in body:
        return "stage", stages[body["stage_id"]]
    if "fields_values" in body:
        [(name, values)] = body["fields_values"].items()
        return name, values[0]["value"]
    return written["path"].rpartition("/")[2], body.get("subject") or body["body"]


def test_working_minute_on_a_touch_screen(phone: Phone):
    page, finger, drawer, dialog = phone.page, phone.finger, phone.drawer, phone.dialog
    phone.sign_in()
    since = phone.sandbox.state()["log"]["last"]
    phone.go("Deals")
    expect(page.locator("#board")).to_be_visible()

    stages = [one.get_attribute("data-name") or "" for one in phone.columns()]
    first, second, third = (phone.column(name) for name in stages[:3])
    phone.swipe_to(second)
    cards = second.locator('.card[data-editable="1"]')
    (pk, title), (other_pk, other_title) = (
        (card.get_attribute("data-deal"), card.locator(".t").inner_text()) for card in cards.all()[:2]
    )
    card, other = page.locator(f"#deal-{pk}"), page.locator(f"#deal-{other_pk}")
    deal, other_deal = phone.deal(title), phone.deal(other_title)

    phone.carry_over(card, third)
    expect(third.locator(card)).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text(stages[2])
    phone.settled(card)

    finger.tap(card.locator(".t"))
    expect(drawer.locator("#deal-head")).to_be_visible()
    finger.tap(drawer.locator("#field-amount .value"))
    amount = drawer.locator("#field-amount input[name=value]")
    expect(amount).to_be_focused()
    finger.type(amount, "8765")
    finger.tap(drawer.locator("#field-amount").get_by_role("button", name="Save"))
    expect(drawer.locator("#field-amount .value")).to_contain_text("8,765")
    phone.settled(drawer.locator("#field-amount"))

    finger.type(drawer.get_by_placeholder(re.compile("note", re.I)), "Called them on the way")
    finger.tap(drawer.get_by_role("button", name="Save note"))
    expect(drawer.locator("#timeline").get_by_text("Called them on the way")).to_be_visible()
    phone.settled(drawer.locator("#timeline"))

    finger.tap(drawer.get_by_role("link", name="New task"))
    finger.type(dialog.get_by_label("Task"), "Send the offer from the train")
    finger.tap(dialog.get_by_role("button", name="Create task"))
    expect(dialog).to_be_hidden()
    expect(drawer.locator("#timeline").get_by_text("Send the offer from the train")).to_be_visible()
    phone.settled(drawer.locator("#timeline"))
    finger.tap(drawer.get_by_role("button", name="Close"))
    expect(drawer).to_be_hidden()

    phone.swipe_to(second)
    phone.choose(other, stages[0])
    expect(first.locator(other)).to_be_attached()
    finger.tap(page.locator(".toast", has_text=other_title).get_by_role("button", name="Undo"))
    expect(second.locator(other)).to_be_attached()

    finger.type(page.get_by_role("searchbox", name="Filter by text"), title)
    expect(page.locator(f'.card:not(:has-text("{title}"))')).to_have_count(0)
    phone.swipe_to(third)
    phone.choose(card, LOST)
    reason = dialog.get_by_label("Why was it lost?")
    finger.reach(reason)
    # The list of choices is the system's own, not the page's.
    reason.select_option(index=1)
    because = reason.evaluate("select => select.selectedOptions[0].text")
    finger.tap(dialog.get_by_role("button", name="Move", exact=True))
    expect(phone.column(LOST).locator(card)).to_be_attached()
    finger.tap(page.get_by_role("link", name=f"Remove the filter “{title}”"))
    expect(second.locator(other)).to_be_attached()

    phone.go("Contacts")
    finger.type(page.locator("#filter-q"), "aoife nunez")
    found = page.locator("tbody th a")
    expect(found).to_have_count(1)
    finger.tap(found)
    expect(page.get_by_role("main").get_by_text("Office manager").first).to_be_visible()

    finger.tap(page.get_by_role("link", name="Open the menu"))
    finger.tap(page.locator("#sync-chip").get_by_role("button", name="Sync now"))
    finger.tap(page.locator(".toast").get_by_role("button", name="Dismiss").last)
    expect(page.locator(".toast")).to_have_count(0)
    finger.tap(page.locator("#sync-chip").get_by_role("link"))
    expect(page.get_by_text("Everything is in step")).to_be_visible()
    expect(page.get_by_text("Nothing waits")).to_be_visible()

    written = phone.sandbox.writes(since)
    assert {one["user_id"] for one in written} == {phone.ada}
    names = {stage["id"]: stage["name"] for one in phone.sandbox.objects("pipeline") for stage in one["stages"]}
    undone = [told(one, names) for one in written if other_deal["id"] in one["path"]]
    # An edit that is taken back before it is sent is never sent.
    assert undone in ([], [("stage", stages[0]), ("stage", stages[1])])
    assert [told(one, names) for one in written if other_deal["id"] not in one["path"]] == [
        ("stage", stages[2]),
        ("amount", "8765"),
        ("notes", "Called them on the way"),
        ("tasks", "Send the offer from the train"),
        ("stage", LOST),
        ("notes", f"Lost: {because}"),
    ]
    now, before = phone.sandbox.object("deal", deal["id"]), phone.sandbox.object("deal", other_deal["id"])
    assert (now["stage_name"], now["values"]["amount"], now["updated_by"]) == (LOST, "8765", phone.ada)
    assert before["stage_name"] == other_deal["stage_name"]
