"""Every page that one of the team can open by its address, for axe: in both themes, at a desk and on a phone."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from tests.browser import Open, check_accessible
from tests.test_access import OK, TABLE, World, world

__all__ = ["world"]

DESK, PHONE = {"width": 1280}, {"width": 360, "height": 740}
# The rules of axe that a theme decides.
COLORS = ("color-contrast", "link-in-text-block")


def pages(world: World, client: Client) -> list[str]:
    """The addresses that answer the member with a whole page."""
    found = []
    for name, route in TABLE.items():
        path = reverse(name, kwargs={key: world[of] for key, of in route.objects.items()})
        query = urlencode({key: value.format_map(world) for key, value in route.data.items()})
        address = f"{path}?{query}" if query else path
        if route.access["member"] != OK:
            continue
        answer = client.get(address)
        is_html = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        if is_html and not answer.streaming and b"</html>" in answer.content:
            found.append(address)
    return [*found, "/no-such-page/"]


@pytest.mark.parametrize("look", [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone")])
def test_every_page_is_accessible(transactional_db: None, world: World, open_as: Open, look: dict[str, int]):
    client = Client()
    client.force_login(world["member"])
    addresses = pages(world, client)
    assert len(addresses) > 50
    page = open_as(world["member"], addresses[-1], **look)
    page.expected.append("404")  # type: ignore[attr-defined]
    root = page.url.removesuffix(addresses[-1])
    for address in addresses:
        page.goto(root + address)
        check_accessible(page)
        page.emulate_media(color_scheme="dark")
        check_accessible(page, only=COLORS)
        page.emulate_media(color_scheme="light")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} is {wide} px wider than the screen"
