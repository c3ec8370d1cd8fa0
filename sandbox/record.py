"""Writes down whole exchanges, for a contract to be held to what other processes said."""

import json
import threading
from pathlib import Path

from sandbox.exchange import Answer, Request


class Record:
    """A line of JSON for each API exchange that no fault touched; never a token, nor what the token endpoint said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()

    def add(self, request: Request, answer: Answer) -> None:
        line = {
            "method": request.method,
            "target": request.target,
            "agent": request.headers.get("user-agent", ""),
            "type": request.headers.get("content-type", ""),
            "authorized": "authorization" in request.headers,
            "body": request.body.decode("utf-8", "replace"),
            "status": answer.status,
            "answer": answer.body,
        }
        with self.lock, open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
