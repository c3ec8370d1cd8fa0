"""Notes on contacts."""

from typing import Any

from sandbox.contact_views import apply_raw, short_contact
from sandbox.errors import invalid_at, not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.ids import is_object_id, stamp
from sandbox.privacy import may_read
from sandbox.store import Document
from sandbox.world import World, short_user


def _views(world: World, request: Request, docs: list[Document]) -> list[dict[str, Any]]:
    contacts = world.store.get_many("contact", [one for doc in docs for one in doc["contact_ids"]])
    users = world.users(request.company_id)
    views = []
    for doc in docs:
        owner = users.get(doc["owner_id"])
        view = {
            "id": doc["id"],
            "note": doc["note"],
            "note_preview": doc["note_preview"],
            "author_name": owner["name"] if owner else "",
            "owner_id": doc["owner_id"],
            "owner": short_user(owner),
            "contacts": [short_contact(contacts[one], request.user) for one in doc["contact_ids"] if one in contacts],
            "created": stamp(doc["created"], doc["id"]),
            "updated": stamp(doc["updated"], doc["id"]),
        }
        views.append(apply_raw(view, doc))
    return views


def _readable(world: World, request: Request, note_id: str) -> Document:
    """A note is seen by whoever sees one of its contacts."""
    doc = world.store.get("note", note_id)
    if doc is not None and doc["company_id"] == request.company_id:
        contacts = world.store.get_many("contact", doc["contact_ids"]).values()
        if any(may_read(contact, request.user) for contact in contacts):
            return doc
    raise not_found("note", note_id)


def _text(sent: dict[str, Any], name: str) -> str:
    if not isinstance(sent.get(name), str):
        raise invalid_at(f"/{name}", "missing required property" if name not in sent else "expected a string")
    return str(sent[name])


def _contact_ids(world: World, request: Request, sent: dict[str, Any]) -> list[str]:
    ids = sent.get("contact_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 10 or not all(is_object_id(one) for one in ids):
        raise invalid_at("/contact_ids", "expected 1 to 10 contact ids")
    for one in ids:
        world.readable("contact", one, request.user)
    return list(dict.fromkeys(ids))


def _create(world: World, request: Request, note_id: str, contact_ids: list[str], sent: dict[str, Any]) -> Answer:
    text = _text(sent, "note")
    preview = _text(sent, "note_preview") if "note_preview" in sent else text[:64]
    doc = {
        "id": note_id,
        "company_id": request.company_id,
        "contact_ids": contact_ids,
        "note": text,
        "note_preview": preview,
        "owner_id": request.user_id,
    }
    world.save("note", doc, request.user_id, fresh=True)
    return Answer(_views(world, request, [doc])[0], 201)


@operation("POST", "/api/v1/contacts/notes", "contacts")
def post_contact_note(world: World, request: Request) -> Answer:
    sent = request.document()
    _text(sent, "note_preview")
    return _create(world, request, world.new_id("note"), _contact_ids(world, request, sent), sent)


@operation("POST", "/api/v1/contacts/notes/{note_id}", "contacts")
def post_contact_note_with_id(world: World, request: Request, note_id: str) -> Answer:
    if not is_object_id(note_id):
        raise invalid_at("/note_id", "expected an object id")
    sent = request.document()
    _text(sent, "note_preview")
    contact_ids = _contact_ids(world, request, sent)
    if world.switch("note_ids") == "own":
        note_id = world.new_id("note")
    if world.store.get("note", note_id) is not None:
        raise invalid_at("/note_id", "a note with this id is there already")
    return _create(world, request, note_id, contact_ids, sent)


@operation("POST", "/api/v1/contacts/{contact_id}/notes", "contacts")
def post_contact_note_for_contact(world: World, request: Request, contact_id: str) -> Answer:
    world.readable("contact", contact_id, request.user)
    return _create(world, request, world.new_id("note"), [contact_id], request.document())


@operation("GET", "/api/v1/contacts/{contact_id}/notes", "contacts")
def list_contact_notes(world: World, request: Request, contact_id: str) -> Answer:
    world.readable("contact", contact_id, request.user)
    page, per_page = request.number("page", 1), request.number("per_page", 5, most=100)
    total = world.store.scalar("SELECT count(*) FROM note_contacts WHERE contact_id = ?", [contact_id])
    sql = "SELECT note_id FROM note_contacts WHERE contact_id = ? ORDER BY created DESC, note_id LIMIT ? OFFSET ?"
    ids = [row[0] for row in world.store.rows(sql, [contact_id, per_page, (page - 1) * per_page])]
    found = world.store.get_many("note", ids)
    pages = -(-total // per_page)
    meta = {"page": page, "pages": pages, "per_page": per_page, "total": total, "has_more": page < pages}
    return Answer({"meta": meta, "resources": _views(world, request, [found[one] for one in ids])})


@operation("GET", "/api/v1/contacts/notes/{note_id}", "contacts")
def get_contact_note(world: World, request: Request, note_id: str) -> Answer:
    return Answer(_views(world, request, [_readable(world, request, note_id)])[0])


@operation("PUT", "/api/v1/contacts/notes/{note_id}", "contacts")
def put_contact_note(world: World, request: Request, note_id: str) -> Answer:
    doc = _readable(world, request, note_id)
    sent = request.document()
    doc["contact_ids"] = _contact_ids(world, request, sent)
    doc["note"], doc["note_preview"] = _text(sent, "note"), _text(sent, "note_preview")
    world.save("note", doc, request.user_id)
    return Answer(_views(world, request, [doc])[0])


@operation("DELETE", "/api/v1/contacts/notes/{note_id}", "contacts")
def delete_contact_note(world: World, request: Request, note_id: str) -> Answer:
    _readable(world, request, note_id)
    world.store.delete("note", note_id)
    return Answer({"id": note_id})
