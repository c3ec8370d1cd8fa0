"""Notifications in a real browser: accessible in both themes and at 360 px, with and without JavaScript."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync.clock import database_now
from sync.models import Brake, Edit, State, Stream
from team import notices
from team.models import Notification
from tests import factories
from tests.browser import LOOKS, Open
from tests.sync.pages import workers_alive
from tests.sync.test_pages_browser import looked_at


@pytest.fixture
def told(transactional_db: None, ada: Connection) -> Connection:
    """Ada, with an edit in conflict, records that vanished, a limit that is reached, and an edit that was settled."""
    workers_alive()
    factories.mirrored(ada)
    states = [State.REJECTED, State.CONFLICT, State.BLOCKED]
    for deal, state in zip(Deal.objects.filter(is_private=False).order_by("pk"), states, strict=False):
        edit = actions.change(author=ada.user, deal=deal, field="name", value=f"{deal.name} renamed")
        assert edit
        Edit.objects.filter(pk=edit.pk).update(state=state, error={"reason": "quota" if state == State.BLOCKED else ""})
    now = database_now()
    listing = Stream.objects.get(connection=ada, name="listing")
    Brake.objects.create(stream=listing, kind="contact", missing=47, known=312, began_at=now, listed_at=now)
    notices.refresh()
    Edit.objects.filter(state=State.REJECTED).update(state=State.DISCARDED)
    notices.refresh()
    return ada


@pytest.mark.parametrize("look", LOOKS)
def test_notifications_page(told: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(told.user, "/notifications/", **look)
    expect(page.locator(".notice")).to_have_count(4)
    expect(page.locator(".notice[data-unread]")).to_have_count(3)
    looked_at(page, "notifications", look)


@pytest.mark.parametrize("look", LOOKS)
def test_page_without_notifications(transactional_db: None, ada: Connection, open_as: Open, look: dict[str, Any]):
    looked_at(open_as(ada.user, "/notifications/", **look), "notifications-none", look)


@pytest.mark.parametrize("script", [True, False])
def test_opening_one_reads_it_and_leads_to_where_it_is_mended(told: Connection, open_as: Open, script: bool):
    page: Page = open_as(told.user, "/notifications/", java_script_enabled=script)
    page.get_by_role("button", name="Open: 47 of 312 records vanished at once").click()
    expect(page.get_by_role("heading", name="47 of 312 records vanished from Nimble at once")).to_be_visible()
    assert Notification.objects.filter(read_at__isnull=False).count() == 1
    page.goto(page.url.replace("/sync/", "/notifications/"))
    page.get_by_role("button", name="Mark all read").click()
    expect(page.locator(".notice[data-unread]")).to_have_count(0)


def test_keys_lead_to_the_notifications(told: Connection, open_as: Open):
    page = open_as(told.user, "/sync/")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url(page.url.replace("/sync/", "/notifications/"))
