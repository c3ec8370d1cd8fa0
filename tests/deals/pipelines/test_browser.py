"""The pages of pipelines and tags in a real browser: accessible in both themes and at 360 px, and by keyboard.

`PICTURES=folder` keeps a picture of every page.
"""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from contacts import tagging
from deals import tags
from deals.models import Pipeline
from deals.pipelines.parts import schema
from nimble.models import Connection
from sync import outbox
from tests.browser import LOOKS, Open, looked_at


@pytest.mark.parametrize("look", LOOKS)
def test_pages_of_pipelines_are_accessible(board: Pipeline, ada: Connection, open_: Open, look: dict[str, Any]):
    parts = schema(board.remote)
    page = open_(reverse("deals:pipelines"), **look)
    looked_at(page, "pipelines", look)
    of_one: list[tuple[str, str, list[object]]] = [
        ("pipeline", "manage", []),
        ("pipeline-edit", "edit_pipeline", []),
        ("pipeline-delete", "delete_pipeline", []),
        ("stage-new", "add_part", ["stage"]),
        ("field-new", "add_part", ["field"]),
        ("stage-edit", "change_part", [parts.stages[0].part]),
        ("field-delete", "remove_part", [parts.fields[0].part]),
    ]
    for name, route, more in of_one:
        page.goto(page.url.partition("/deals/")[0] + reverse(f"deals:{route}", args=[board.pk, *map(str, more)]))
        looked_at(page, name, look)
    page.goto(page.url.partition("/deals/")[0] + reverse("deals:new_pipeline"))
    page.expected.append("422")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Create pipeline").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    looked_at(page, "pipeline-new", look)


@pytest.mark.parametrize("look", LOOKS)
def test_pages_of_tags_are_accessible(board: Pipeline, ada: Connection, open_: Open, look: dict[str, Any]):
    page = open_(reverse("deals:deal_tags"), **look)
    looked_at(page, "tags", look)
    page.get_by_role("link", name=f"Rename {tags.listed(ada.user)[0].name}").click()
    looked_at(page, "tag-rename", look)
    page.goto(page.url.partition("/deals/")[0] + reverse("contacts:contact_tags"))
    looked_at(page, "contact-tags", look)
    page.get_by_role("link", name=f"Delete {tagging.listed(ada.user)[0].name}").click()
    looked_at(page, "contact-tag-delete", look)


def test_stage_is_added_by_keyboard_and_shown_when_nimble_has_it(board: Pipeline, ada: Connection, open_: Open):
    page = open_(board.get_absolute_url())
    page.locator("summary[aria-label^='Pipeline:']").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Manage pipelines").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=board.name, exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Stage", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("Try it out")
    page.keyboard.press("Enter")
    row = page.get_by_role("listitem").filter(has_text="Try it out")
    expect(row.get_by_text("Saved here")).to_be_visible()
    outbox.deliver()
    expect(row.get_by_role("link", name="Edit Try it out")).to_be_visible()


def test_check_before_a_field_goes_is_waited_for_on_the_page(board: Pipeline, ada: Connection, open_: Open):
    field = schema(board.remote).fields[0]
    page = open_(reverse("deals:remove_part", args=[board.pk, str(field.part)]))
    page.get_by_role("button", name="Check and delete").click()
    expect(page.get_by_text("Nimble is asked to delete it")).to_be_visible()
    outbox.deliver()
    expect(page.get_by_text("Nimble did not delete it")).to_be_visible()
    page.get_by_label("Type its name").fill(field.name)
    page.get_by_role("button", name="Delete it all the same").click()
    expect(page.get_by_text("Nimble is asked to delete it")).to_be_visible()
    outbox.deliver()
    expect(page.get_by_text("It is deleted")).to_be_visible()
