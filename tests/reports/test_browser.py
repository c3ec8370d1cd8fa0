"""The reports in a real browser: accessible in both themes and at 360 px, by keyboard.

`PICTURES=folder` keeps a picture of every page.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from nimble.models import Connection
from reports.figures import REPORTS
from tests import factories
from tests.browser import LOOKS, Open, check_accessible


@pytest.fixture
def open_(transactional_db: None, open_: Open, ada: Connection) -> Open:
    """Opens a path as Ada, whose mirror has deals."""
    factories.mirrored(ada, deals=120)
    return open_


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("look", LOOKS)
def test_reports_are_accessible(open_: Open, look: dict[str, Any]):
    page = open_("/reports/?period=all", **look)
    looks = f"{look['width']}-{look['color_scheme']}"
    paths = {"index": "", **{name: f"{name}/" for name in REPORTS}}
    paths |= {"past": "past/", "changes": "changes/", "deals": "deals/"}
    for name, path in paths.items():
        page.goto(page.url.split("/reports/")[0] + f"/reports/{path}?period=all")
        picture(page, f"{name}-{looks}")
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"


def test_g_r_goes_to_the_reports_and_a_number_to_its_deals(open_: Open):
    page = open_("/profile/")
    page.locator("body").press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Reports")
    page.get_by_role("link", name="Funnel").last.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Funnel")
    page.get_by_label("Period").select_option("all")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**period=all*")
    number = page.locator(".figures td a").first
    count = number.inner_text()
    number.press("Enter")
    expect(page.locator(".pagebar .badge")).to_have_text(count)


def test_chart_has_a_name_and_says_what_it_shows(open_: Open):
    page = open_("/reports/funnel/?period=all")
    chart = page.get_by_role("img").first
    expect(chart).to_have_attribute(
        "aria-label", chart.locator("title").text_content() + ". " + chart.locator("desc").text_content()
    )  # type: ignore[operator]
    assert page.locator("svg.chart [style]").count() == 0


@pytest.mark.parametrize(
    ("path", "more"),
    [("", ["data-after"]), ("stays/", ["data-before", "data-after"]), ("changes/", ["data-before"])],
)
def test_open_tab_is_in_view_and_the_edges_say_that_there_is_more(open_: Open, path: str, more: list[str]):
    page = open_(f"/reports/{path}", width=360, height=740)
    tabs = page.locator(".reports-tabs")
    expect(tabs.locator("[aria-current]")).to_be_in_viewport(ratio=0.95)
    for edge in ("data-before", "data-after"):
        expect(page.locator(f".reports-tabs[{edge}]")).to_have_count(int(edge in more))
