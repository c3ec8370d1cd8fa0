"""Home, profile, sync and an edit's page in a real browser: accessible in both themes and at 360 px, and alive.

`PICTURES=folder` keeps a picture of every page.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble.models import Connection, ConnectionState
from sync import edits, registry
from sync.clock import database_now
from sync.models import Brake, Check, Edit, Run, State, Stream, Vanished
from tests import factories
from tests.browser import LOOKS, Open, check_accessible
from tests.sync.pages import workers_alive


def looked_at(page: Page, name: str, look: dict[str, Any]) -> None:
    """Accessible, no wider than the screen; a picture where one is wanted."""
    if folder := os.environ.get("PICTURES"):
        # All of it: the content scrolls by itself.
        height = page.evaluate("document.body.scrollHeight + content.scrollHeight - content.clientHeight")
        page.set_viewport_size({"width": look["width"], "height": height})
        tone = "360" if look["width"] == 360 else look["color_scheme"]
        page.screenshot(path=Path(folder, f"{name}-{tone}.png"), full_page=True)
    check_accessible(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px wider than the screen"


@pytest.fixture
def mirror(transactional_db: None, ada: Connection) -> Connection:
    workers_alive()
    return factories.mirrored(ada)


@pytest.fixture
def busy(mirror: Connection) -> Connection:
    """A connection with an edit in every state, a failed stream, a running one and a quarantined record."""
    errors = {
        State.CONFLICT: {"reason": "conflict", "message": "Changed in Nimble, too."},
        State.REJECTED: {"reason": "Invalid", "message": "Bad", "fields": {"name": ["Too short.", "Not unique."]}},
        State.FAILED: {"reason": "ServerError", "message": "Nimble had an internal error."},
        State.BLOCKED: {"reason": "quota", "message": "Your Nimble plan's limit is reached."},
        State.RETRYING: {"reason": "NoAnswer", "message": "Nimble did not answer."},
        State.AMBIGUOUS: {"reason": "ambiguous", "message": "It may be in Nimble."},
    }
    states = [State.PENDING, State.SENDING, *errors, State.CONFIRMED]
    now = database_now()
    for deal, state in zip(Deal.objects.order_by("pk"), states, strict=False):
        edit = actions.change(author=mirror.user, deal=deal, field="name", value=f"{deal.name} renamed")
        assert edit
        fields = dict(edit.fields)
        if state == State.CONFLICT:
            fields["name"] = {**fields["name"], "theirs": "Another name altogether"}
        attempts = 0 if state == State.PENDING else 2
        done = now if state == State.CONFIRMED else None
        error = errors.get(state, {})
        Edit.objects.filter(pk=edit.pk).update(
            state=state, error=error, fields=fields, attempts=attempts, confirmed_at=done, sent_at=done
        )
    names = [spec.name for spec in registry.streams()]
    running = Stream.objects.get(connection=mirror, name=names[-1])
    Run.objects.create(
        stream=running, started_at=now - timedelta(seconds=20), moved_at=now, done=1234, total=8800, full=True
    )
    failed = Stream.objects.get(connection=mirror, name=names[1])
    Stream.objects.filter(pk=failed.pk).update(failures=2)
    Run.objects.create(
        stream=failed,
        started_at=now,
        moved_at=now,
        finished_at=now,
        state=Run.State.FAILED,
        error="Nimble did not answer.",
    )
    factories.quarantined(mirror, "contact", "5f0c", "Unstorable: no fields")
    listing, walk = (Stream.objects.get(connection=mirror, name=name) for name in ("listing", "deals"))
    brake = Brake.objects.create(
        stream=listing, kind="contact", missing=47, known=312, mark="m", began_at=now, listed_at=now
    )
    Vanished.objects.bulk_create(
        [Vanished(brake=brake, record_id=pk) for pk in Contact.objects.values_list("pk", flat=True)[:12]]
    )
    figures = [
        ("Sales · Offer made", "EUR", 128_400, 131_000),
        ("Sales · Won", "EUR", 990_210, 990_210),
        ("", "", 37, 37),
    ]
    for number, (name, unit, theirs, ours) in enumerate(figures):
        found = {"name": name, "unit": unit, "theirs": theirs, "ours": ours, "walks": 2 if theirs != ours else 0}
        Check.objects.create(stream=walk, key=f"{number}", compared_at=now, differs_since=now, **found)
    Check.objects.create(stream=listing, key="contacts", compared_at=now, theirs=312, ours=312)
    Stream.objects.filter(connection=mirror, name="contacts").update(paused=True)
    return mirror


@pytest.mark.parametrize("look", LOOKS)
def test_figures_page(busy: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(busy.user, "/sync/figures/", **look)
    looked_at(page, "figures", look)


@pytest.mark.parametrize("look", LOOKS)
def test_sync_page_of_an_operator(busy: Connection, open_as: Open, look: dict[str, Any]):
    user = get_user_model().objects.create_superuser("root", "", "a long password")
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    page = open_as(user, "/sync/", **look)
    expect(page.get_by_role("heading", name="Everybody's sync")).to_be_visible()
    looked_at(page, "sync-operator", look)


@pytest.mark.parametrize("look", LOOKS)
def test_dialog_before_a_stream_is_read_anew(busy: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(busy.user, "/sync/", **look)
    page.get_by_role("link", name="Read Notes anew…").click()
    expect(page.locator("#dialog")).to_be_visible()
    looked_at(page, "full", look)
    page.locator("#dialog").get_by_role("button", name="Read anew").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("It is read anew.")


def test_streams_are_paused_and_resumed_with_the_keyboard(busy: Connection, open_as: Open):
    page = open_as(busy.user, "/sync/")
    page.get_by_role("button", name="Pause Deals").focus()
    page.keyboard.press("Enter")
    resume = page.get_by_role("button", name="Resume Deals")
    expect(resume).to_be_visible()
    resume.press("Enter")
    expect(page.get_by_role("button", name="Pause Deals")).to_be_visible()
    assert not Stream.objects.get(connection=busy, name="deals").paused


@pytest.mark.parametrize("script", [True, False])
def test_vanished_records_are_decided_with_and_without_javascript(busy: Connection, open_as: Open, script: bool):
    page = open_as(busy.user, "/sync/", java_script_enabled=script)
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator("#toasts")).to_contain_text("They are kept.")
    expect(page.get_by_text("47 records are kept that Nimble no longer lists")).to_be_visible()
    assert Brake.objects.get().decided_by == busy.user


@pytest.mark.parametrize("look", LOOKS)
def test_sync_page(busy: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(busy.user, "/sync/", **look)
    expect(page.locator("#standing h2").first).to_contain_text("need you")
    looked_at(page, "sync", look)


@pytest.mark.parametrize("state", [State.CONFLICT, State.REJECTED, State.AMBIGUOUS, State.CONFIRMED])
@pytest.mark.parametrize("look", LOOKS)
def test_edit_page(busy: Connection, open_as: Open, look: dict[str, Any], state: str):
    edit = Edit.objects.get(state=state)
    page = open_as(busy.user, f"/sync/edits/{edit.pk}/", **look)
    looked_at(page, f"edit-{state}", look)


@pytest.mark.parametrize("look", LOOKS)
def test_home_while_the_first_sync_runs(mirror: Connection, open_as: Open, look: dict[str, Any]):
    now = database_now()
    Stream.objects.filter(connection=mirror).update(completed_at=None)
    first = Stream.objects.get(connection=mirror, name=registry.streams()[1].name)
    began = now - timedelta(seconds=30)
    run = Run.objects.create(stream=first, started_at=began, moved_at=now, done=3000, total=8800, full=True)
    page = open_as(mirror.user, "/", **look)
    bar = page.locator("#first-sync progress")
    expect(bar).to_have_attribute("value", "3000")
    looked_at(page, "home-syncing", look)
    Run.objects.filter(pk=run.pk).update(done=5000, moved_at=database_now())
    expect(bar).to_have_attribute("value", "5000")
    Stream.objects.filter(connection=mirror).update(completed_at=database_now())
    expect(page.get_by_role("link", name="Open the board")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_home_of_somebody_without_a_connection(transactional_db: None, open_as: Open, look: dict[str, Any]):
    page = open_as(get_user_model().objects.create_user("new"), "/", **look)
    expect(page.get_by_role("button", name="Connect Nimble")).to_be_visible()
    looked_at(page, "home-connect", look)


@pytest.mark.parametrize("look", LOOKS)
def test_home_after_the_grant_died(busy: Connection, open_as: Open, look: dict[str, Any]):
    Connection.objects.filter(pk=busy.pk).update(state=ConnectionState.RECONNECT)
    page = open_as(busy.user, "/", **look)
    expect(page.get_by_role("link", name="See my edits")).to_be_visible()
    looked_at(page, "home-reconnect", look)


def test_home_of_an_operator(transactional_db: None, open_as: Open):
    user = get_user_model().objects.create_superuser("root", "", "a long password")
    page = open_as(user, "/")
    expect(page.get_by_role("link", name="Open the administration")).to_be_visible()
    looked_at(page, "home-operator", {"width": 1280, "color_scheme": "light"})


@pytest.mark.parametrize("look", LOOKS)
def test_profile(mirror: Connection, open_as: Open, look: dict[str, Any]):
    page = open_as(mirror.user, "/profile/", **look)
    looked_at(page, "profile", look)


def test_language_of_the_profile_is_the_pages(mirror: Connection, open_as: Open):
    page = open_as(mirror.user, "/profile/")
    page.get_by_label("Language", exact=True).select_option("de")
    page.get_by_label("Theme", exact=True).select_option("dark")
    page.get_by_label("Time zone", exact=True).select_option("Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    mirror.user.profile.refresh_from_db()
    assert (mirror.user.profile.time_zone, mirror.user.profile.keys) == ("Europe/Berlin", True)


def test_discarding_in_the_queue_refreshes_the_page_with_a_notice(busy: Connection, open_as: Open):
    page = open_as(busy.user, "/sync/")
    failed = Edit.objects.get(state=State.FAILED)
    page.locator(f"#edit-{failed.pk}").get_by_role("button", name="Discard").click()
    expect(page.locator("#toasts")).to_contain_text("Discarded.")
    expect(page.locator(f"#edit-{failed.pk}")).to_have_count(0)


def test_conflict_is_decided_with_another_value(busy: Connection, open_as: Open):
    conflict = Edit.objects.get(state=State.CONFLICT)
    page = open_as(busy.user, f"/sync/edits/{conflict.pk}/")
    page.get_by_role("radio", name="Another value").check()
    page.get_by_role("textbox", name="Another value").fill("A third name")
    page.get_by_role("button", name="Send what I chose").click()
    expect(page.locator("#toasts")).to_contain_text("Decided.")
    conflict.refresh_from_db()
    assert (conflict.state, conflict.fields["name"]["new"]) == (State.PENDING, "A third name")


def test_badge_is_gone_once_the_edit_has_arrived(mirror: Connection, open_as: Open):
    edit = edits.record(author=mirror.user, row=Deal.objects.order_by("pk")[0], new={"amount": "31337"})
    assert edit
    page = open_as(mirror.user, "/sync/")
    expect(page.locator(f"#edit-{edit.pk}")).to_contain_text("Saved here")
    Edit.objects.filter(pk=edit.pk).update(state=State.CONFIRMED, confirmed_at=database_now())
    expect(page.locator("#standing")).to_contain_text("Nothing waits")
