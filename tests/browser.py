"""A real browser for the tests: Debian's Chromium, driven by Playwright. What a page complains about fails the test."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from nimble.models import Connection
from tests import servers

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WAIT = 15_000
# How many times slower than it is the browser's machine shall seem: what only a slow one shows, shows.
SLOWED = int(os.environ.get("BROWSER_SLOWED", "1"))

NewPage = Callable[..., Page]
Open = Callable[..., Page]
LOOKS = [
    pytest.param({"width": 1280, "color_scheme": "light"}, id="light"),
    pytest.param({"width": 1280, "color_scheme": "dark"}, id="dark"),
    pytest.param({"width": 360, "height": 740, "color_scheme": "light"}, id="360"),
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests of a process. Skipped where it is not installed; with `CI=true` that fails."""
    program = servers.needed(servers.chromium)
    # Playwright runs an event loop in this thread, where Django would refuse its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # As patient with what a page shows as with what is done to it: how fast a machine is decides no test.
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser, answered: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewPage]:
    """Makes a page with cookies of its own: `new_page(width=360, color_scheme="dark")`, other words as for Playwright.

    After the test: errors on the console (violations of the CSP among them), uncaught exceptions and answers of 500
    and above fail it, except texts that hold one of `page.expected`, a list the test may add to.
    """
    contexts: list[tuple[BrowserContext, list[str], list[str]]] = []

    def make(width: int = 1280, height: int = 800, **options: object) -> Page:
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT)
        complaints: list[str] = []
        expected: list[str] = []
        contexts.append((context, complaints, expected))

        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

        def response(answer: Response) -> None:
            if answer.status >= 500:
                complaints.append(f"{answer.status}: {answer.request.method} {answer.url}")

        def watch(page: Page) -> None:
            page.on("console", console)
            page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
            page.on("response", response)
            if SLOWED > 1:
                context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})

        context.on("page", watch)
        page = context.new_page()
        page.expected = expected  # type: ignore[attr-defined]
        return page

    yield make
    failed = getattr(request.node, "failed", False)
    for number, (context, _, _) in enumerate(contexts):
        if failed and context.pages:
            picture = tmp_path / f"page-{number}.png"
            context.pages[-1].screenshot(path=picture)
            print(f"{context.pages[-1].url} looked like {picture}")
        context.close()
    left = [text for _, texts, fine in contexts for text in texts if not any(each in text for each in fine)]
    assert not left, "The browser complained:\n" + "\n".join(dict.fromkeys(left))


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page of 1280 × 800."""
    return new_page()


@pytest.fixture
def open_as(live_server: Any, new_page: NewPage) -> Open:
    """Opens a path of the portal as a person, signed in: `open_as(user, path, width=360)`."""

    def open_page(user: Any, path: str, **look: Any) -> Page:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        page = new_page(**look)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(live_server.url + path)
        return page

    return open_page


@pytest.fixture
def open_(open_as: Open, ada: Connection) -> Open:
    """Opens a path as Ada: `open_(path, width=360)`."""
    return partial(open_as, ada.user)


def check_accessible(page: Page, *, ignore: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> None:
    """Fails on what axe finds wrong with the page as it is now. `ignore`: rules left out; `only`: none but these."""
    # What is being fetched is shown faded, for as long as that takes; a poll may begin while axe looks.
    found = violations(page, only) and violations(page, only)
    found = [each for each in found if each["id"] not in ignore]
    told = [f"{each['id']} ({each['impact']}): {each['help']}\n  {spots(each['nodes'])}" for each in found]
    assert not found, f"axe on {page.url}:\n" + "\n".join(told)


def violations(page: Page, only: tuple[str, ...]) -> list[dict[str, Any]]:
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    found: list[dict[str, Any]] = (
        Axe().run(page, options={"runOnly": list(only)} if only else None).response["violations"]
    )
    return found


def spots(nodes: list[dict[str, list[str]]]) -> str:
    return "\n  ".join(f"{node['target']} {node['html'][:160]}" for node in nodes[:5])


def looked_at(page: Page, name: str, look: dict[str, Any]) -> None:
    """Accessible, no wider than the screen; a picture where one is wanted."""
    if folder := os.environ.get("PICTURES"):
        tone = "360" if look["width"] == 360 else look["color_scheme"]
        page.screenshot(path=Path(folder, f"{name}-{tone}.png"))
    check_accessible(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px wider than the screen"
