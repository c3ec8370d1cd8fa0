"""A person without a browser: signs in through the portal and Nimble's consent as HTTP, for tests of real processes."""

import re
from typing import Any

import requests

from tests.processes import Portal


class Visitor:
    """One signed-in person: cookies, CSRF, and the pages."""

    def __init__(self, portal: Portal, email: str) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.trust_env = False
        self.moved: set[int] = set()
        self.sign_in(email)

    def sign_in(self, email: str) -> None:
        """Claim link (where it still works), login, consent, and back."""
        if self.portal.claim:
            self.post(self.portal.claim.removeprefix(self.portal.url))
        answer = self.post("/accounts/nimble/login/", allow_redirects=False)
        back = self.portal.sandbox.consent(answer.headers["Location"], email)
        home = self.session.get(back, timeout=30)
        assert home.ok, home.text[:500]

    def get(self, path: str) -> str:
        answer = self.session.get(self.portal.url + path, timeout=30)
        answer.raise_for_status()
        return answer.text

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> requests.Response:
        """A form of the portal's, sent with its CSRF token."""
        if "csrftoken" not in self.session.cookies:
            self.session.get(self.portal.url + "/accounts/login/", timeout=30)
        form = {"csrfmiddlewaretoken": self.session.cookies["csrftoken"], **(data or {})}
        headers = {"Referer": self.portal.url, **options.pop("headers", {})}
        return self.session.post(self.portal.url + path, data=form, headers=headers, timeout=30, **options)

    def cards(self) -> list[dict[str, Any]]:
        """The cards of the board: number, whether it may be moved, whether this visitor has moved it already."""
        found = []
        for tag in re.findall(r"<li class=\"?card[^>]*>", self.get("/deals/")):
            number = re.search(r'data-deal="?(\d+)', tag)
            if number:
                deal = int(number[1])
                found.append({"deal": deal, "editable": 'data-editable="1"' in tag, "moved": deal in self.moved})
        return found
