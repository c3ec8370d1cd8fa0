"""Every API request: who, what, how it ended, and whether it was applied."""

import json
import threading
import time
from collections import deque
from typing import Any

from sandbox import oauth
from sandbox.exchange import Request


class Log:
    """Numbered from the start of the process; the last 100,000 are kept."""

    def __init__(self) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=100_000)
        self.last = 0
        self.lock = threading.Lock()

    def open(self, request: Request) -> dict[str, Any]:
        with self.lock:
            self.last += 1
            entry = {"n": self.last, "time": time.time(), "method": request.method, "path": request.target}
            entry |= {"user_id": None, "status": 0, "applied": False, "fault": None}
            # Never the form of the token endpoint: it holds secrets.
            holds_secrets = request.path == oauth.GRANT_PATH
            entry["body"] = None if request.method == "GET" or holds_secrets else _readable(request.body)
            entry["request_id"] = request.headers.get("x-request-id")
            self.entries.append(entry)
            return entry

    def since(self, number: int) -> list[dict[str, Any]]:
        with self.lock:
            return [dict(entry) for entry in self.entries if entry["n"] > number]


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")
