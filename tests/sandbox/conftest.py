"""Shorthands for asking the sandbox as one of its people."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandboxes import SandboxServer

ADA = "ada@lantern-pine.test"
EVE = "eve@lantern-pine.test"
ZOE = "zoe@elsewhere.test"
Ask = Callable[..., requests.Response]


@pytest.fixture
def ada(sandbox: SandboxServer) -> Ask:
    return _person(sandbox, ADA)


@pytest.fixture
def eve(sandbox: SandboxServer) -> Ask:
    return _person(sandbox, EVE)


def _person(sandbox: SandboxServer, user: str) -> Ask:
    headers = {"Authorization": f"Bearer {sandbox.token_for(user)}"}

    def ask(method: str, path: str, body: Any = None) -> requests.Response:
        return sandbox.session.request(method, sandbox.url + path, json=body, headers=headers, timeout=30)

    return ask


@pytest.fixture
def everyones(sandbox: SandboxServer) -> Callable[[str], dict[str, Any]]:
    """Some stored object that everyone may read and edit."""

    def find(kind: str, **where: Any) -> dict[str, Any]:
        company = sandbox.users[ADA]["company_id"]
        for doc in sandbox.objects(kind, company_id=company):
            open_to_all = doc["privacy"] == {"read": None, "edit": None}
            if open_to_all and all(doc[name] == value for name, value in where.items()):
                return doc
        raise LookupError(where)

    return find
