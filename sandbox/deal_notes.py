"""The notes of a deal, which nothing reads back."""

from typing import Any

from sandbox.errors import invalid, invalid_at, not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.ids import zulu
from sandbox.store import Document
from sandbox.world import World, short_user


def _note_view(world: World, doc: Document) -> dict[str, Any]:
    return {
        "note_id": doc["id"],
        "title": doc["title"],
        "body": doc["body"],
        "created": zulu(doc["created"]),
        "updated": zulu(doc["updated"]),
        "creator": short_user(world.user(doc["creator"])),
    }


def _apply(doc: Document, sent: dict[str, Any]) -> None:
    errors = {}
    if "title" in sent:
        doc["title"] = sent["title"]
        if not isinstance(sent["title"], str) or not 1 <= len(sent["title"]) <= 256:
            errors["/title"] = {"message": "expected 1 to 256 characters"}
    if "body" in sent:
        doc["body"] = sent["body"] or ""
        if not isinstance(sent["body"], str | None):
            errors["/body"] = {"message": "expected a string"}
    if errors:
        raise invalid(errors)


def _the_note(world: World, request: Request, deal_id: str, note_id: str) -> Document:
    world.readable("deal", deal_id, request.user)
    doc = world.store.get("deal_note", note_id)
    if doc is None or doc["deal_id"] != deal_id:
        raise not_found("deal note", note_id)
    return doc


@operation("POST", "/api/v2/deals/{deal_id}/notes", "deals")
def create_deal_note(world: World, request: Request, deal_id: str) -> Answer:
    world.readable("deal", deal_id, request.user)
    sent = request.document()
    if "title" not in sent:
        raise invalid_at("/title", "missing required property")
    doc: Document = {"id": world.new_id("deal_note"), "company_id": request.company_id, "deal_id": deal_id}
    doc |= {"title": "", "body": "", "creator": request.user_id}
    _apply(doc, sent)
    world.save("deal_note", doc, request.user_id, fresh=True)
    return Answer(_note_view(world, doc), 201)


@operation("PUT", "/api/v2/deals/{deal_id}/notes/{note_id}", "deals")
def put_deal_note(world: World, request: Request, deal_id: str, note_id: str) -> Answer:
    doc = _the_note(world, request, deal_id, note_id)
    _apply(doc, request.document())
    world.save("deal_note", doc, request.user_id)
    return Answer(_note_view(world, doc))


@operation("DELETE", "/api/v2/deals/{deal_id}/notes/{note_id}", "deals")
def delete_deal_note(world: World, request: Request, deal_id: str, note_id: str) -> Answer:
    _the_note(world, request, deal_id, note_id)
    world.store.delete("deal_note", note_id)
    return Answer()
