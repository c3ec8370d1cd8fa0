"""The state: JSON documents in one SQLite file, with columns for what is sorted, counted and searched."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE users (id TEXT PRIMARY KEY, company_id TEXT, doc TEXT NOT NULL);
CREATE TABLE contacts (id TEXT PRIMARY KEY, company_id TEXT, record_type TEXT, created INTEGER, updated INTEGER,
    first_name TEXT, last_name TEXT, company_name TEXT, owner_id TEXT, parent_id TEXT,
    readers TEXT, words TEXT, doc TEXT NOT NULL);
CREATE TABLE contact_tags (contact_id TEXT, tag TEXT);
CREATE TABLE notes (id TEXT PRIMARY KEY, company_id TEXT, created INTEGER, doc TEXT NOT NULL);
CREATE TABLE note_contacts (note_id TEXT, contact_id TEXT, created INTEGER);
CREATE TABLE tasks (id TEXT PRIMARY KEY, company_id TEXT, feed INTEGER, completed INTEGER, doc TEXT NOT NULL);
CREATE TABLE pipelines (id TEXT PRIMARY KEY, company_id TEXT, doc TEXT NOT NULL);
CREATE TABLE deals (id TEXT PRIMARY KEY, company_id TEXT, pipeline_id TEXT, stage_id TEXT, name TEXT, amount REAL,
    currency TEXT, expected_close_date TEXT, probability INTEGER, number INTEGER, created INTEGER, updated INTEGER,
    entered INTEGER, owner_id TEXT, readers TEXT, words TEXT, doc TEXT NOT NULL);
CREATE TABLE deal_tags (deal_id TEXT, tag TEXT);
CREATE TABLE deal_notes (id TEXT PRIMARY KEY, company_id TEXT, deal_id TEXT, created INTEGER, doc TEXT NOT NULL);
CREATE TABLE grants (access TEXT PRIMARY KEY, refresh TEXT, user_id TEXT, redirect_uri TEXT, scope TEXT,
    expires INTEGER, access_alive INTEGER, refresh_alive INTEGER);
CREATE TABLE codes (code TEXT PRIMARY KEY, user_id TEXT, redirect_uri TEXT, scope TEXT, expires INTEGER);
"""
# Made after the rows: filling 100,000 contacts takes half the time so. The wide ones let a page be found without
# reading the documents that it skips.
INDEXES = """
CREATE INDEX contacts_updated ON contacts (company_id, updated, id, readers, record_type);
CREATE INDEX contacts_created ON contacts (company_id, created, id, readers, record_type);
CREATE INDEX contacts_last_name ON contacts (company_id, last_name, id, readers, record_type);
CREATE INDEX contacts_company_name ON contacts (company_id, company_name) WHERE record_type = 'company';
CREATE INDEX contacts_parent ON contacts (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX contact_tags_tag ON contact_tags (tag, contact_id);
CREATE INDEX contact_tags_contact ON contact_tags (contact_id);
CREATE INDEX note_contacts_contact ON note_contacts (contact_id, created);
CREATE INDEX note_contacts_note ON note_contacts (note_id);
CREATE INDEX tasks_feed ON tasks (company_id, feed);
CREATE INDEX deals_updated ON deals (company_id, updated, id, readers);
CREATE INDEX deals_stage ON deals (stage_id, readers, currency, amount, entered);
CREATE INDEX deals_stage_updated ON deals (stage_id, updated, id);
CREATE INDEX deal_tags_tag ON deal_tags (tag, deal_id);
CREATE INDEX deal_tags_deal ON deal_tags (deal_id);
CREATE INDEX deal_notes_deal ON deal_notes (deal_id);
CREATE INDEX grants_refresh ON grants (refresh);
CREATE INDEX grants_user ON grants (user_id);
"""


def clean(text: str) -> str:
    """What SQLite can hold in a text column: a lone surrogate is not UTF-8. The documents keep it, escaped."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def joined(readers: list[str] | None) -> str | None:
    return None if readers is None else "," + "".join(f"{one}," for one in readers)


def field_text(doc: Document, name: str) -> str:
    values = (doc.get("fields") or {}).get(name) or []
    return clean(str(values[0].get("value") or "")) if values and isinstance(values[0], dict) else ""


def _contact_columns(doc: Document) -> tuple[Any, ...]:
    values = [str(one.get("value")) for some in (doc.get("fields") or {}).values() for one in some or []]
    return (
        *(doc["company_id"], doc["record_type"], doc["created"], doc["updated"]),
        *(field_text(doc, name).lower() for name in ("first name", "last name", "company name")),
        *(doc["owner_id"], doc["parent_id"], joined(doc["readers"]), clean(" ".join(values).lower()[:4000])),
    )


def _deal_columns(doc: Document) -> tuple[Any, ...]:
    return (
        *(doc["company_id"], doc["pipeline_id"], doc["stage_id"], clean(doc["name"]).lower(), doc["amount"]),
        *(doc["currency"], doc["expected_close_date"], doc["probability"], doc["number"]),
        *(doc["created"], doc["updated"], doc["transitions"][-1]["when"], doc["owner_id"], joined(doc["readers"])),
        clean(" ".join([doc["name"], doc["description"] or ""]).lower()[:4000]),
    )


@dataclass(frozen=True)
class Kind:
    """A table of documents: its columns after `id`, their values, and the rows of its link table."""

    table: str
    columns: str
    values: Callable[[Document], tuple[Any, ...]]
    links: str = ""
    link_key: str = ""
    link_rows: Callable[[Document], Iterable[tuple[Any, ...]]] = lambda _: ()


KINDS: dict[str, Kind] = {
    "user": Kind("users", "company_id", lambda doc: (doc["company_id"],)),
    "contact": Kind(
        "contacts",
        "company_id, record_type, created, updated, first_name, last_name, company_name, owner_id, parent_id, readers, "
        "words",
        _contact_columns,
        "contact_tags",
        "contact_id",
        lambda doc: ((doc["id"], clean(tag)) for tag in doc["tags"]),
    ),
    "note": Kind(
        "notes",
        "company_id, created",
        lambda doc: (doc["company_id"], doc["created"]),
        "note_contacts",
        "note_id",
        lambda doc: ((doc["id"], contact_id, doc["created"]) for contact_id in doc["contact_ids"]),
    ),
    "task": Kind(
        "tasks",
        "company_id, feed, completed",
        lambda doc: (doc["company_id"], doc["feed"], int(doc["completed_time"] is not None)),
    ),
    "pipeline": Kind("pipelines", "company_id", lambda doc: (doc["company_id"],)),
    "deal": Kind(
        "deals",
        "company_id, pipeline_id, stage_id, name, amount, currency, expected_close_date, probability, number, "
        "created, updated, entered, owner_id, readers, words",
        _deal_columns,
        "deal_tags",
        "deal_id",
        lambda doc: ((doc["id"], clean(tag)) for tag in doc["tags"]),
    ),
    "deal_note": Kind(
        "deal_notes",
        "company_id, deal_id, created",
        lambda doc: (doc["company_id"], doc["deal_id"], doc["created"]),
    ),
}


class Store:
    """Documents by kind and id. Not locked: `World` holds one lock around each request."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;")

    def is_empty(self) -> bool:
        return not self.db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()

    def create(self) -> None:
        self.db.executescript(SCHEMA)

    def index(self) -> None:
        self.db.executescript(INDEXES + "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return self.db.execute(sql, tuple(parameters)).fetchall()

    def scalar(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        return self.db.execute(sql, tuple(parameters)).fetchone()[0]

    def get(self, kind: str, one: str) -> Document | None:
        row = self.db.execute(f"SELECT doc FROM {KINDS[kind].table} WHERE id = ?", (clean(one),)).fetchone()
        return json.loads(row[0]) if row else None

    def get_many(self, kind: str, ids: Iterable[str]) -> dict[str, Document]:
        wanted = [clean(one) for one in dict.fromkeys(ids)]
        found: dict[str, Document] = {}
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            for one, doc in self.rows(f"SELECT id, doc FROM {KINDS[kind].table} WHERE id IN ({marks})", part):
                found[one] = json.loads(doc)
        return found

    def all(self, kind: str, where: str = "1", parameters: Iterable[Any] = ()) -> list[Document]:
        sql = f"SELECT doc FROM {KINDS[kind].table} WHERE {where} ORDER BY rowid"
        return [json.loads(row[0]) for row in self.rows(sql, parameters)]

    def insert(self, kind: str, documents: Iterable[Document]) -> None:
        """Adds new documents, quickly; `put` is for one that may be there."""
        how = KINDS[kind]
        marks = ",".join("?" * (len(how.columns.split(",")) + 2))
        sql = f"INSERT INTO {how.table} (id, {how.columns}, doc) VALUES ({marks})"
        for part in _parts(documents, 500):
            self.db.executemany(sql, [(doc["id"], *how.values(doc), json.dumps(doc)) for doc in part])
            for doc in part:
                self._link(how, doc)

    def put(self, kind: str, doc: Document) -> None:
        how = KINDS[kind]
        names = [name.strip() for name in how.columns.split(",")] + ["doc"]
        values = (*how.values(doc), json.dumps(doc))
        changes = ", ".join(f"{name} = excluded.{name}" for name in names)
        self.db.execute(
            f"INSERT INTO {how.table} (id, {', '.join(names)}) VALUES ({','.join('?' * (len(names) + 1))}) "
            f"ON CONFLICT (id) DO UPDATE SET {changes}",
            (doc["id"], *values),
        )
        if how.links:
            self.db.execute(f"DELETE FROM {how.links} WHERE {how.link_key} = ?", (doc["id"],))
            self._link(how, doc)

    def delete(self, kind: str, one: str) -> None:
        how = KINDS[kind]
        self.db.execute(f"DELETE FROM {how.table} WHERE id = ?", (one,))
        if how.links:
            self.db.execute(f"DELETE FROM {how.links} WHERE {how.link_key} = ?", (one,))

    def _link(self, how: Kind, doc: Document) -> None:
        for row in how.link_rows(doc):
            self.db.execute(f"INSERT INTO {how.links} VALUES ({','.join('?' * len(row))})", row)

    def setting(self, name: str, default: Any = None) -> Any:
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def set(self, name: str, value: Any) -> None:
        sql = "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self.db.execute(sql, (name, json.dumps(value)))

    def copy_to(self, path: str) -> None:
        target = sqlite3.connect(path)
        self.db.backup(target)
        target.close()

    def copy_from(self, path: str) -> None:
        source = sqlite3.connect(path)
        source.backup(self.db)
        source.close()

    def snapshot(self) -> "Store":
        """The state as it is now, in memory, for pages that are to be served stale."""
        copy = Store(":memory:")
        self.db.backup(copy.db)
        return copy

    def close(self) -> None:
        self.db.close()


def _parts(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    part: list[Document] = []
    for doc in documents:
        part.append(doc)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
