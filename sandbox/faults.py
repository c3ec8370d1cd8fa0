"""Faults on demand: rules that match requests and say what goes wrong with them."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import invalid_at
from sandbox.store import Store

ACTIONS = {
    "status",
    "body",
    "headers",
    "apply",
    "delay_ms",
    "hang_ms",
    "cut",
    "truncate",
    "html",
    "empty",
    "stale",
    "shift",
    "pad",
    "gzip_bomb",
    "nest",
}
MATCHERS = {"method", "path", "user", "nth", "times"}


@dataclass
class Rule:
    """One fault. It skips the first `nth - 1` matching requests and fires `times` times (0: until removed)."""

    number: int
    method: str
    path: re.Pattern[str]
    user: str | None
    nth: int
    times: int
    action: dict[str, Any]
    seen: int = 0
    fired: int = 0
    stale: Store | None = field(default=None, repr=False)

    def matches(self, method: str, target: str, user_id: str | None) -> bool:
        if self.method not in ("*", method) or not self.path.search(target):
            return False
        return self.user is None or self.user == user_id

    def take(self) -> bool:
        """Counts one matching request; true if the fault is due for it."""
        if self.times and self.fired >= self.times:
            return False
        self.seen += 1
        if self.seen < self.nth:
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "method": self.method,
            "path": self.path.pattern,
            "user": self.user,
            "nth": self.nth,
            "times": self.times,
            "seen": self.seen,
            "fired": self.fired,
            **self.action,
        }


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.made = 0
        self.lock = threading.Lock()

    def add(self, sent: dict[str, Any], store: Store) -> Rule:
        action = {name: value for name, value in sent.items() if name not in MATCHERS}
        if unknown := set(action) - ACTIONS:
            raise invalid_at(f"/{min(unknown)}", f"actions are {', '.join(sorted(ACTIONS))}")
        if action.get("cut") not in (None, "before", "after"):
            raise invalid_at("/cut", "must be one of before, after")
        try:
            path = re.compile(str(sent.get("path", "")))
        except re.error as error:
            raise invalid_at("/path", str(error)) from error
        with self.lock:
            self.made += 1
            rule = Rule(
                self.made,
                str(sent.get("method", "*")).upper(),
                path,
                sent.get("user"),
                int(sent.get("nth", 1)),
                int(sent.get("times", 1)),
                action,
            )
            if action.get("stale"):
                rule.stale = store.snapshot()
            self.rules.append(rule)
        return rule

    def clear(self, number: int | None = None) -> None:
        with self.lock:
            self.rules = [rule for rule in self.rules if number is not None and rule.number != number]

    def due(self, method: str, target: str, user_id: str | None) -> Rule | None:
        with self.lock:
            return next((rule for rule in self.rules if rule.matches(method, target, user_id) and rule.take()), None)
