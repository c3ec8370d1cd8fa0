"""The board as Ada has it open in a real browser, and what Nimble has."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.people import ADA
from tests.processes import Portal, wait_for

SECONDS = 15


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
