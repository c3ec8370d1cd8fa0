"""Every page that the sidebar and a board's bar lead to, for axe, in both themes and on a phone."""

from typing import Any

import pytest

from deals.models import Deal, Pipeline
from tests.browser import LOOKS, Open, looked_at


@pytest.mark.parametrize("look", LOOKS)
def test_every_main_page_is_accessible(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(board.get_absolute_url(), **look)
    root = "/".join(page.url.split("/")[:3])
    links = [one.get_attribute("href") or "" for one in page.locator("#sidebar a[data-go], #sidebar .person a").all()]
    assert len(links) > 8
    for path in [*links, f"{board.get_absolute_url()}?group=owner", "/deals/new/"]:
        page.goto(root + path)
        looked_at(page, "main" + path.replace("/", "-").split("?")[0], look)
    page.keyboard.press("Control+k")
    looked_at(page, "palette", look)
    page.keyboard.press("Escape")
    page.locator("#content").focus()
    page.keyboard.press("?")
    looked_at(page, "keys", look)
