"""A finger on a phone's screen, for the tests: touches as the system sends them, so that the browser itself scrolls or
lets the page have them.
"""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

PHONE: dict[str, Any] = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}
# A card that a long press took.
TAKEN = ".sortable-chosen"
# What a target takes presses on, at least, in px (docs/ui.md).
TARGET = 44

# How far from its middle an element takes presses, up to half a target each way: [left, right, up, down].
REACH = """(element, half) => {
  const box = element.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const hit = (dx, dy) => {
    const found = document.elementFromPoint(x + dx, y + dy);
    return [element, ...(element.labels ?? [])].some((one) => found && one.contains(found));
  };
  return [[-1, 0], [1, 0], [0, -1], [0, 1]].map(([dx, dy]) => {
    let reach = 0;
    while (reach < half && hit(dx * reach, dy * reach)) reach += 0.5;
    return reach;
  });
}"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth + Math.abs(window.scrollX)"


class Finger:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.x = self.y = 0.0

    def _send(self, kind: str, *points: dict[str, float]) -> None:
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    def down(self, x: float, y: float) -> None:
        self.x, self.y = x, y
        self._send("touchStart", {"x": x, "y": y})

    def glide(self, x: float, y: float, steps: int = 12) -> None:
        from_x, from_y = self.x, self.y
        for step in range(1, steps + 1):
            part = step / steps
            self.x, self.y = from_x + (x - from_x) * part, from_y + (y - from_y) * part
            self._send("touchMove", {"x": self.x, "y": self.y})

    def up(self) -> None:
        self._send("touchEnd")

    def swipe(self, dx: float, dy: float, start: tuple[float, float] | None = None) -> None:
        """Push what is below `start`, without one below the screen's middle, by so many px."""
        x, y = start or (PHONE["width"] / 2 - dx / 2, PHONE["height"] / 2 - dy / 2)
        for _ in range(5):
            self.down(x, y)
            self.glide(x + dx / 12, y + dy / 12, steps=1)
            if not self.page.locator(TAKEN).count():
                break
            # A page that was busy saw a long press: let go, and begin again.
            self._send("touchCancel")
            expect(self.page.locator(TAKEN)).to_have_count(0)
        else:
            raise AssertionError("a swipe takes a card")
        self.glide(x + dx, y + dy)
        # A finger that rests before it lets go flings nothing.
        self.page.wait_for_timeout(60)
        self.up()

    def take(self, card: Locator) -> None:
        """Press long on a card, and lift it."""
        box = self.box(card)
        self.down(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(card).to_have_class(re.compile(TAKEN[1:]))
        self.glide(self.x + 16, self.y + 16, steps=4)

    def reach(self, goal: Locator) -> None:
        """Swipe up or down until something lies well on the screen."""
        expect(goal).to_be_visible()
        for _ in range(20):
            box = self.still(goal)
            middle = box["y"] + box["height"] / 2
            if 110 < middle < PHONE["height"] - 90:
                return
            before = box["y"]
            self.swipe(0, max(-320.0, min(320.0, PHONE["height"] / 2 - middle)))
            if abs(self.still(goal)["y"] - before) < 2:
                # It scrolls no further: bars and sheets do not at all.
                return

    def tap(self, goal: Locator) -> None:
        """Tap something as big as a finger needs, on a page that is no wider than the screen."""
        self.reach(goal)
        goal.evaluate("element => Promise.all(element.getAnimations({ subtree: true }).map((one) => one.finished))")
        left, right, up, down = goal.evaluate(REACH, TARGET / 2)
        size = f"{goal} takes presses on {left + right} × {up + down} px"
        assert min(left + right, up + down) >= TARGET - 1, size
        assert self.page.evaluate(WIDER) <= 0, f"{self.page.url} is wider than the screen"
        goal.tap()

    def type(self, field: Locator, text: str) -> None:
        """Tap a field, and type with the keyboard on the screen, which begins with what is selected."""
        self.tap(field)
        expect(field).to_be_focused()
        self.page.keyboard.insert_text(text)

    def still(self, of: Locator) -> dict[str, float]:
        """Where something is once it moves no more."""
        before, now = {}, self.box(of)
        while now != before:
            self.page.wait_for_timeout(100)
            before, now = now, self.box(of)
        return now

    def box(self, of: Locator) -> dict[str, float]:
        box = of.bounding_box()
        assert box, f"{of} is not on the page"
        return dict(box)
