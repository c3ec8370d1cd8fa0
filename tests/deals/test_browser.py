"""The board and a deal in a real browser: accessible in both themes and at 360 px, by hand and by keyboard.

`PICTURES=folder` keeps a picture of every page.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from sync import outbox
from sync.models import Edit
from tests import factories
from tests.browser import LOOKS, Open, check_accessible, looked_at
from tests.sandboxes import SandboxServer


def open_menu(page: Page, name: str) -> None:
    """One of the page bar's menus; on a narrow screen they are behind "…"."""
    more = page.get_by_role("button", name="More", exact=True)
    if more.is_visible() and not page.locator("#extras:popover-open").is_visible():
        more.click()
    page.locator(f"summary[aria-label='{name}']").click()


def column_of(page: Page, row: Deal) -> str:
    return page.locator(f"#deal-{row.pk}").evaluate("card => card.closest('.column').dataset.name")


def carry(page: Page, card: Any, onto: Any, depth: int = 30) -> None:
    """As a hand does it: press, begin to move, glide, let go."""
    card.hover()
    start, end = card.bounding_box(), onto.bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 30)
    page.mouse.down()
    page.mouse.move(start["x"] + 72, start["y"] + 40, steps=4)
    onto_now = onto.bounding_box() or end
    page.mouse.move(onto_now["x"] + onto_now["width"] / 2, onto_now["y"] + depth, steps=20)
    page.mouse.move(onto_now["x"] + onto_now["width"] / 2 + 4, onto_now["y"] + depth + 4, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("look", LOOKS)
def test_board_and_drawer_are_accessible(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(board.get_absolute_url(), **look)
    expect(page.locator(".column").first).to_be_visible()
    looked_at(page, "board", look)
    page.locator(f"#deal-{row.pk} .t").click()
    expect(page.locator("#drawer #deal-head")).to_be_visible()
    looked_at(page, "drawer", look)


@pytest.mark.parametrize("look", LOOKS)
def test_display_and_order_are_chosen_and_kept(open_: Open, board: Pipeline, row: Deal, look: dict[str, Any]):
    page = open_(board.get_absolute_url(), **look)
    folded = page.locator(".column").nth(1)
    with page.expect_response("**/display/"):
        folded.locator("[data-fold]").click()
    open_menu(page, "Display")
    looked_at(page, "display", look)
    page.get_by_label("Compact cards").check()
    page.get_by_label("Probability", exact=True).check()
    page.locator(".menu[open]").get_by_role("button", name="Apply").click()
    expect(page.locator("#board[data-compact]")).to_be_visible()
    expect(folded).to_have_class(re.compile("folded"))
    page.locator("#filters summary").click()
    looked_at(page, "filter", look)
    page.get_by_label("Sort by").select_option("amount")
    expect(page).to_have_url(re.compile(r"[?]sort=amount$"))
    page.keyboard.press("Escape")
    expect(page.locator(f"#deal-{row.pk}")).to_be_attached()
    looked_at(page, "compact", look)


@pytest.mark.parametrize("look", LOOKS)
def test_deal_and_its_forms_are_accessible(open_: Open, row: Deal, look: dict[str, Any]):
    page = open_(row.get_absolute_url(), **look)
    looked_at(page, "deal", look)
    for name in ("amount", "owner", "expected_close_date", "tags", "description"):
        page.locator(f"#field-{name} .value").click()
        expect(page.locator(f"#field-{name} form")).to_be_visible()
    looked_at(page, "deal-editing", look)
    page.goto(page.url.split("#")[0] + "move/")
    looked_at(page, "move", look)


def test_drag_undo_and_nimble(open_: Open, board: Pipeline, row: Deal, sandbox: SandboxServer):
    page = open_(board.get_absolute_url(), width=1440)
    card = page.locator(f"#deal-{row.pk}")
    home = column_of(page, row)
    goal = page.locator('.column[data-role="open"]').nth(1)
    name = goal.get_attribute("data-name")
    count = int(goal.locator(".n").inner_text().split()[0])
    carry(page, card, goal.locator(".cards"))
    expect(goal.locator(f"#deal-{row.pk}").get_by_text("Saved here")).to_be_visible()
    expect(goal.locator(".n")).to_contain_text(str(count + 1))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f'.column[data-name="{home}"] #deal-{row.pk}')).to_be_visible()
    expect(goal.locator(".n")).to_contain_text(str(count))
    assert outbox.deliver() == 0
    carry(page, card, goal.locator(".cards"))
    expect(goal.locator(f"#deal-{row.pk}").get_by_text("Saved here")).to_be_visible()
    assert outbox.deliver() == 1
    # The board hears of it by itself.
    expect(card.get_by_text("Saved here")).to_have_count(0)
    assert sandbox.object("deal", row.nimble_id or "")["stage_name"] == name


def test_drop_on_a_header_moves_the_card(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    expect(page.locator('.card[tabindex="0"]').first).to_be_visible()
    goal = page.locator('.column[data-role="open"]').nth(1)
    carry(page, page.locator(f"#deal-{row.pk}"), goal.locator("header"), depth=12)
    expect(goal.locator(f"#deal-{row.pk}").get_by_text("Saved here")).to_be_visible()
    expect(page.locator(".column.goal")).to_have_count(0)
    assert Edit.objects.count() == 1


def test_drop_on_won_counts_however_quick_the_hand_is(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    expect(page.locator('.card[tabindex="0"]').first).to_be_visible()
    card, zone = page.locator(f"#deal-{row.pk}"), page.locator(".dropzone").first
    name = zone.inner_text().strip()
    box = card.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=5)
    expect(zone).to_be_visible()
    goal = zone.bounding_box()
    assert goal
    page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2)
    page.mouse.up()
    expect(page.locator(".toast")).to_contain_text([f"is in {name}."])
    expect(page.locator(f'.column[data-name="{name}"] #deal-{row.pk}')).to_be_visible()


def test_toasts_are_few_and_leave(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    names = [one.get_attribute("data-name") for one in page.locator(".column:not([data-archived])").all()]
    page.locator(f"#deal-{row.pk}").focus()
    for name in names[1:3]:
        page.keyboard.press("Alt+ArrowRight")
        expect(page.locator(f'.column[data-name="{name}"] #deal-{row.pk}').get_by_text("Saved here")).to_be_visible()
        expect(page.locator(".toast")).to_contain_text([name or ""])
    for other in page.locator('.card[data-editable="1"]').all()[:5]:
        other.focus()
        with page.expect_response(lambda answer: answer.url.endswith("/move/")):
            page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".toast")).to_have_count(3)
    expect(page.locator(".toast")).to_have_count(0)


def test_toasts_stay_while_read_and_lie_beside_the_drawer(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1280)
    page.locator(f"#deal-{row.pk}").focus()
    page.keyboard.press("Alt+ArrowRight")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Undo")
    page.locator(f"#deal-{row.pk} .t").click()
    expect(page.locator("#drawer #deal-head")).to_be_visible()
    drawer, box = page.locator("#drawer").bounding_box(), toast.bounding_box()
    assert drawer
    assert box
    assert box["x"] + box["width"] <= drawer["x"]
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.move(box["x"] + 24, box["y"] + 20)
    page.wait_for_timeout(9_000)
    expect(toast).to_be_visible()
    page.mouse.move(box["x"] + 20, 20)
    expect(toast).to_have_count(0)


def test_keys_move_the_card_and_keep_the_focus(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    names = [one.get_attribute("data-name") for one in page.locator(".column:not([data-archived])").all()]
    page.locator(f"#deal-{row.pk}").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(f'.column[data-name="{names[1]}"] #deal-{row.pk}').get_by_text("Saved here")).to_be_visible()
    expect(page.locator(f"#deal-{row.pk}")).to_be_focused()
    page.keyboard.press("m")
    page.get_by_role("menuitemradio", name=names[2] or "").or_(
        page.get_by_role("menuitem", name=names[2] or "")
    ).click()
    expect(page.locator(f'.column[data-name="{names[2]}"] #deal-{row.pk}')).to_be_visible()


def test_lost_asks_and_can_be_left(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    lost = Stage.objects.get(pipeline=board, role="lost")
    home = column_of(page, row)
    zone = page.locator(f'.dropzone[data-drop="{lost.pk}"]')
    for button, stays in (("Cancel", True), ("Move", False)):
        card = page.locator(f"#deal-{row.pk}")
        card.hover()
        box = card.bounding_box()
        assert box
        page.mouse.move(box["x"] + 60, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + 72, box["y"] + 60, steps=5)
        expect(zone).to_be_visible()
        there = zone.bounding_box()
        assert there
        page.mouse.move(there["x"] + there["width"] / 2, there["y"] + 30, steps=20)
        page.mouse.move(there["x"] + there["width"] / 2 + 4, there["y"] + 33, steps=3)
        page.mouse.up()
        dialog = page.locator("#dialog")
        expect(dialog.get_by_label("Why was it lost?")).to_be_visible()
        check_accessible(page)
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(dialog).to_be_hidden()
        if stays:
            assert column_of(page, row) == home
            assert not Edit.objects.exists()
    expect(page.locator(f"#stage-{lost.pk} #deal-{row.pk}")).to_be_visible()


def test_scrolling_brings_the_rest(open_: Open, board: Pipeline, row: Deal, ada: Connection):
    stage = Stage.objects.get(pipeline=board, nimble_id=row.stage_nimble_id)
    for n in range(110):
        row.pk, row.nimble_id = None, f"copy-{n}"
        row.save(force_insert=True)
    factories.caught_up(ada)
    total = Deal.objects.filter(stage_nimble_id=stage.nimble_id).count()
    page = open_(board.get_absolute_url(), width=1440)
    cards = page.locator(f"#cards-{stage.pk} .card")
    for shown in (50, 100, total):
        expect(cards).to_have_count(shown)
        if shown < total:
            page.locator(f"#cards-{stage.pk} .more").scroll_into_view_if_needed()
    expect(page.locator(f"#cards-{stage.pk} .more")).to_have_count(0)


def test_a_field_in_the_drawer_changes_the_card(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    page.expected += ["422"]  # type: ignore[attr-defined]
    page.locator(f"#deal-{row.pk} .t").click()
    page.locator("#field-amount .value").click()
    expect(page.locator("#field-amount input[name=value]")).to_be_focused()
    page.keyboard.type("not a number")
    page.keyboard.press("Enter")
    expect(page.locator("#field-amount .field-error")).to_contain_text("Write a number")
    expect(page.locator("#field-amount input[name=value]")).to_have_value("not a number")
    page.locator("#field-amount input[name=value]").fill("98765.5")
    page.keyboard.press("Enter")
    expect(page.locator(f"#deal-{row.pk} .m b")).to_contain_text("98,765.50")
    expect(page.locator("#deal-head .record-facts")).to_contain_text("98,765.50")
    page.locator("#composer textarea").fill("Kept in the drawer")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#timeline").get_by_text("Kept in the drawer")).to_be_visible()
    expect(page.locator("#composer textarea")).to_have_value("")


def test_undo_that_is_clicked_twice_is_one(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    home = column_of(page, row)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if "/undo/" in request.url else None)
    carry(page, page.locator(f"#deal-{row.pk}"), page.locator('.column[data-role="open"]').nth(1).locator(".cards"))
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert outbox.deliver() == 1
    undo.dblclick()
    expect(page.locator(f'.column[data-name="{home}"] #deal-{row.pk}')).to_be_visible()
    expect(undo).to_have_count(0)
    assert len(posted) == 1
    assert outbox.deliver() == 1


def test_board_without_javascript(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1280, java_script_enabled=False)
    card = page.locator(f"#deal-{row.pk}")
    expect(card.locator(".t")).to_be_visible()
    page.goto(page.url.split("/deals/")[0] + (card.locator(".v").get_attribute("href") or ""))
    page.get_by_label("Won", exact=True).first.check()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text(f"{row.name} is in Won.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone")).to_be_visible()
    row.refresh_from_db()
    assert Stage.objects.get(pipeline=board, nimble_id=row.stage_nimble_id).role == "open"


@pytest.mark.parametrize("look", LOOKS)
def test_quick_add_is_accessible_and_ready_for_the_next(open_: Open, board: Pipeline, look: dict[str, Any]):
    page = open_(board.get_absolute_url(), **look)
    column = page.locator('.column[data-role="open"]').first
    count = int(column.locator(".n").inner_text().split()[0])
    page.keyboard.press("c")
    expect(column.locator("input[name=name]")).to_be_focused()
    looked_at(page, "quick-add", look)
    for number in (1, 2):
        page.keyboard.type(f"Window {number}")
        page.keyboard.press("Enter")
        expect(column.locator(".n")).to_contain_text(str(count + number))
        expect(column.locator(".card").first).to_contain_text(f"Window {number}")
        expect(column.locator("input[name=name]")).to_have_value("")
        expect(column.locator("input[name=name]")).to_be_focused()
    page.expected.append("422")  # type: ignore[attr-defined]
    column.locator("input[name=amount]").fill("a lot")
    page.keyboard.press("Enter")
    expect(column.get_by_text("A deal needs a name.")).to_be_visible()
    expect(column.locator("input[name=amount]")).to_have_value("a lot")
    looked_at(page, "quick-add-refused", look)
    column.locator("input[name=name]").fill("Window 3")
    page.keyboard.press("Enter")
    expect(column.get_by_text("A deal needs a name.")).to_have_count(0)
    expect(column.locator("input[name=amount]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(column.locator(".quick-add")).to_have_count(0)
    expect(column.locator(".add")).to_be_focused()
    assert outbox.deliver() == 2
    page.goto(page.url.split("/pipelines")[0] + "/new/")
    looked_at(page, "new-deal", look)


@pytest.mark.parametrize("look", LOOKS)
def test_several_cards_are_chosen_moved_and_brought_back(open_: Open, board: Pipeline, look: dict[str, Any]):
    page = open_(board.get_absolute_url(), **look)
    goal = page.locator('.column[data-role="open"]:not([data-archived])').nth(1)
    count = int(goal.locator(".n").inner_text().split()[0])
    home = page.locator('.column[data-role="open"]').first
    first, second = (home.locator('.card[data-editable="1"]').nth(n) for n in (0, 1))
    first.focus()
    page.keyboard.press("x")
    expect(first.get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#live")).to_contain_text("1 chosen")
    second.click(modifiers=["Shift"], position={"x": 100, "y": 40})
    expect(page.locator("#many")).to_contain_text("2 chosen")
    looked_at(page, "many", look)
    page.locator("#many summary").first.click()
    looked_at(page, "many-menu", look)
    page.locator("#many .menu-item", has_text=goal.get_attribute("data-name") or "").click()
    expect(goal.locator(".n")).to_contain_text(str(count + 2))
    expect(page.locator("#many")).to_be_hidden()
    page.get_by_role("button", name="Undo these 2").click()
    expect(goal.locator(".n")).to_contain_text(str(count))
    expect(home.locator(".card.selected")).to_have_count(0)
    first.hover()
    first.locator(".pick").click()
    expect(page.locator("#many")).to_contain_text("1 chosen")
    page.keyboard.press("Escape")
    expect(page.locator("#many")).to_be_hidden()


def test_chosen_card_takes_the_others_along(open_: Open, board: Pipeline):
    page = open_(board.get_absolute_url())
    home, goal = (page.locator('.column[data-role="open"]:not([data-archived])').nth(n) for n in (0, 1))
    count = int(goal.locator(".n").inner_text().split()[0])
    cards = home.locator('.card[data-editable="1"]')
    first, second = (page.locator(f"#{cards.nth(n).get_attribute('id')}") for n in (0, 1))
    first.press("x")
    # One that is not chosen goes alone.
    second.press("Alt+ArrowRight")
    expect(goal.locator(".n")).to_contain_text(str(count + 1))
    expect(page.locator("#many")).to_contain_text("1 chosen")
    second.press("Alt+ArrowLeft")
    expect(goal.locator(".n")).to_contain_text(str(count))
    second.press("x")
    carry(page, second, goal.locator(".cards"))
    expect(goal.locator(".n")).to_contain_text(str(count + 2))
    expect(page.locator("#many")).to_be_hidden()
    page.get_by_role("button", name="Undo these 2").click()
    expect(goal.locator(".n")).to_contain_text(str(count))
    first.press("x")
    second.press("x")
    second.press("Alt+ArrowRight")
    expect(goal.locator(".n")).to_contain_text(str(count + 2))


def test_notices_leave_the_bar_of_the_chosen_cards_free(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=360)
    card = page.locator(f"#deal-{row.pk}")
    card.press("Alt+ArrowRight")
    card.press("x")
    notice, bar = page.locator("#toasts .toast").bounding_box(), page.locator("#many").bounding_box()
    assert notice
    assert bar
    assert notice["y"] + notice["height"] <= bar["y"]


@pytest.mark.parametrize("look", LOOKS)
def test_view_is_saved_and_led_to(open_: Open, board: Pipeline, look: dict[str, Any]):
    page = open_(board.get_absolute_url() + "?sort=amount", **look)
    open_menu(page, "Views")
    page.get_by_label("Keep this view as").fill("By amount")
    looked_at(page, "views", look)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("The view By amount is kept.")).to_be_visible()
    expect(page.locator("#views-nav")).to_contain_text("By amount")
    looked_at(page, "views-kept", look)
    open_menu(page, "Views")
    page.get_by_role("link", name="Change the view By amount").click()
    looked_at(page, "view", look)
