"""The tags of deals as a whole: which there are, renaming one, taking one away everywhere."""

from collections.abc import Callable
from typing import Any

from sandbox import privacy
from sandbox.errors import Refused, invalid_at, not_acceptable
from sandbox.exchange import Answer, Request, operation
from sandbox.store import Document
from sandbox.world import World


@operation("GET", "/api/v2/deals/tags", "deals")
def list_deals_tags(world: World, request: Request) -> Answer:
    starts = request.text("starts_with").lower()
    limit = request.number("limit", 100, most=1000)
    sql = "SELECT DISTINCT tag FROM deal_tags t JOIN deals ON deals.id = t.deal_id WHERE company_id = ? ORDER BY tag"
    tags = [tag for (tag,) in world.store.rows(sql, [request.company_id]) if tag.lower().startswith(starts)]
    return Answer({"tags": [{"name": tag, "created": None} for tag in tags[:limit]]})


def _tagged(world: World, request: Request, tag: str) -> list[Document]:
    sql = "SELECT id FROM deals JOIN deal_tags t ON t.deal_id = deals.id WHERE company_id = ? AND t.tag = ?"
    ids = [one for (one,) in world.store.rows(sql, [request.company_id, tag])]
    return list(world.store.get_many("deal", ids).values())


def _change(world: World, request: Request, docs: list[Document], change: Callable[[list[str]], list[str]]) -> Answer:
    for doc in docs:
        if privacy.may_edit(doc, request.user):
            doc["tags"] = change(doc["tags"])
            world.save("deal", doc, request.user_id)
    return Answer()


@operation("PUT", "/api/2/deals/tags/{tag_name}", "deals")
def put_deals_tag(world: World, request: Request, tag_name: str) -> Answer:
    """On every deal that this person may edit; a tag that a deal has already is not there twice."""
    new = request.document().get("new_tag")
    if not isinstance(new, str) or not new.strip():
        raise invalid_at("/new_tag", "missing required property")
    docs = _tagged(world, request, tag_name)
    if not docs:
        raise not_acceptable("Tag doesn't exist", "tag_not_found")
    name = new.strip()
    return _change(world, request, docs, lambda tags: list(dict.fromkeys(name if t == tag_name else t for t in tags)))


@operation("DELETE", "/api/2/deals/tags/{tag_name}", "deals")
def delete_deals_tag(world: World, request: Request, tag_name: str) -> Answer:
    sent: dict[str, Any] = request.document()
    docs = _tagged(world, request, tag_name)
    kept = [doc for doc in docs if not privacy.may_edit(doc, request.user)]
    if sent.get("preflight_checks") and kept:
        query = {"and": [{"is_editable": {"is": False}}, {"tag": {"is": tag_name}}]}
        message = "Some deals cannot be updated because of their privacy settings"
        error = {"message": message, "nse_query": query, "total": len(kept), "type": "non_editable_deals"}
        raise Refused(406, {"errors": [error]})
    return _change(world, request, docs, lambda tags: [tag for tag in tags if tag != tag_name])
