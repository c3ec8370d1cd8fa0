"""Starts the sandbox as a process of its own, for tests. Register as a plugin or import the fixtures.

`sandbox_server` runs once a session; `sandbox` hands it out with its world as it was made.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent


class SandboxServer:
    """A running `python -m sandbox` with a state file of its own, on a free port that a restart keeps."""

    def __init__(self, **options: Any) -> None:
        """Options are those of the command line: `contacts=40`, `token_lifetime=5`, `redirect_uri=["…"]`."""
        self.folder = tempfile.TemporaryDirectory(prefix="sandbox-test-")
        self.options = options
        self.key = "test-control-key"
        self.port = 0
        self.session = requests.Session()
        self.session.trust_env = False
        self.users: dict[str, dict[str, Any]] = {}
        self.start()

    def start(self) -> None:
        arguments = [
            "--port",
            str(self.port),
            "--state",
            f"{self.folder.name}/state.sqlite3",
            "--control-key",
            self.key,
        ]
        for name, value in self.options.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                arguments += [f"--{name.replace('_', '-')}", str(one)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("SANDBOX READY "):
            raise RuntimeError(f"the sandbox did not start: {line!r}")
        self.url = line.split()[2]
        self.port = urlsplit(self.url).port or 0
        self.users = {user["email"]: user for user in self.control("GET", "state")["users"]}

    def stop(self) -> None:
        """Ends the process; `start` brings the same world back."""
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        self.session.close()
        self.folder.cleanup()

    def control(self, method: str, path: str, json: Any = None) -> Any:
        """One call of the control API; raises where it refuses."""
        url = f"{self.url}/_sandbox/{path}"
        answer = self.session.request(method, url, json=json, headers={"X-Sandbox-Key": self.key}, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def reset(self) -> None:
        """Back to the world as it was made: no faults, no log, first switches, no grants."""
        self.control("POST", "reset")

    def state(self) -> dict[str, Any]:
        return dict(self.control("GET", "state"))

    def objects(self, kind: str, **where: str) -> list[dict[str, Any]]:
        query = "&".join(["limit=100000", *(f"{name}={value}" for name, value in where.items())])
        return list(self.control("GET", f"objects/{kind}?{query}")["objects"])

    def object(self, kind: str, one: str) -> dict[str, Any]:
        return dict(self.control("GET", f"objects/{kind}/{one}"))

    def edit(self, user: str, kind: str, one: str | None = None, **how: Any) -> dict[str, Any]:
        """As someone in Nimble: `set={…}`, `delete=True`, `hide_from=[…]`, `raw={…}`, `silent=True`."""
        return dict(self.control("POST", "edit", {"as": user, "kind": kind, "id": one, **how}))

    def fault(self, **rule: Any) -> dict[str, Any]:
        return dict(self.control("POST", "faults", rule))

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def switch(self, **positions: str) -> None:
        self.control("POST", "switches", positions)

    def set(self, **numbers: float) -> None:
        """`latency_ms`, `clock_offset` (seconds), `token_lifetime`, `contact_limit`."""
        self.control("POST", "settings", numbers)

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.control("GET", f"log?since={since}")["entries"])

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests that changed something, tokens aside."""
        return [one for one in self.log(since) if one["applied"] and "/oauth/" not in one["path"]]

    def pair_for(self, user: str, **how: Any) -> dict[str, Any]:
        """An access and a refresh token, as after consent; `redirect_uri` and `scope` may be named."""
        return dict(self.control("POST", "tokens", {"user": user, "action": "issue", **how}))

    def token_for(self, user: str) -> str:
        return str(self.pair_for(user)["access_token"])

    def revoke(self, user: str, what: str = "both") -> None:
        self.control("POST", "tokens", {"user": user, "action": "revoke", "what": what})

    def expire(self, user: str) -> None:
        self.control("POST", "tokens", {"user": user, "action": "expire"})

    def request(self, method: str, path: str, user: str, **more: Any) -> requests.Response:
        """One API request as this person."""
        headers = {"Authorization": f"Bearer {self.token_for(user)}"} | more.pop("headers", {})
        return self.session.request(method, self.url + path, headers=headers, timeout=60, **more)

    def consent(self, authorize_url: str, user: str, decision: str = "allow") -> str:
        """Fills in the consent page as a browser would; the address it redirects to."""
        page = self.session.get(authorize_url, allow_redirects=False, timeout=10)
        if page.status_code != 200:
            return page.headers["Location"]
        inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        form = {html.unescape(name): html.unescape(value) for name, value in inputs}
        form |= {"user_id": self.users[user]["user_id"], "decision": decision}
        answer = self.session.post(f"{self.url}/oauth/authorize", data=form, allow_redirects=False, timeout=10)
        return answer.headers["Location"]

    def code(self, authorize_url: str, user: str) -> str:
        return parse_qs(urlsplit(self.consent(authorize_url, user)).query)["code"][0]


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    # For a run with one switch flipped: SANDBOX_TEST_SWITCHES="dead_token=401 rotation=off".
    server = SandboxServer(contacts=60, deals=40, switch=os.environ.get("SANDBOX_TEST_SWITCHES", "").split())
    yield server
    server.close()


@pytest.fixture
def sandbox(sandbox_server: SandboxServer) -> SandboxServer:
    sandbox_server.reset()
    return sandbox_server
