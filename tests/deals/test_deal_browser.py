"""A deal's page in a real browser: its dialogs, its files, the way through a list, and a deletion from the drawer.

`PICTURES=folder` keeps a picture of every page.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from deals import actions, moves
from deals.models import Deal, DealField, Overdue, Pipeline
from nimble.models import Connection
from sync.clock import database_now
from tests.browser import LOOKS, Open, looked_at


@pytest.fixture
def full(row: Deal, ada: Connection) -> Deal:
    """A deal with everything beside it."""
    files = [
        {"file_id": "f1", "file_name": "Offer with quite a long name for a narrow panel.pdf", "file_size": 123456,
         "metadata": {"source": "uploaded_azure"}, "uploader": {"name": "Björn Å"}, "uploaded_at": "2025-01-02"},
        {"file_id": "f2", "file_name": "Plan", "metadata": {"source": "dropbox", "file_url": "https://db.tt/1"}},
    ]  # fmt: skip
    outside = [{"contact_info": "guest@outside.example", "note": "Advisor"}]
    Deal.objects.filter(pk=row.pk).update(remote={**row.remote, "files": files, "related_external_contacts": outside})
    past = (timezone.now() - timedelta(days=3)).date().isoformat()
    told = [
        {"name": "Send the offer again", "scheduled_tstamp": past, "assigned_to": {"name": "Ada"}, "is_important": True}
    ]
    now = database_now()
    Overdue.objects.create(deal=row, connection=ada, activities=told, read_at=now, changed_at=now)
    moves.keep({row.pk: row.remote})
    actions.add_task(author=ada.user, deal=row, values={"subject": "Call the buyer", "due": "2030-03-31"})
    actions.add_file(author=ada.user, deal=row, name="Drawing", link="https://db.tt/2", source="dropbox")
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("look", LOOKS)
def test_deal_with_everything_is_accessible(open_: Open, full: Deal, look: dict[str, Any]):
    page = open_(full.get_absolute_url(), **look)
    for part in ("overdue", "related", "files", "stages"):
        expect(page.locator(f"#{part}")).to_be_visible()
    looked_at(page, "deal-full", look)
    page.locator("#files").scroll_into_view_if_needed()
    looked_at(page, "deal-beside", look)
    for button, name in (
        ("Add contact", "relate"), ("Add by link", "file"), ("New task", "task"), ("Delete", "delete")
    ):  # fmt: skip
        if name == "delete" and look["width"] == 360:
            page.get_by_role("button", name="More actions").click()
            looked_at(page, "deal-actions", look)
        page.get_by_role("link", name=button, exact=True).click()
        dialog = page.locator("#dialog")
        expect(dialog).to_be_visible()
        looked_at(page, f"deal-{name}", look)
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
    page.locator("#field-privacy .value").click()
    expect(page.get_by_label("Everyone who sees it")).to_be_visible()
    looked_at(page, "deal-privacy", look)


def test_contact_is_found_and_file_added_by_keyboard(open_: Open, row: Deal):
    page = open_(row.get_absolute_url(), width=1280)
    page.expected.append("422")  # type: ignore[attr-defined]
    page.get_by_role("link", name="Add contact").press("Enter")
    expect(page.get_by_label("Find a contact")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Find a contact")).to_be_hidden()
    page.get_by_role("link", name="Add contact").press("Enter")
    expect(page.get_by_label("Find a contact")).to_be_focused()
    with page.expect_response(lambda answer: "q=a" in answer.url):
        page.keyboard.type("a")
    first = page.locator("#found form").first
    name = first.locator(".font-medium").inner_text()
    first.get_by_role("button").press("Enter")
    expect(page.locator("#related")).to_contain_text(name)
    expect(page.locator("#dialog")).to_be_hidden()
    page.get_by_role("link", name="Add by link").press("Enter")
    page.get_by_label("Link", exact=True).fill("https://example.org/1")
    page.get_by_label("Name", exact=True).fill("Plan")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("does not say where the file is kept")
    page.get_by_label("Kept at").select_option("dropbox")
    page.locator("#dialog").get_by_role("button", name="Add file").click()
    expect(page.locator("#files")).to_contain_text("Plan")
    expect(page.locator("#files")).to_contain_text("Saved here")


def test_dialog_stays_while_the_deal_changes_under_it(open_: Open, row: Deal):
    page = open_(row.get_absolute_url(), width=1280)
    page.get_by_role("link", name="New task").click()
    page.get_by_label("Task", exact=True).fill("Call the buyer")
    with page.expect_response(lambda answer: "/fresh/" in answer.url and "hx-trigger" in answer.headers):
        Deal.objects.filter(pk=row.pk).update(name="Renamed by somebody else", rev=F("rev") + 1)
    expect(page.locator("#deal-head")).to_contain_text("Renamed by somebody else")
    expect(page.get_by_label("Task", exact=True)).to_have_value("Call the buyer")


def test_j_and_k_walk_the_list_that_one_came_from(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    cards = page.locator(".column").first.locator(".card")
    paths = [card.locator("a.t").get_attribute("href") for card in cards.all()[:3]]
    page.keyboard.press("j")
    expect(cards.first).to_be_focused()
    page.keyboard.press("j")
    expect(cards.nth(1)).to_be_focused()
    cards.first.locator("a.t").click()
    expect(page.locator("#drawer #deal-head")).to_be_visible()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"{paths[1]}$"))
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(f"{paths[0]}$"))
    page.locator("[data-drawer-page]").click()
    expect(page.locator("[data-place]")).to_contain_text("1 / ")
    page.keyboard.press("j")
    expect(page.locator("[data-place]")).to_contain_text("2 / ")
    assert page.url.endswith(paths[1] or "?")
    page.get_by_role("link", name="Previous deal").click()
    expect(page.locator("[data-place]")).to_contain_text("1 / ")


def test_deal_deleted_from_the_drawer_leaves_the_board_and_comes_back(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    # The drawer may ask after the deal in the very moment in which it goes.
    page.expected += [f"/deals/{row.pk}/fresh/"]  # type: ignore[attr-defined]
    page.locator(f"#deal-{row.pk} .t").click()
    page.locator("#drawer").get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete deal").click()
    expect(page.locator(f"#deal-{row.pk}")).to_have_count(0)
    expect(page.locator("#drawer")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#deal-{row.pk}")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_new_deal_has_the_fields_of_its_pipeline(open_: Open, board: Pipeline, look: dict[str, Any]):
    page = open_("/deals/new/", **look)
    other = Pipeline.objects.exclude(pk=board.pk).filter(archived_at=None, stages__archived_at=None).first()
    assert other
    own = list(DealField.of(board.workspace_id, board.nimble_id or "").values_list("name", flat=True))
    page.get_by_label("Stage").select_option(str(board.stages.filter(archived_at=None)[0].pk))
    for name in own:
        expect(page.locator("#new-own")).to_contain_text(name)
    looked_at(page, "new-deal-own", look)


def test_new_name_is_the_pages_heading_at_once(open_: Open, row: Deal):
    page = open_(row.get_absolute_url())
    page.locator("#field-name .value").click()
    page.locator("#field-name input[name=value]").fill("Called anew")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Called anew")
    # Said once, above the fields; the bar leads back.
    expect(page.get_by_role("heading", name="Called anew")).to_have_count(1)
    expect(page.locator(".pagebar")).not_to_contain_text("Called anew")


def test_form_that_nobody_answers_keeps_what_was_typed(open_: Open, board: Pipeline):
    page = open_("/deals/new/")
    page.expected += ["ERR_INTERNET_DISCONNECTED", "sendError", "afterRequest"]  # type: ignore[attr-defined]
    name = page.get_by_label("Name", exact=True)
    name.fill("Typed while nobody answers")
    page.context.set_offline(True)
    name.press("Enter")
    notice = page.locator("#toasts .toast", has_text="Not saved. Your text is still here.")
    expect(notice).to_be_visible()
    expect(name).to_have_value("Typed while nobody answers")
    page.context.set_offline(False)
    notice.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Typed while nobody answers")
    assert Deal.objects.filter(name="Typed while nobody answers").count() == 1


def test_deal_that_is_taken_from_its_reader_leaves_the_screen(open_: Open, row: Deal, ada: Connection):
    page = open_(row.get_absolute_url())
    page.expected.append("404")  # type: ignore[attr-defined]
    expect(page.locator("#deal-head")).to_be_visible()
    Deal.objects.filter(pk=row.pk).update(is_private=True, owner_in_nimble="u9", reader_index="")
    row.sights.filter(connection=ada).delete()
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    expect(page.locator("#deal-head")).to_have_count(0)
