"""The table in a real browser: accessible in both themes and at 360 px, walked and edited by hand and by keyboard."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from deals import actions, mapping
from deals.forecast import first_of, key_of
from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync.models import Edit, Event
from tests import factories
from tests.browser import LOOKS, Open, looked_at
from tests.deals.test_browser import carry


def address(pipeline: Pipeline) -> str:
    return f"{pipeline.get_absolute_url()}table/"


def cell(page: Page, row: Deal, column: str) -> Any:
    at = page.locator(f"#table thead th[data-field='{column}']").evaluate("head => head.cellIndex")
    return page.locator(f"#deal-{row.pk} > :nth-child({at + 1})")


@pytest.mark.parametrize("look", LOOKS)
def test_table_is_accessible(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(address(board) + "?by=name", **look)
    expect(page.locator("#rows > tr").first).to_be_visible()
    looked_at(page, "table", look)
    cell(page, row, "amount").click()
    expect(page.locator(".cell-form input[name=value]")).to_be_focused()
    looked_at(page, "table-cell", look)


def test_cells_are_walked_and_edited_without_a_mouse(open_: Open, board: Pipeline, row: Deal):
    page = open_(f"{address(board)}?{urlencode({'q': row.name})}")
    page.expected += ["422"]  # type: ignore[attr-defined]
    expect(page.locator("#rows th[tabindex='0']")).to_be_visible()
    page.locator("#rows").evaluate("body => body.querySelector('th').focus()")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(cell(page, row, "name")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(cell(page, row, "amount")).to_be_focused()
    before = page.locator("#totals").inner_text()
    page.keyboard.press("e")
    typed = page.locator(".cell-form input[name=value]")
    expect(typed).to_be_focused()
    typed.fill("a lot")
    page.keyboard.press("Enter")
    expect(page.locator(".cell-form .field-error")).to_be_visible()
    expect(typed).to_have_value("a lot")
    typed.fill("4321")
    page.keyboard.press("Tab")
    # Saved, and on to the next cell that can be edited.
    expect(cell(page, row, "amount")).to_contain_text("4,321")
    expect(page.locator(".cell-form input[type=date]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".cell-form")).to_have_count(0)
    expect(cell(page, row, "expected_close_date")).to_be_focused()
    expect(page.locator("#totals")).not_to_have_text(before)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(cell(page, row, "amount")).not_to_contain_text("4,321")
    page.keyboard.press("Escape")
    cell(page, row, "name").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer #deal-head")).to_be_visible()


# Where cells stand in their line of the table, however far that is scrolled, and how large they are.
PLACES = """cells => cells.map(cell => {
  const box = cell.getBoundingClientRect(), table = cell.closest("table").getBoundingClientRect();
  return [box.x - table.x, box.width, box.height].map(Math.round);
})"""


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[2]])
def test_nothing_shifts_when_a_cell_is_saved(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    Deal.objects.filter(pk=row.pk).update(name="Renewal of the maintenance contract")
    page = open_(address(board) + "?by=name", **look)
    listed = page.locator(f"#deal-{row.pk}")
    expect(listed).to_be_visible()
    within = page.locator(f"#table thead th + th, #deal-{row.pk} > td, #rows > tr:last-child > td")
    before = within.evaluate_all(PLACES)
    for column, typed in (("amount", "123456789.25"), ("tags", "one\nquite a long tag\nand another one that is long")):
        cell(page, row, column).click()
        page.locator(".cell-form [name=value]").fill(typed)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".cell-form")).to_have_count(0)
        expect(listed.locator(".edit-state")).to_have_text("Saved here")
        assert within.evaluate_all(PLACES) == before
    looked_at(page, "table-saved", look)


SEND_AT_ONCE = """() => new MutationObserver((_changes, watching) => {
  const form = document.querySelector(".cell-form form");
  if (!form) return;
  watching.disconnect();
  form.querySelector("[name=value]").value = "4321";
  form.requestSubmit();
}).observe(document.querySelector("#rows"), { childList: true, subtree: true })"""


def test_form_is_sent_in_its_place_however_soon(open_: Open, board: Pipeline, row: Deal):
    page = open_(f"{address(board)}?{urlencode({'q': row.name})}")
    page.evaluate(SEND_AT_ONCE)
    cell(page, row, "amount").click()
    expect(cell(page, row, "amount")).to_contain_text("4,321")


def test_what_is_sorted_by_or_edited_and_the_sums_are_in_view(open_: Open, board: Pipeline, row: Deal):
    page = open_(address(board) + "?by=tags", width=900)
    expect(page.locator("#table thead th[aria-sort]")).to_be_in_viewport(ratio=1)
    expect(page.locator("#totals .sums")).to_be_in_viewport(ratio=1)
    page.locator(".table-container").evaluate("box => box.scrollLeft = 0")
    cell(page, row, "owner").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cell-form [name=value]")).to_be_focused()
    expect(page.locator(".cell-form")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [768, 1024, 1280, 1440])
def test_actions_are_on_the_screen_however_wide_it_is(open_: Open, board: Pipeline, row: Deal, width: int):
    page = open_(address(board), width=width)
    for surface in (address(board), board.get_absolute_url()):
        page.goto(page.url.split("/deals/")[0] + surface)
        for action in page.locator(".pagebar").locator(".btn:visible, input[type=search]").all():
            expect(action).to_be_in_viewport(ratio=1)


def test_stage_is_chosen_from_a_menu(open_: Open, board: Pipeline, row: Deal):
    page = open_(address(board))
    goal = board.stages.filter(role="open", archived_at=None).order_by("position")[1]
    cell(page, row, "stage").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitemradio", name=goal.name).click()
    expect(cell(page, row, "stage")).to_have_text(goal.name)
    assert Deal.objects.get(pk=row.pk).stage_nimble_id == goal.nimble_id


def test_move_knows_the_stage_that_was_shown(open_: Open, board: Pipeline, row: Deal):
    """A colleague's move that came meanwhile is no base of it, so the two are a conflict."""
    page = open_(address(board))
    here, goal, elsewhere = board.stages.filter(role="open", archived_at=None).order_by("position")[:3]
    cell(page, row, "stage").focus()
    page.keyboard.press("Enter")
    moved = {**row.remote, mapping.LISTED_STAGE: elsewhere.nimble_id}
    Deal.objects.filter(pk=row.pk).update(stage_nimble_id=elsewhere.nimble_id, remote=moved)
    assert mapping.current_stage(moved) == elsewhere.nimble_id
    page.get_by_role("menuitemradio", name=goal.name).click()
    expect(cell(page, row, "stage")).to_have_text(goal.name)
    assert Edit.objects.get().fields["stage"] == {"base": here.nimble_id, "new": goal.nimble_id}


@pytest.mark.parametrize("look", LOOKS)
def test_forecast_is_accessible_and_moved_by_keys(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(f"{board.get_absolute_url()}?group=month", **look)
    card = page.locator(f"#deal-{row.pk}")
    expect(card).to_be_attached()
    looked_at(page, "forecast", look)
    before = row.expected_close
    card.focus()
    expect(card).to_be_focused()
    page.keyboard.press("m")
    page.get_by_role("menuitemradio", name="Later").click()
    expect(page.locator("#cards-later").locator(f"#deal-{row.pk}")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("is expected to close on")
    row.refresh_from_db()
    assert row.expected_close != before
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#cards-none").locator(f"#deal-{row.pk}")).to_be_visible()


def test_card_is_dragged_to_another_month(open_: Open, board: Pipeline, row: Deal):
    today = timezone.localdate()
    Deal.objects.filter(pk=row.pk).update(expected_close=today)
    page = open_(f"{board.get_absolute_url()}?group=month", width=1440)
    card, month = page.locator(f"#deal-{row.pk}"), key_of(first_of(today, 1))
    expect(page.locator(f"#cards-{key_of(today)}").locator(card)).to_be_visible()
    carry(page, card, page.locator(f"#cards-{month}"))
    expect(page.locator("#toasts")).to_contain_text("is expected to close on")
    expect(page.locator(f"#cards-{month}").locator(card)).to_be_visible()
    row.refresh_from_db()
    last = first_of(today, 2) - timedelta(days=1)
    assert row.expected_close == last.replace(day=min(today.day, last.day))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#cards-{month}").locator(card)).to_have_count(0)


def test_row_that_belongs_further_down_stays_until_it_is_asked_for(
    open_: Open, board: Pipeline, row: Deal, ada: Connection
):
    factories.caught_up(ada)
    more = [Deal.objects.get(pk=row.pk) for _n in range(60)]
    for n, one in enumerate(more):
        one.pk, one.nimble_id, one.amount, one.is_private = None, f"more-{n}", 1_000_000_000 + n, False
    Deal.objects.bulk_create(more)
    Deal.objects.filter(pk=row.pk).update(amount=2_000_000_000)
    page = open_(address(board) + "?by=-amount", height=500)
    rows = page.locator("#rows > tr[data-deal]")
    expect(rows.first).to_have_id(f"deal-{row.pk}")
    page.locator("#rows > tr:nth-child(2) > th").focus()
    page.keyboard.press("x")
    expect(page.locator("#off")).to_be_hidden()
    actions.change(author=ada.user, deal=Deal.objects.get(pk=row.pk), field="amount", value="0.01")
    expect(page.locator("#off")).to_contain_text("1 deal has changed its place.")
    expect(rows.first).to_have_id(f"deal-{row.pk}")
    expect(cell(page, row, "amount")).to_contain_text("0.01")
    looked_at(page, "table-off", {"width": 1280, "color_scheme": "light"})
    page.locator("#off").get_by_role("button", name="Show").click()
    expect(page.locator("#off")).to_be_hidden()
    expect(page.locator(f"#deal-{row.pk}")).to_have_count(0)
    expect(rows.first).to_have_attribute("aria-selected", "true")
    expect(rows.first.locator("th")).to_be_focused()


@pytest.mark.parametrize("stays", [True, False], ids=["focused row stays", "focused row goes"])
def test_table_that_is_read_anew_keeps_its_place(
    open_: Open, board: Pipeline, row: Deal, ada: Connection, *, stays: bool
):
    factories.caught_up(ada)
    more = [Deal.objects.get(pk=row.pk) for _n in range(160)]
    for n, one in enumerate(more):
        one.pk, one.nimble_id, one.amount, one.is_private = None, f"more-{n}", 1_000_000_000 - n, False
    more = Deal.objects.bulk_create(more)
    page = open_(address(board) + "?by=-amount", height=500)
    rows = page.locator("#rows > tr[data-deal]")
    for shown in (50, 100):
        expect(rows).to_have_count(shown)
        page.locator("#rows > .more-rows").scroll_into_view_if_needed()
    expect(rows).to_have_count(150)
    above, focused, below = more[119:122]
    cell(page, focused, "owner").focus()
    place = cell(page, above, "owner").bounding_box()
    # One that comes above all of them, what changed is known no more, and the table is read anew.
    actions.change(author=ada.user, deal=Deal.objects.get(pk=row.pk), field="amount", value="2000000000")
    if not stays:
        Deal.objects.filter(pk=focused.pk).update(gone_at=timezone.now())
    Event.objects.filter(workspace=ada.workspace).delete()
    expect(rows.first).to_have_id(f"deal-{row.pk}")
    expect(rows).to_have_count(150)
    expect(cell(page, focused if stays else below, "owner")).to_be_focused()
    assert cell(page, above, "owner").bounding_box() == place


@pytest.mark.parametrize("look", [LOOKS[1], LOOKS[2]])
def test_rows_are_chosen_by_keys_and_changed_together(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(f"{address(board)}?by=name", **look)
    expect(page.locator("#rows th[tabindex='0']")).to_be_visible()
    page.locator("#rows > tr:nth-child(2) > th").focus()
    page.keyboard.press("x")
    expect(page.locator("#rows > tr:nth-child(2)")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator("#chosen [data-many-count]")).to_have_text("3 chosen")
    looked_at(page, "table-chosen", look)
    page.locator("#chosen").get_by_role("button", name="Change…").click()
    page.get_by_label("What to change").select_option("expected_close_date")
    expect(page.locator("input[type=date]")).to_be_focused()
    page.locator("input[type=date]").fill("2031-05-06")
    page.get_by_label("And also").select_option("tags")
    expect(page.locator("[name=tags-value]")).to_be_focused()
    page.locator("[name=tags-value]").fill("autumn")
    page.get_by_label("And also").select_option("amount")
    looked_at(page, "bulk-form", look)
    page.get_by_role("button", name="Amount: leave as it is").click()
    expect(page.locator("[name=amount-value]")).to_have_count(0)
    expect(page.locator("[name=tags-value]")).to_have_value("autumn")
    page.locator("input[type=date]").press("Enter")
    expect(page.locator("#plan")).to_be_visible()
    looked_at(page, "bulk-plan", look)
    page.locator("button[name=go]").click()
    expect(page.locator("#batch")).to_be_visible()
    looked_at(page, "bulk-batch", look)
    changed = Deal.objects.filter(expected_close="2031-05-06")
    assert changed.count() > 0
    assert all("autumn" in one.tags for one in changed)


def test_fields_to_change_are_chosen_by_keys_and_kept_while_the_portal_is_slow(open_: Open, board: Pipeline, row: Deal):
    page = open_(f"{address(board)}?{urlencode({'q': row.name})}")
    page.locator("#rows > tr th").first.focus()
    page.keyboard.press("x")
    page.locator("#chosen").get_by_role("button", name="Change…").click()
    also = page.get_by_label("What to change")
    expect(also).to_be_focused()
    # To step through the closed list is not to choose.
    for field in ("stage", "amount"):
        page.keyboard.press("ArrowDown")
        expect(also).to_have_value(field)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    amount = page.locator("[name=amount-value]")
    expect(amount).to_be_focused()
    expect(page.locator("[name=stage-value]")).to_have_count(0)
    amount.fill("4321")
    waiting: list[Route] = []
    page.route("**/table/change/", lambda route: waiting.append(route))
    with page.expect_request("**/table/change/"):
        page.get_by_label("And also").select_option("tags")
    # What is typed now would not be in the answer.
    expect(amount).to_be_disabled()
    expect(page.get_by_role("button", name="See what will change")).to_be_disabled()
    while not waiting:
        page.wait_for_timeout(10)
    waiting[0].continue_()
    expect(page.locator("[name=tags-value]")).to_be_focused()
    expect(amount).to_have_value("4321")
    expect(amount).to_be_enabled()


def test_several_fields_are_changed_without_javascript(open_: Open, board: Pipeline, row: Deal):
    page = open_(f"{address(board)}?{urlencode({'q': row.name})}", java_script_enabled=False)
    page.get_by_role("button", name=re.compile("^Change all")).click()
    for field, typed in (("amount", "4321"), ("expected_close_date", "2031-05-06")):
        page.locator("#bulk-also").select_option(field)
        page.get_by_role("button", name="Add").click()
        page.locator(f"[name={field}-value]").fill(typed)
    page.get_by_role("button", name="See what will change").click()
    page.locator("button[name=go]").click()
    expect(page.locator("#batch")).to_contain_text("Amount: 4,321 · Expected close: May 6, 2031")
    row.refresh_from_db()
    assert (row.amount, str(row.expected_close)) == (4321, "2031-05-06")


def test_all_that_a_typed_filter_leaves_is_what_is_chosen(open_: Open, board: Pipeline, row: Deal):
    page = open_(address(board))
    expect(page.locator("#rows > tr").nth(1)).to_be_visible()
    page.get_by_placeholder("Filter…").fill(row.name)
    expect(page.locator("#filter-chips .chip")).to_be_visible()
    left = int(page.locator("#table").get_attribute("data-count") or 0)
    assert 0 < left < Deal.objects.filter(pipeline_nimble_id=board.nimble_id).count()
    query = f"?{urlencode({'q': row.name})}"
    for name in ("Board", "Forecast", "Download as CSV"):
        expect(page.get_by_role("link", name=name)).to_have_attribute("href", re.compile(re.escape(query[1:])))
    page.locator("summary[aria-label='Views']").click()
    expect(page.locator("#extras input[name=query]").first).to_have_value(query)
    page.keyboard.press("Escape")
    page.locator("#rows > tr > th").first.focus()
    page.keyboard.press("x")
    page.get_by_role("button", name=f"Choose all {left}").click()
    page.get_by_role("button", name="Change…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"^Change {left} deals?$"))
