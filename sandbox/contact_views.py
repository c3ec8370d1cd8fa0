"""A contact as one user sees it."""

from typing import Any

from sandbox import privacy
from sandbox.ids import object_id, stamp
from sandbox.store import Document, field_text
from sandbox.world import World, short_user

CONTEXTS = ("last_contacted_data", "employers_data", "leads_data", "sequences_data", "contact_files")


def display_name(doc: Document) -> str:
    if doc["record_type"] == "company":
        return field_text(doc, "company name")
    return f"{field_text(doc, 'first name')} {field_text(doc, 'last name')}".strip()


def _touch(doc: Document, user_id: str, seen: dict[str, Any]) -> dict[str, Any] | None:
    if "contacted" not in seen:
        return None
    return {
        "tstamp": stamp(seen["contacted"], doc["id"]),
        "type": "LCType<message>",
        "object_id": object_id("message", doc["id"], user_id),
        "user_id": user_id,
        "deletion_tstamp": None,
        "direction": seen["direction"],
    }


def _directed(touch: dict[str, Any] | None) -> dict[str, Any]:
    if touch is None:
        return {"in": None, "out": None, "last": None}
    inbound = touch["direction"] == "inbound"
    return {"in": touch if inbound else None, "out": None if inbound else touch, "last": touch}


class Viewer:
    """Makes views of many contacts for one user, looking up what they share once."""

    def __init__(self, world: World, user: Document, contexts: list[str] | None = None) -> None:
        self.world = world
        self.user = user
        self.users = world.users(user["company_id"])
        self.contexts = [name for name in contexts or [] if name in CONTEXTS]
        self.tag_objects = world.switch("tags_shape") == "objects"
        self.parents: dict[str, Document] = {}
        self.children: dict[str, list[str]] = {}

    def view(self, doc: Document, only: list[str] | None = None, tags: bool = True) -> dict[str, Any]:
        return self.views([doc], only, tags)[0]

    def views(self, docs: list[Document], only: list[str] | None = None, tags: bool = True) -> list[dict[str, Any]]:
        self.parents = self.world.store.get_many("contact", [doc["parent_id"] for doc in docs if doc["parent_id"]])
        return [self._view(doc, only, tags) for doc in docs]

    def _name(self, user_id: str) -> str:
        return str(self.users[user_id]["name"]) if user_id in self.users else ""

    def _view(self, doc: Document, only: list[str] | None, tags: bool) -> dict[str, Any]:
        seen = doc["viewers"].get(self.user["user_id"], {})
        touch = _touch(doc, self.user["user_id"], seen)
        fields = doc["fields"]
        if only:
            fields = {name: values for name, values in fields.items() if name in only}
        employers = self._employers(doc)
        lc = {"user_lc": _directed(touch), "company_lc": _directed(self._company_touch(doc))}
        lc["last_user"] = short_user(self.user) if touch else None  # type: ignore[assignment]
        view = {
            "id": doc["id"],
            "object_type": "contact",
            "record_type": doc["record_type"],
            "avatar_url": doc["avatar_url"],
            "fields": fields,
            "tags": self._tags(doc) if tags else [],
            "owner_id": doc["owner_id"],
            "creator": self._name(doc["creator"]),
            "updater": self._name(doc["updated_by"]),
            "created": stamp(doc["created"], doc["id"]),
            "updated": stamp(doc["updated"], doc["id"]),
            "privacy": doc["privacy"],
            "children": doc.get("children", []),
            "employers_info": [{name: one[name] for name in ("contact_id", "company_name")} for one in employers],
            "is_important": bool(seen.get("is_important")),
            "last_contacted": touch if touch and touch["direction"] == "outbound" else None,
            "last_contacted_user": self.user["email"] if touch else "",
            "company_last_contacted": {name: lc["company_lc"][name] for name in ("in", "out")},
            "lc": lc,
            "reminder": self._reminder(doc, seen),
            "notice": self._notice(doc),
            "stages_info": [],
        }
        if self.contexts:
            found = {"last_contacted_data": lc, "employers_data": employers}
            view["contexts"] = [{"context_key": name, "context": found.get(name, [])} for name in self.contexts]
        return apply_raw(view, doc)

    def _tags(self, doc: Document) -> list[Any]:
        if self.tag_objects:
            return [{"tag": tag, "id": object_id("tag", tag)} for tag in doc["tags"]]
        return list(doc["tags"])

    def _company_touch(self, doc: Document) -> dict[str, Any] | None:
        touched = [(seen["contacted"], user_id) for user_id, seen in doc["viewers"].items() if "contacted" in seen]
        if not touched:
            return None
        user_id = max(touched)[1]
        return _touch(doc, user_id, doc["viewers"][user_id])

    def _employers(self, doc: Document) -> list[dict[str, Any]]:
        parent = self.parents.get(doc["parent_id"] or "")
        if parent is None or doc["record_type"] == "company" or not privacy.may_read(parent, self.user):
            return []
        return [{"contact_id": parent["id"], "company_name": display_name(parent), "avatar_url": parent["avatar_url"]}]

    def _reminder(self, doc: Document, seen: dict[str, Any]) -> dict[str, Any] | None:
        if "reminder" not in seen:
            return None
        period = seen["reminder"]
        left = period - (self.world.now() - doc["updated"]) // 86_400_000_000
        triggered = left <= 0
        return {
            "contact_id": doc["id"],
            "period": period,
            "days_till_triggered": max(left, 0),
            "active": True,
            "triggered": triggered,
        }

    def _notice(self, doc: Document) -> dict[str, Any] | None:
        notice = doc["notice"]
        if notice is None:
            return None
        by, at = short_user(self.users.get(notice["by"])), stamp(notice["at"], doc["id"])
        shown = {"text": notice["text"], "color": notice["color"]}
        return shown | {"created": at, "updated": at, "creator": by, "updated_by": by}


def apply_raw(view: dict[str, Any], doc: Document) -> dict[str, Any]:
    """What a test set to come out of the API as it is, however wrong: see `raw` of the control API."""
    if "raw" in doc:
        view |= doc["raw"]
    for name in doc.get("raw_without", ()):
        view.pop(name, None)
    return view


def short_contact(doc: Document, user: Document) -> dict[str, Any]:
    """A contact named by another record. Whoever may not see it still learns its name."""
    fields = doc.get("fields") or {}
    viewable = privacy.may_read(doc, user)
    phones = [{"label": value["modifier"], "value": value["value"]} for value in fields.get("phone", [])]
    employers = fields.get("parent company", [])
    titles = fields.get("title", [])
    shown = {
        "id": doc["id"],
        "name": display_name(doc),
        "contact_type": doc["record_type"],
        "avatar_url": doc["avatar_url"],
        "is_viewable": viewable,
        "email": [value["value"] for value in fields.get("email", [])] if viewable else [],
        "phones": phones if viewable else [],
    }
    if employers or titles:
        shown["employment"] = {
            "company_name": employers[0]["value"] if employers else None,
            "title": titles[0]["value"] if titles else None,
        }
    return shown
