"""Tasks are created as tasks and read back as activities."""
# ruff: noqa: S608 - what is put into SQL here are conditions of this module; values are bound.

import json
from typing import Any

from sandbox import privacy
from sandbox.contact_views import short_contact
from sandbox.errors import invalid, invalid_at
from sandbox.exchange import Answer, Request, operation
from sandbox.ids import microseconds, moment, parse_moment, stamp
from sandbox.store import Document
from sandbox.team import full_user
from sandbox.world import World, short_user

TASK_TYPE = {
    "type_id": "task",
    "type_name": "Task",
    "logo_id": "task",
    "can_update_lc": False,
    "can_update_definition": False,
    "archived": False,
}


def _contacts(world: World, request: Request, doc: Document) -> list[dict[str, Any]]:
    found = world.store.get_many("contact", doc["contacts"])
    return [short_contact(found[one], request.user) for one in doc["contacts"] if one in found]


def _deals(world: World, request: Request, doc: Document) -> list[dict[str, Any]]:
    shown = []
    for one, deal in world.store.get_many("deal", doc["deals"]).items():
        viewable, editable = privacy.may_read(deal, request.user), privacy.may_edit(deal, request.user)
        amount = None if deal["amount"] is None else round(deal["amount"])
        view = {"deal_id": one, "name": deal["name"], "amount": amount}
        shown.append(view | {"is_viewable": viewable, "is_editable": editable})
    return shown


def _task_view(world: World, request: Request, doc: Document) -> dict[str, Any]:
    related = {"contacts": _contacts(world, request, doc), "deals": [], "sequence": None}
    return {
        "id": doc["id"],
        "version": 2,
        "company_id": doc["company_id"],
        "subject": doc["subject"],
        "notes": doc["notes"],
        "owner_id": doc["owner_id"],
        "owner": short_user(world.user(doc["owner_id"])),
        "assigned_to": short_user(world.user(doc["assigned_to"])),
        "due_date": doc["due_date"],
        "due_date_text": doc["due_date"],
        "completed": doc["completed_time"] is not None,
        "completed_time": doc["completed_time"],
        "is_important": doc["is_important"],
        "starred": doc["is_important"],
        "tags": doc["tags"],
        "comments": [],
        "related_to": doc["contacts"],
        "related": related | {"new_deals": _deals(world, request, doc)},
        "created": stamp(doc["created"], doc["id"]),
        "updated": stamp(doc["updated"], doc["id"]),
    }


def _ids(sent: Any, path: str) -> list[str]:
    if not isinstance(sent, list) or not all(isinstance(one, str) for one in sent):
        raise invalid_at(path, "expected a list of ids")
    return list(dict.fromkeys(sent))


def _checked(world: World, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
    errors = {}
    if not isinstance(sent.get("subject"), str) or not 2 <= len(sent["subject"]) <= 128:
        errors["/subject"] = {"message": "expected 2 to 128 characters"}
    for name in ("due_date", "completed_time"):
        if sent.get(name) is not None and parse_moment(sent[name]) is None:
            errors[f"/{name}"] = {"message": "Can't parse value as DATE-TIME"}
    if not isinstance(sent.get("notes"), str | None):
        errors["/notes"] = {"message": "expected a string"}
    if not isinstance(sent.get("is_important", False), bool):
        errors["/is_important"] = {"message": "expected a boolean"}
    if sent.get("assigned_to") is not None and str(sent["assigned_to"]) not in world.users(request.company_id):
        errors["/assigned_to"] = {"message": "unknown user"}
    tags = sent.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        errors["/tags"] = {"message": "expected a list of tags"}
    related = sent.get("related", {})
    if not isinstance(related, dict):
        errors["/related"] = {"message": "expected an object"}
    if errors:
        raise invalid(errors)
    return dict(related)


@operation("POST", "/api/v1/tasks", "contacts")
def post_task(world: World, request: Request) -> Answer:
    sent = request.document()
    related = _checked(world, request, sent)
    contacts = _ids(related.get("contacts", []), "/related/contacts")
    deals = _ids(related.get("deals", []), "/related/deals")
    for kind, ids in (("contact", contacts), ("deal", deals)):
        for one in ids:
            world.readable(kind, one, request.user)
    due = parse_moment(sent.get("due_date"))
    doc = {
        "id": world.new_id("task"),
        "company_id": request.company_id,
        "subject": sent["subject"],
        "notes": sent.get("notes"),
        "owner_id": request.user_id,
        "assigned_to": sent.get("assigned_to") or request.user_id,
        "due_date": sent.get("due_date"),
        "completed_time": sent.get("completed_time"),
        "is_important": sent.get("is_important", False),
        "tags": sent.get("tags", []),
        "contacts": contacts,
        "deals": deals,
        "feed": microseconds(due) if due else world.now(),
    }
    world.save("task", doc, request.user_id, fresh=True)
    return Answer(_task_view(world, request, doc), 201)


def _activity(world: World, request: Request, doc: Document) -> dict[str, Any]:
    owner, assigned = world.user(doc["owner_id"]), world.user(doc["assigned_to"])
    return {
        "activity_id": doc["id"],
        "activity_type": TASK_TYPE,
        "name": doc["subject"],
        "description": doc["notes"] or "",
        "details": {"task_id": doc["id"]},
        "owner": full_user(owner) if owner else None,
        "assigned_to": full_user(assigned) if assigned else None,
        "related_contacts": _contacts(world, request, doc),
        "new_related_deals": _deals(world, request, doc),
        "related_sequence": None,
        "scheduled_tstamp": doc["due_date"],
        "completed_tstamp": doc["completed_time"],
        "feed_tstamp": moment(doc["feed"]).isoformat(),
        "created": stamp(doc["created"], doc["id"]),
        "tags": doc["tags"],
        "priority": "high" if doc["is_important"] else "medium",
        "is_important": doc["is_important"],
        "comments": [],
    }


def _visible(world: World, request: Request, doc: Document) -> bool:
    if doc["owner_id"] == request.user_id or doc["assigned_to"] == request.user_id:
        return True
    found = world.store.get_many("contact", doc["contacts"]) | world.store.get_many("deal", doc["deals"])
    return any(privacy.may_read(one, request.user) for one in found.values())


@operation("GET", "/api/v1/activities", "contacts")
def list_activities(world: World, request: Request) -> Answer:
    """Newest first for the past, soonest first for what is pending; `next_page` names where the rest begins."""
    direction = request.text("direction")
    if direction not in ("past", "pending"):
        raise invalid_at("/direction", "must be one of pending, past")
    limit = request.number("limit", 30, most=200)
    past = direction == "past"
    where = ["company_id = ?", "feed < ?" if past else "feed >= ?"]
    values: list[Any] = [request.company_id, world.now()]
    if "completed" in request.query:
        where.append("completed = ?")
        values.append(int(request.flag("completed", False)))
    if after := request.text("next_tstamp"):
        when = parse_moment(after)
        if when is None:
            raise invalid_at("/next_tstamp", "Can't parse value as DATE-TIME")
        where.append("(feed, id) < (?, ?)" if past else "(feed, id) > (?, ?)")
        values += [microseconds(when), request.text("next_activity_id")]
    wanted = {name: set(request.listed(name)) for name in ("contacts", "deals", "users", "tags", "types")}
    if len(wanted["contacts"]) == 1:
        # Spares reading everyone else's; `_matches` decides.
        where.append("instr(doc, ?)")
        values += wanted["contacts"]
    order = "feed DESC, id DESC" if past else "feed, id"
    counted = request.flag("include_total", False)
    shown: list[Document] = []
    for (text,) in world.store.db.execute(
        f"SELECT doc FROM tasks WHERE {' AND '.join(where)} ORDER BY {order}", values
    ):
        doc = json.loads(text)
        if _matches(doc, wanted) and _visible(world, request, doc):
            shown.append(doc)
        if len(shown) > limit and not counted:
            break
    page = shown[:limit]
    last = page[-1] if len(shown) > limit else None
    following = {"next_tstamp": moment(last["feed"]).isoformat(), "next_activity_id": last["id"]} if last else None
    meta = {"total": len(shown)} if counted else {}
    return Answer(
        {"activities": [_activity(world, request, doc) for doc in page], "next_page": following, "meta": meta}
    )


def _matches(doc: Document, wanted: dict[str, set[str]]) -> bool:
    held = {
        "contacts": set(doc["contacts"]),
        "deals": set(doc["deals"]),
        "users": {doc["assigned_to"]},
        "tags": set(doc["tags"]),
        "types": {"task"},
    }
    return all(not wanted[name] or wanted[name] & held[name] for name in wanted)


@operation("GET", "/api/v2/deals/{deal_id}/overdue", "deals")
def list_deal_overdue(world: World, request: Request, deal_id: str) -> Answer:
    """Open tasks of a deal whose time has passed, the longest overdue first."""
    world.readable("deal", deal_id, request.user)
    limit = request.number("limit", 30, most=200)
    where = "company_id = ? AND completed = 0 AND feed < ? AND instr(doc, ?)"
    docs = world.store.all("task", where, [request.company_id, world.now(), deal_id])
    due = [doc for doc in docs if deal_id in doc["deals"] and doc["due_date"] and _visible(world, request, doc)]
    due.sort(key=lambda doc: doc["feed"])
    return Answer({"activities": [_activity(world, request, doc) for doc in due[:limit]]})
