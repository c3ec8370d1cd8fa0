"""How long what one person does takes to be on another's board, in two real browsers."""

import re
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from nimble.models import Connection
from tests.deals.test_live_browser import movable, two  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


def poll_every() -> float:
    """How often a board asks, in seconds."""
    script = Path(settings.BASE_DIR, "static", "js", "live.js").read_text(encoding="utf-8")
    found = re.search(r"^const EVERY = (\d+);$", script, re.MULTILINE)
    assert found
    return int(found[1]) / 1000


def test_drop_arrives_on_the_others_board(two: Any, ada: Connection, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    hers, his, pipeline = two
    row, first, second = movable(pipeline, ada)
    card = hers.locator(f"#deal-{row.pk}")
    took = []
    for n in range(ROUNDS):
        goal, key = (first, "Alt+ArrowLeft") if n % 2 else (second, "Alt+ArrowRight")
        # Drops come at any moment between two polls.
        hers.wait_for_timeout(400 * n % 2000)
        card.focus()
        hers.keyboard.press(key)
        begun = time.perf_counter()
        expect(his.locator(f"#cards-{goal.pk} #deal-{row.pk}")).to_be_visible()
        took.append(time.perf_counter() - begun)
        expect(hers.locator(f"#deal-{row.pk}:not([aria-busy])")).to_be_visible()
    every = poll_every()
    with capsys.disabled():
        print(f"\non the other's board after {median(took):.1f} s, {max(took):.1f} at worst; asked every {every:.0f} s")
    assert max(took) < 1.5 * every
