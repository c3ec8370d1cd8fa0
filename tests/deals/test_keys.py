"""Every key that the list behind "?" names, pressed, with its effect seen; and that letters can be switched off."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from contacts import queries as contacts
from deals import actions
from deals.models import Deal, Pipeline
from nimble.models import Connection
from sync.models import Edit, State
from team.models import Profile
from tests.browser import Open
from tests.sync.pages import workers_alive

Effect = Callable[[Page], None]


def listed(page: Page, group: str = "") -> set[str]:
    """The keys that the list names, all or of one group; the list is closed again."""
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    section = page.locator("#keys section").filter(has=page.get_by_role("heading", name=group)) if group else None
    rows = (section or page.locator("#keys")).locator("dd[data-combos]")
    found = rows.evaluate_all("rows => rows.flatMap((row) => row.dataset.combos.split(','))")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    return set(found)


def root(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def shows(where: str) -> Effect:
    return lambda page: expect(page.locator(where)).to_be_visible()


def focuses(where: str) -> Effect:
    return lambda page: expect(page.locator(where)).to_be_focused()


def try_all(page: Page, prepare: Callable[[Page], None], effects: dict[str, tuple[tuple[str, ...], Effect]]) -> None:
    """Each on the page as it was opened."""
    address = page.url
    for combo, (keys, effect) in effects.items():
        page.goto(address)
        prepare(page)
        press(page, *keys)
        try:
            effect(page)
        except AssertionError as error:
            raise AssertionError(f"{combo} on {address}: {error}") from error


def untouched(page: Page) -> None:
    expect(page.locator(".record-head")).to_be_visible()


def on(page: Page, card: Locator) -> None:
    card.focus()
    expect(card).to_be_focused()


def test_every_key_of_the_board(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=1440)
    column = page.locator(".column:not([data-archived])", has=page.locator(f"#deal-{row.pk}"))
    cards = column.locator(".card")
    places = [one.get_attribute("data-name") for one in page.locator(".column:not([data-archived])").all()]
    first, second, last = (cards.nth(n).get_attribute("id") for n in (0, 1, -1))
    second_column = page.locator(".column:not([data-archived])").nth(1)
    right = second_column.locator(".card").first.get_attribute("id")
    movable = second_column.locator('.card[data-editable="1"]:not([data-no-probability])').first
    moved = movable.get_attribute("id")
    pages = {one.get_attribute("data-go"): one.get_attribute("href") for one in page.locator("[data-go]").all()}

    def stands_in(card: str | None, name: str | None) -> Effect:
        return lambda page: expect(
            page.locator(f'.column[data-name="{name}"] #{card}:not([aria-busy])')
        ).to_be_visible()

    def chosen(count: int) -> Effect:
        return lambda page: expect(page.locator(".card.selected")).to_have_count(count)

    def here(page: Page) -> None:
        on(page, page.locator(f"#{first}"))
        page.evaluate("document.documentElement.dataset.here = 1")

    def gone_to(href: str | None) -> Effect:
        def effect(page: Page) -> None:
            expect(page.locator("html:not([data-here]) main")).to_be_attached()
            expect(page).to_have_url(re.compile("/deals/" if href == "/" else re.escape(href or "")))
            page.wait_for_load_state()

        return effect

    from_first: dict[str, tuple[tuple[str, ...], Effect]] = {
        "/": (("/",), focuses("#filter-q")),
        "?": (("?",), shows("#keys")),
        "escape": (("m", "Escape"), lambda page: expect(page.locator("#move-menu")).to_be_hidden()),
        "mod+k": (("Control+k",), shows("#palette")),
        "c": (("c",), focuses(".quick-add input[name=name]")),
        "j": (("j",), focuses(f"#{second}")),
        "k": (("j", "k"), focuses(f"#{first}")),
        "arrowdown": (("ArrowDown",), focuses(f"#{second}")),
        "arrowup": (("ArrowDown", "ArrowUp"), focuses(f"#{first}")),
        "arrowright": (("ArrowRight",), focuses(f"#{right}")),
        "arrowleft": (("ArrowRight", "ArrowLeft"), focuses(f"#{first}")),
        "end": (("End",), focuses(f"#{last}")),
        "home": (("End", "Home"), focuses(f"#{first}")),
        "m": (("m",), shows("#move-menu")),
        "o": (("o",), shows("#drawer #deal-head")),
        "enter": (("Enter",), shows("#drawer #deal-head")),
        "x": (("x",), chosen(1)),
        "shift+x": (("x", "j", "Shift+X"), chosen(2)),
        "e": (("e",), shows("#drawer .editable.editing")),
        "n": (("n",), focuses("#drawer #composer textarea")),
        **{f"g {key.lower()}": (("g", key.lower()), gone_to(href)) for key, href in pages.items() if key},
    }
    moves: dict[str, tuple[tuple[str, ...], Effect]] = {
        "alt+arrowleft": (("Alt+ArrowLeft",), stands_in(moved, places[0])),
        "alt+arrowright": (("Alt+ArrowRight",), stands_in(moved, places[1])),
    }
    assert listed(page) == from_first.keys() | moves.keys()
    try_all(page, here, from_first)
    page.goto(root(page) + board.get_absolute_url())
    try_all(page, lambda page: on(page, page.locator(f"#{moved}")), moves)


def test_every_key_of_a_deal_and_of_contacts(open_: Open, row: Deal, ada: Connection):
    page = open_(row.get_absolute_url())
    here = {
        "e": (("e",), shows(".editable.editing")),
        "n": (("n",), focuses("#composer textarea")),
        "m": (("m",), lambda page: page.wait_for_url("**/move/")),
        "mod+enter": (("n", *"Hello", "Control+Enter"), shows("#timeline >> text=Hello")),
    }
    assert listed(page, "On this page") == here.keys()
    try_all(page, untouched, here)

    page.goto(root(page) + "/contacts/")
    rows = page.locator("[data-row]")
    opened = rows.first.locator("a").first.get_attribute("href") or ""

    def is_open(page: Page) -> None:
        page.wait_for_url(f"**{opened}*")

    here = {
        "j": (("j",), focuses("[data-row] >> nth=1")),
        "k": (("j", "k"), focuses("[data-row] >> nth=0")),
        "o": (("o",), is_open),
        "enter": (("Enter",), is_open),
        "e": (("e",), shows(".editable.editing, #content form.form >> nth=0")),
        "n": (("n",), focuses(".composer textarea")),
    }
    assert listed(page, "On this page") == here.keys()
    try_all(page, lambda page: on(page, rows.first), here)

    contact = contacts.for_user(ada.user).order_by("pk")[0]
    page.goto(root(page) + contact.get_absolute_url())
    here = {
        "e": (("e",), shows(".editable.editing, #content form.form >> nth=0")),
        "n": (("n",), focuses(".composer textarea")),
        "mod+enter": (("n", *"Hello", "Control+Enter"), shows("#toasts >> text=Note saved.")),
    }
    assert listed(page, "On this page") == here.keys()
    try_all(page, untouched, here)


def test_every_key_of_the_table(open_: Open, board: Pipeline):
    page = open_(f"{board.get_absolute_url()}table/?by=name")
    names = page.locator("#rows > tr > th")
    editable = page.locator('#rows > tr[data-editable="1"]').first.get_attribute("id")
    at = {
        name: page.locator(f"#table thead th[data-field={name}]").evaluate("head => head.cellIndex")
        for name in ("amount", "expected_close_date")
    }
    rows, columns = names.count(), page.locator("#table thead th").count()
    amount, close = (f"#{editable} > :nth-child({index + 1})" for index in at.values())

    def cell(row: int, column: int) -> Effect:
        """Counted from 1."""
        return focuses(f"#rows > tr:nth-child({row}) > :nth-child({column})")

    def chosen(count: int) -> Effect:
        return lambda page: expect(page.locator("#rows > tr[aria-selected=true]")).to_have_count(count)

    def nothing_is_open(page: Page) -> None:
        expect(page.locator(".cell-form, dialog[open]")).to_have_count(0)
        expect(page.locator(amount)).to_be_focused()

    from_first: dict[str, tuple[tuple[str, ...], Effect]] = {
        "arrowright": (("ArrowRight",), cell(1, 2)),
        "arrowleft": (("ArrowRight", "ArrowLeft"), cell(1, 1)),
        "arrowdown": (("ArrowDown",), cell(2, 1)),
        "arrowup": (("ArrowDown", "ArrowUp"), cell(1, 1)),
        "j": (("j",), cell(2, 1)),
        "k": (("j", "k"), cell(1, 1)),
        "end": (("End",), cell(1, columns)),
        "home": (("End", "Home"), cell(1, 1)),
        "pagedown": (("PageDown",), cell(11, 1)),
        "pageup": (("PageDown", "PageUp"), cell(1, 1)),
        "mod+end": (("Control+End",), cell(rows, columns)),
        "mod+home": (("Control+End", "Control+Home"), cell(1, 1)),
        "enter": (("Enter",), shows("#drawer #deal-head")),
        "o": (("ArrowRight", "o"), shows("#drawer #deal-head")),
        "x": (("x",), chosen(1)),
        "shift+x": (("x", "j", "j", "Shift+X"), chosen(3)),
    }
    edits: dict[str, tuple[tuple[str, ...], Effect]] = {
        "e": (("e",), focuses(f"{amount} .cell-form input[name=value]")),
        "f2": (("F2",), focuses(f"{amount} .cell-form input[name=value]")),
    }
    assert listed(page, "On this page") == from_first.keys() | edits.keys() | {"tab"}
    try_all(page, lambda page: on(page, names.first), from_first)
    page.goto(root(page) + f"{board.get_absolute_url()}table/?by=name")
    try_all(page, lambda page: on(page, page.locator(amount)), edits)

    typed = page.locator(f"{amount} .cell-form input[name=value]")
    page.keyboard.type("77j")
    expect(typed).to_have_value("77j")
    page.keyboard.press("Escape")
    nothing_is_open(page)
    page.keyboard.press("Enter")
    typed.fill("4321")
    page.keyboard.press("Tab")
    expect(page.locator(amount)).to_contain_text("4,321")
    expect(page.locator(f"{close} .cell-form input[type=date]")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(typed).to_be_focused()
    typed.fill("5432")
    page.keyboard.press("Enter")
    expect(page.locator(amount)).to_contain_text("5,432")
    nothing_is_open(page)


def test_esc_closes_one_thing_at_a_time(open_: Open, board: Pipeline):
    page = open_(f"{board.get_absolute_url()}table/?by=name")
    name = page.locator("#rows > tr > th").first
    on(page, name)
    press(page, "x", "Enter")
    expect(page.locator("#drawer #deal-head")).to_be_visible()
    page.locator("summary[aria-label^='Pipeline']").click()
    for still_open in ("#drawer[open]", "#rows > tr[aria-selected=true]"):
        page.keyboard.press("Escape")
        expect(page.locator(still_open)).to_be_visible()
    expect(page.locator("#drawer[open], details.menu[open]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#rows > tr[aria-selected=true]")).to_have_count(0)


def test_menu_stays_where_the_focus_scrolled_and_leaves_with_its_card(open_: Open, board: Pipeline, row: Deal):
    page = open_(board.get_absolute_url(), width=900)
    board_, menu = page.locator("#board"), page.locator("#move-menu")
    card = page.locator('.column:not([data-archived]) .card[data-editable="1"]').last
    expect(card).not_to_be_in_viewport()
    # A quick hand: the key follows before the browser tells of the scrolling that the focus began.
    press_at_once = """card => {
        card.focus();
        card.dispatchEvent(new KeyboardEvent("keydown", { key: "m", bubbles: true, cancelable: true }));
    }"""
    two_frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    card.evaluate(press_at_once)
    page.evaluate(two_frames)
    expect(menu).to_be_visible()
    board_.evaluate("board => board.scrollBy(-200, 0)")
    expect(menu).to_be_hidden()


def test_menu_stays_on_the_screen_when_the_window_becomes_smaller(open_: Open, board: Pipeline):
    page = open_(board.get_absolute_url(), width=1440)
    menu = page.locator("#move-menu")
    on(page, page.locator('.column:not([data-archived]) .card[data-editable="1"]').first)
    page.keyboard.press("m")
    expect(menu).to_be_visible()
    box = menu.bounding_box()
    assert box
    page.set_viewport_size({"width": 1440, "height": int(box["y"] + box["height"]) - 20})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(menu).to_be_in_viewport(ratio=1)


def test_next_and_previous_deal(open_: Open, board: Pipeline):
    for path, item in ((board.get_absolute_url(), ".cards .card"), (f"{board.get_absolute_url()}table/", "#rows th")):
        page = open_(path, width=1440)
        links = page.locator(item).locator("a[data-drawer]")
        first, second = (links.nth(n).get_attribute("href") or "-" for n in (0, 1))
        on(page, page.locator(item).first)
        page.keyboard.press("Enter")
        for key, there in (("j", second), ("k", first), ("j", second)):
            expect(page.locator("#drawer #deal-head")).to_be_visible()
            page.keyboard.press(key)
            page.wait_for_url(f"**{there}")
        page.locator("#drawer [data-drawer-page]").click()
        expect(page.locator("#content #deal-head")).to_be_visible()
        assert {"j", "k"} <= listed(page, "On this page")
        for key, there in (("k", first), ("j", second)):
            page.keyboard.press(key)
            page.wait_for_url(f"**{there}")
            expect(page.locator("[data-walk]")).to_be_visible()


def test_every_key_of_the_inbox_and_of_a_decision(open_: Open, board: Pipeline, ada: Connection):
    workers_alive()
    for deal in Deal.objects.filter(is_private=False).order_by("pk")[:3]:
        edit = actions.change(author=ada.user, deal=deal, field="name", value=f"{deal.name} renamed")
        assert edit
        Edit.objects.filter(pk=edit.pk).update(state=State.REJECTED, error={"reason": ""})
    page = open_("/inbox/")
    rows = page.locator("[data-row]")

    def decided(page: Page) -> None:
        page.wait_for_url("**/sync/edits/*/**")

    here = {
        "j": (("j",), focuses("[data-row] >> nth=1")),
        "k": (("j", "k"), focuses("[data-row] >> nth=0")),
        "x": (("x",), lambda _page: expect(rows.first.locator("input[name=edit]")).to_be_checked()),
        "o": (("o",), decided),
        "enter": (("Enter",), decided),
    }
    assert listed(page, "On this page") == here.keys()
    try_all(page, lambda page: on(page, rows.first), here)

    address = page.url
    others = page.locator("[data-next]").get_attribute("href") or "-"
    # Its field has the focus, where letters are typed.
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.get_by_role("button", name="Send again").focus()
    assert listed(page, "On this page") == {"mod+enter", "n"}
    page.keyboard.press("n")
    page.wait_for_url(f"**{others}*")
    page.goto(address)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: url != address)
    assert Edit.objects.filter(state=State.REJECTED).count() == 2


def test_palette_names_what_it_does_and_leads_to_pages_without_a_link(open_: Open, board: Pipeline):
    page = open_("/notifications/")
    press(page, "Control+k")
    options = page.locator("#palette [role=option]")
    for text in ("Keys", "Theme: Dark", "Language: English", "Tags"):
        expect(options.filter(has_text=text).first).to_have_text(text)
    page.keyboard.type("pipelines")
    expect(options.locator("visible=true")).to_have_text(["Pipelines"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/deals/pipelines/")


def test_letters_can_be_switched_off(open_: Open, board: Pipeline, row: Deal, ada: Connection):
    Profile.objects.update_or_create(user=ada.user, defaults={"keys": False})
    page = open_(board.get_absolute_url(), width=1440)
    card = page.locator(f"#deal-{row.pk}")
    for key in ("c", "x", "m", "o", "/", "?", "j"):
        on(page, card)
        page.keyboard.press(key)
    opened = ".quick-add, .card.selected, #move-menu:popover-open, #drawer[open], #keys[open]"
    expect(page.locator(opened)).to_have_count(0)
    expect(card).to_be_focused()
    press(page, "Control+k")
    expect(page.locator("#palette")).to_be_visible()
    press(page, "Escape", "Enter")
    expect(page.locator("#drawer #deal-head")).to_be_visible()


def test_list_is_empty_of_what_the_page_has_not(open_: Open, board: Pipeline):
    page = open_("/notifications/")
    page.keyboard.press("?")
    expect(page.locator("#keys").get_by_role("heading", name="Everywhere")).to_be_visible()
    expect(page.locator("#keys").get_by_role("heading", name="On this page")).to_have_count(0)
