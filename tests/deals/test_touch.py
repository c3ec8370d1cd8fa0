"""The board under a finger: a long press takes a card, a swipe scrolls, menus open by a tap."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync.models import Edit
from tests import factories
from tests.browser import Open
from tests.deals.conftest import Keep
from tests.deals.payloads import deal
from tests.touch import PHONE, Finger


def on_phone(open_: Open, board: Pipeline) -> Page:
    page = open_(board.get_absolute_url(), **PHONE)
    expect(page.locator('.card[tabindex="0"]').first).to_be_visible()
    return page


@pytest.fixture
def phone(open_: Open, board: Pipeline) -> Page:
    return on_phone(open_, board)


def test_long_press_takes_the_card_to_where_it_is_let_go(phone: Page, row: Deal):
    finger = Finger(phone)
    card = phone.locator(f"#deal-{row.pk}")
    card.scroll_into_view_if_needed()
    finger.take(card)
    expect(phone.locator("#board.dragging")).to_be_visible()
    zone = phone.locator(".dropzone", has_text="Won")
    expect(zone).to_be_visible()
    box = zone.bounding_box()
    assert box
    finger.glide(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finger.glide(finger.x + 4, finger.y + 4, steps=2)
    finger.up()
    expect(phone.locator('.column[data-role="won"]').locator(card)).to_be_attached()
    expect(phone.locator("#toasts")).to_contain_text("Won")
    assert Edit.objects.get().kind == "deal"


def test_swipe_scrolls_and_takes_no_card(open_: Open, board: Pipeline, row: Deal, ada: Connection):
    pk = row.pk
    for n in range(12):
        row.pk, row.nimble_id = None, f"copy-{n}"
        row.save(force_insert=True)
    factories.caught_up(ada)
    row.pk = pk
    phone = on_phone(open_, board)
    finger = Finger(phone)
    home = phone.locator(f"#deal-{row.pk}").evaluate("card => card.closest('.column').id")
    board, cards = phone.locator("#board"), phone.locator(f"#{home} .cards")
    finger.swipe(0, -200, (180, 500))
    phone.wait_for_function("list => list.scrollTop > 50", arg=cards.element_handle())
    finger.swipe(-240, 0, (300, 400))
    phone.wait_for_function("board => board.scrollLeft > 100", arg=board.element_handle())
    expect(phone.locator(f"#{home} #deal-{row.pk}")).to_be_attached()
    expect(phone.locator("#drawer[open]")).to_have_count(0)
    assert not Edit.objects.exists()


def test_menus_work_by_a_tap(phone: Page, row: Deal):
    card = phone.locator(f"#deal-{row.pk}")
    card.locator(".v").tap()
    menu = phone.locator("#move-menu")
    expect(menu).to_be_visible()
    goal = phone.locator('.column[data-role="open"]:not([data-archived])').nth(1)
    menu.get_by_text(goal.get_attribute("data-name") or "", exact=True).tap()
    expect(goal.locator(card)).to_be_visible()
    phone.get_by_role("button", name="More", exact=True).tap()
    display = phone.locator("summary[aria-label='Display']")
    display.tap()
    phone.get_by_label("Compact cards").tap()
    phone.locator(".menu[open]").get_by_role("button", name="Apply").tap()
    expect(phone.locator("#board[data-compact]")).to_be_visible()
    card.locator(".t").tap()
    expect(phone.locator("#drawer #deal-head")).to_be_visible()
    phone.locator("#drawer [data-drawer-close]").tap()
    expect(phone.locator("#drawer")).to_be_hidden()


def test_neighbours_in_a_columns_head_are_hit_apart(open_: Open, sales: Pipeline, keep: Keep):
    keep(*(deal(n, "Qualify", values={"amount": "5"}, currency=code) for n, code in enumerate(("EUR", "USD", "GBP"))))
    phone = on_phone(open_, sales)
    finger = Finger(phone)
    head = phone.locator(".column > header:has(.more-sums)").first
    finger.tap(head.locator("summary"))
    expect(head.locator(".more-sums .menu-list")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(head.locator(".more-sums .menu-list")).to_be_hidden()
    finger.tap(head.locator(".add"))
    expect(phone.locator(".quick-add")).to_be_visible()


def test_column_is_folded_and_unfolded_by_one_tap_each(phone: Page):
    finger = Finger(phone)
    column = phone.locator(".column").first
    finger.tap(column.locator("[data-fold]"))
    expect(column).to_have_class(re.compile("folded"))
    # What unfolds it lies on its name, and may not hide that under the finger.
    expect(column.locator("[data-fold]")).to_have_css("opacity", "0")
    finger.tap(column.locator("[data-fold]"))
    expect(column).not_to_have_class(re.compile("folded"))


def test_palette_opens_by_touch(open_: Open, board: Pipeline):
    """From the bar; on a board, whose bar is full, from the menu."""
    page = open_("/contacts/", **PHONE)
    finger, palette = Finger(page), page.locator("#palette")
    finger.tap(page.locator(".pagebar [data-palette-open]"))
    expect(palette).to_be_visible()
    finger.tap(palette.get_by_role("button", name="Close"))
    expect(palette).to_be_hidden()
    page.goto(page.url.replace("/contacts/", board.get_absolute_url()))
    finger.tap(page.get_by_role("link", name="Open the menu"))
    finger.tap(page.locator(".sidebar [data-palette-open]"))
    expect(palette).to_be_visible()
    finger.type(palette.get_by_role("combobox"), "reports")
    palette.get_by_role("option", name="Reports").tap()
    expect(page).to_have_url(re.compile("/reports/"))


@pytest.mark.parametrize("path", ["/deals/pipelines/", "/deals/tags/manage/", "/contacts/tags/manage/"])
def test_palettes_button_stands_beside_the_title(open_: Open, board: Pipeline, path: str):
    bar = open_(path, **PHONE).locator(".pagebar")
    title, button = (bar.locator(one).bounding_box() for one in ("h1", "[data-palette-open]"))
    assert title
    assert button
    assert button["x"] > title["x"]
    assert abs(title["y"] + title["height"] / 2 - button["y"] - button["height"] / 2) < 4


def test_arrow_that_is_left_of_the_way_back_takes_a_finger(open_: Open, board: Pipeline):
    page = open_(reverse("deals:pipelines"), **PHONE)
    Finger(page).tap(page.locator(".pagebar .crumb"))
    expect(page.locator("#board")).to_be_visible()


def test_rows_of_the_table_are_chosen_by_a_tap(open_: Open, board: Pipeline):
    page = open_(f"{board.get_absolute_url()}table/", **PHONE)
    expect(page.locator("#rows [tabindex='0']").first).to_be_attached()
    text = "cell => [...cell.querySelectorAll('a')].at(0).getBoundingClientRect().left"
    assert page.locator("#table thead th").first.evaluate(text) == page.locator("#rows th").first.evaluate(text)
    Finger(page).tap(page.get_by_label("Choose ").nth(1))
    expect(page.locator("#chosen")).to_contain_text("1 chosen")
    expect(page.locator("#drawer[open]")).to_have_count(0)


def test_filter_shows_what_it_finds_in_another_column(open_: Open, sales: Pipeline, keep: Keep):
    [_first, found] = keep(deal(1, "Qualify"), deal(2, "Won", values={"name": "Lighthouse"}))
    phone = on_phone(open_, sales)
    card = phone.locator(f"#deal-{found.pk}")
    expect(card).not_to_be_in_viewport()
    Finger(phone).type(phone.locator("#filter-q"), "lighth")
    expect(phone.locator("#filter-chips")).to_contain_text("lighth")
    expect(card).to_be_in_viewport()
    expect(phone.locator("#filter-q")).to_be_focused()
