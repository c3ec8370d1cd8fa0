"""One running world: its state, its clock, its switches, and the lock that makes each request atomic."""

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sandbox import privacy, switches
from sandbox.errors import Refused, forbidden, not_found
from sandbox.ids import object_id
from sandbox.store import Document, Store

KIND_NAMES = {"contact": "contact", "deal": "deal", "pipeline": "deal pipeline", "note": "note", "user": "user"}


class World:
    def __init__(self, store: Store, settings: dict[str, Any]) -> None:
        self.store = store
        self.settings = settings
        self.lock = threading.RLock()
        # Rises with each write; what is counted or read often is kept until then.
        self.version = 0
        self.remembered: dict[Any, Any] = {}
        self.forget()

    def forget(self) -> None:
        self.version += 1
        self.remembered.clear()

    @contextmanager
    def transaction(self, writes: bool) -> Iterator[None]:
        with self.lock:
            self.store.db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield
                self.store.db.execute("COMMIT")
            except BaseException:
                self.store.db.execute("ROLLBACK")
                raise
            finally:
                if writes:
                    self.forget()

    def at(self, store: Store) -> "World":
        """The same world with another state, for a stale page."""
        other = copy.copy(self)
        other.store = store
        other.remembered = {}
        return other

    def switch(self, name: str) -> str:
        return str(self.settings["switches"].get(name, switches.DEFAULTS[name]))

    def now(self) -> int:
        """The time in microseconds by this world's clock, which may be set apart from ours."""
        return time.time_ns() // 1000 + int(self.settings["clock_offset"] * 1_000_000)

    def next_stamp(self) -> int:
        """A moment later than every one given before, so that what came last sorts last."""
        self.settings["last_stamp"] = max(self.now(), self.settings.get("last_stamp", 0) + 1)
        return int(self.settings["last_stamp"])

    def new_id(self, kind: str) -> str:
        count = self.store.setting("made", 0) + 1
        self.store.set("made", count)
        return object_id(self.store.setting("seed"), "made", kind, count)

    def users(self, company_id: str) -> dict[str, Document]:
        key = ("users", company_id)
        if key not in self.remembered:
            found = self.store.all("user", "company_id = ?", [company_id])
            self.remembered[key] = {user["user_id"]: user for user in found}
        return cast("dict[str, Document]", self.remembered[key])

    def user(self, user_id: str | None) -> Document | None:
        key = ("user", user_id)
        if key not in self.remembered:
            self.remembered[key] = self.store.get("user", user_id) if user_id else None
        return cast("Document | None", self.remembered[key])

    def pipelines(self, company_id: str) -> dict[str, Document]:
        key = ("pipelines", company_id)
        if key not in self.remembered:
            found = self.store.all("pipeline", "company_id = ?", [company_id])
            self.remembered[key] = {one["id"]: one for one in found}
        return cast("dict[str, Document]", self.remembered[key])

    def count(self, sql: str, parameters: list[Any]) -> int:
        key = (sql, *parameters)
        if key not in self.remembered:
            self.remembered[key] = self.store.scalar(sql, parameters)
        return int(self.remembered[key])

    def readable(self, kind: str, one: str, user: Document) -> Document:
        """The document if this user may see it; else 404, or what the switch says for a hidden one."""
        doc = self.store.get(kind, one)
        if doc is None or doc["company_id"] != user["company_id"]:
            raise not_found(KIND_NAMES[kind], one)
        if not privacy.may_read(doc, user):
            raise self._hidden(kind, one)
        return doc

    def editable(self, kind: str, one: str, user: Document) -> Document:
        doc = self.readable(kind, one, user)
        if not privacy.may_edit(doc, user):
            raise forbidden(f"You don't have access to this {KIND_NAMES[kind]}")
        return doc

    def _hidden(self, kind: str, one: str) -> Refused:
        if self.switch("hidden_record") == "403":
            return forbidden(f"You don't have access to this {KIND_NAMES[kind]}")
        return not_found(KIND_NAMES[kind], one)

    def save(self, kind: str, doc: Document, user_id: str, fresh: bool = False) -> Document:
        """Stores a change by this person: who, when, and who may read it from now on."""
        doc["updated"] = self.next_stamp()
        if fresh:
            doc["created"] = doc["updated"]
        doc["updated_by"] = user_id
        if kind in ("contact", "deal"):
            doc["readers"] = privacy.readers(doc, list(self.users(doc["company_id"]).values()))
        self.store.put(kind, doc)
        return doc


def short_user(user: Document | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return {
        "user_id": user["user_id"],
        "name": user["name"],
        "email": user["email"],
        "avatar_url": user["avatar_url"],
        "is_active": not user["disabled"],
    }
