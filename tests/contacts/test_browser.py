"""The pages of contacts in a real browser: accessible in both themes and at 360 px, by keyboard, and alive.

`PICTURES=folder` keeps a picture of every page.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from contacts.models import Contact, ContactNote
from nimble.models import Connection, Member
from sync.models import Edit
from tests import factories
from tests.browser import LOOKS, Open, looked_at


@pytest.fixture
def person(transactional_db: None, ada: Connection) -> Contact:
    """Somebody with a company and e-mail addresses, in a small mirror."""
    factories.mirrored(ada, contacts=40)
    rows = Contact.objects.filter(record_type="person", is_private=False).exclude(email="").exclude(company_name="")
    return rows.order_by("pk")[0]


@pytest.mark.parametrize("look", LOOKS)
def test_list_is_accessible(open_: Open, person: Contact, look: dict[str, Any]):
    page = open_("/contacts/?type=person", **look)
    expect(page.get_by_role("row")).to_have_count(Contact.objects.filter(record_type="person").count() + 1)
    looked_at(page, "contacts", look)


@pytest.mark.parametrize("look", LOOKS)
def test_page_and_its_forms_are_accessible(open_: Open, person: Contact, look: dict[str, Any]):
    page = open_(person.get_absolute_url(), **look)
    looked_at(page, "contact", look)
    for label in ("Edit E-mail", "Edit Tags"):
        page.get_by_label(label, exact=True).click()
        expect(page.get_by_role("button", name="Save", exact=True).first).to_be_visible()
    page.get_by_text("Edit Title and company:").locator("..").click()
    expect(page.get_by_label("Title", exact=True)).to_be_visible()
    looked_at(page, "contact-editing", look)


@pytest.mark.parametrize("width", [1280, 1440])
def test_list_fits_a_desk(open_: Open, person: Contact, ada: Connection, width: int):
    Member.objects.remember(ada.workspace, [{"user_id": "u1", "name": "Maximiliane Featherstone"}])
    long = {"name": "N" * 200, "company_name": "C" * 200, "email": "e" * 200 + "@b.example", "phone": "0" * 60}
    Contact.objects.filter(pk=person.pk).update(**long, sort_name="", tags=["t" * 90, "u" * 90, "v"])
    Contact.objects.update(owner_id="u1")
    page = open_("/contacts/", width=width)
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder, f"contacts-{width}.png"))
    hidden = page.locator(".table-container").evaluate("box => box.scrollWidth - box.clientWidth")
    assert hidden <= 0, f"{hidden} px of the table are cut off"
    expect(page.get_by_role("columnheader", name="Updated")).to_be_in_viewport(ratio=1)


def test_list_names_the_company_under_the_name_on_a_phone(open_: Open, person: Contact):
    row = open_("/contacts/?type=person", width=360).get_by_role("rowheader", name=person.name)
    expect(row.get_by_text(person.company_name)).to_be_visible()


def test_search_narrows_while_typing_and_is_in_the_address(open_: Open, person: Contact):
    page = open_("/contacts/?type=person")
    page.locator("#filter-q").press_sequentially(person.last_name[:4].lower())
    expect(page.locator("tbody mark").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/contacts/\?q=[^&]+&type=person$"))
    expect(page.locator("#list-count")).to_contain_text(str(page.locator("tbody tr").count()))
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#filter-q")).to_have_value("")
    expect(page.locator("#filter-q")).not_to_be_focused()
    expect(page).to_have_url(re.compile(r"/contacts/\?type=person$"))


def test_field_is_edited_by_keyboard_and_taken_back(open_: Open, person: Contact):
    before = person.first_name
    page = open_(person.get_absolute_url())
    field = page.get_by_text("Edit First name:").locator("..")
    field.focus()
    page.keyboard.press("Enter")
    expect(page.locator("input[name=value]")).to_be_focused()
    page.keyboard.type("Nobody wants this")
    page.keyboard.press("Escape")
    expect(page.locator("input[name=value]")).to_be_hidden()
    assert not Edit.objects.exists()

    page.get_by_text("Edit First name:").locator("..").click()
    page.locator("input[name=value]").fill("Renée")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Renée")
    expect(page.get_by_text("Saved here")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).to_contain_text(before)
    expect(page.locator(".pagebar")).not_to_contain_text(before)
    person.refresh_from_db()
    assert person.first_name == before


def test_wrong_email_keeps_the_form_and_a_line_can_be_added(open_: Open, person: Contact):
    page = open_(person.get_absolute_url())
    page.expected.append("422")  # type: ignore[attr-defined]
    page.get_by_label("Edit E-mail", exact=True).click()
    page.locator("[name=rows-0-value]").fill("nonsense")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“nonsense” is no e-mail address.")).to_be_visible()
    rows = page.locator("[name$=-value]").count()
    page.get_by_role("button", name="Add a line").click()
    expect(page.locator("[name$=-value]")).to_have_count(rows + 1)
    expect(page.locator("[name=rows-0-value]")).to_have_value("nonsense")
    page.locator("[name=rows-0-value]").fill("fine@b.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="fine@b.example").first).to_be_visible()


def test_note_is_written_changed_and_removed(open_: Open, person: Contact):
    page = open_(person.get_absolute_url())
    page.get_by_label("New note").fill("Called, **wants** a quote")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notes strong")).to_have_text("wants")
    expect(page.get_by_label("New note")).to_have_value("")
    page.get_by_label("Edit note").first.click()
    expect(page.locator("#notes .timeline textarea")).to_be_focused()
    page.locator("#notes .timeline textarea").fill("Wants two")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notes .note").first).to_have_text("Wants two")
    page.get_by_label("Remove note").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Nimble cannot bring it back")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Note removed.")).to_be_visible()
    assert not ContactNote.objects.filter(gone_at=None, removed=False).exists()
