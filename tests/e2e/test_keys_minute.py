"""A working minute without a mouse: an empty database, a real browser, real processes, and Nimble's own state."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage
from tests.e2e.board import SECONDS, Board
from tests.processes import Portal, wait_for


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
