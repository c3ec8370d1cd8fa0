"""Deals: listings, by stage, one by one, creating, changing and deleting."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

from typing import Any
from urllib.parse import urlencode

from sandbox import deal_edit, query
from sandbox.contacts import checked_owner, ordering
from sandbox.deal_views import DealViewer
from sandbox.errors import invalid_at
from sandbox.exchange import Answer, Request, operation
from sandbox.pipelines import stage_view, the_pipeline, the_stage
from sandbox.population.pipelines import new_deal
from sandbox.store import Document
from sandbox.world import World

SORTABLE = {name: name for name in ("updated", "created", "name", "amount", "expected_close_date", "probability")}
SORTABLE |= {"deal_number": "number"}
MOST_PER_PAGE = 1000
NEW_FOR = 3 * 86_400_000_000


def _visible(world: World, request: Request) -> tuple[str, list[Any]]:
    where = "deals.company_id = ? AND (deals.readers IS NULL OR deals.readers LIKE ?)"
    values: list[Any] = [request.company_id, f"%,{request.user_id},%"]
    if text := request.text("query"):
        condition, more = query.condition("deals", "deal_tags", world.now(), text)
        return f"{where} AND ({condition})", values + more
    return where, values


def _order(request: Request) -> str:
    if not request.text("sort"):
        raise invalid_at("/sort", "missing required parameter")
    return ordering(request.text("sort"), SORTABLE, "deals")


def _fetch(world: World, where: str, values: list[Any], order: str, limit: int, page: int) -> list[Document]:
    sql = f"SELECT id FROM deals WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    ids = [row[0] for row in world.store.rows(sql, [*values, limit, (page - 1) * limit])]
    found = world.store.get_many("deal", ids)
    return [found[one] for one in ids]


@operation("GET", "/api/v2/deals", "deals")
def list_user_deals(world: World, request: Request) -> Answer:
    order = _order(request)
    limit = request.number("limit", 10, most=MOST_PER_PAGE)
    page = request.number("page", 1) if world.switch("deals_page") == "honoured" else 1
    where, values = _visible(world, request)
    if world.switch("deals_scope") == "own":
        where, values = f"{where} AND deals.owner_id = ?", [*values, request.user_id]
    total = world.count(f"SELECT count(*) FROM deals WHERE {where}", values)
    docs = _fetch(world, where, values, order, limit, page)
    meta = {"per_page": limit, "total": total, "page": page, "pages": -(-total // limit)}
    return Answer({"meta": meta, "resources": DealViewer(world, request.user).views(docs)})


def _totals(world: World, where: str, values: list[Any]) -> list[dict[str, Any]]:
    sql = f"SELECT currency, sum(amount) FROM deals WHERE {where} AND amount IS NOT NULL GROUP BY currency ORDER BY 1"
    rows = world.store.rows(sql, values)
    return [{"currency": currency, "count": int(total) if total == int(total) else total} for currency, total in rows]


def _group(
    world: World, request: Request, pipeline: Document, stage: dict[str, Any], viewer: DealViewer
) -> dict[str, Any]:
    limit = request.number("limit", 10, most=MOST_PER_PAGE)
    page = request.number("page", 1)
    where, values = _visible(world, request)
    where, values = f"deals.stage_id = ? AND {where}", [stage["id"], *values]
    if request.flag("stuck", False):
        where += " AND ? > 0 AND deals.entered < ?"
        days = stage["expected_days"] or 0
        values += [days, world.now() - days * 86_400_000_000]
    total = world.count(f"SELECT count(*) FROM deals WHERE {where}", values)
    docs = _fetch(world, where, values, _order(request), limit, page)
    fresh = world.store.scalar(
        f"SELECT count(*) FROM deals WHERE {where} AND deals.entered > ?", [*values, world.now() - NEW_FOR]
    )
    meta = {
        "total_new_count": fresh,
        "next_page_url": _next(world, request, pipeline, stage, page) if page * limit < total else None,
        "total_amount": _totals(world, where, values),
    }
    return {"stage": stage_view(world, pipeline, stage), "deals": viewer.views(docs), "meta": meta}


def _next(world: World, request: Request, pipeline: Document, stage: dict[str, Any], page: int) -> str:
    kept = {name: request.text(name) for name in ("sort", "limit", "query", "stuck") if name in request.query}
    path = f"/api/v2/deals/pipelines/{pipeline['id']}/deals"
    path = f"{path}?{urlencode(kept | {'stage_id': stage['id'], 'page': page + 1})}"
    return request.origin + path if world.switch("next_page_url") == "absolute" else path


@operation("GET", "/api/v2/deals/pipelines/{pipeline_id}/deals", "deals")
def list_pipeline_deals_by_stages(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = the_pipeline(world, request, pipeline_id)
    stages = pipeline["stages"]
    if wanted := request.text("stage_id"):
        stage = the_stage(pipeline, wanted)
        if stage is None:
            raise invalid_at("/stage_id", "unknown stage")
        stages = [stage]
    viewer = DealViewer(world, request.user)
    return Answer({"stages": [_group(world, request, pipeline, stage, viewer) for stage in stages]})


@operation("GET", "/api/v2/deals/{deal_id}", "deals")
def get_deal(world: World, request: Request, deal_id: str) -> Answer:
    return Answer(DealViewer(world, request.user).view(world.readable("deal", deal_id, request.user)))


@operation("POST", "/api/v2/deals", "deals")
def create_new_deal(world: World, request: Request) -> Answer:
    sent = request.document()
    for name in ("owner", "fields_values", "pipeline_id", "stage_id"):
        if name not in sent:
            raise invalid_at(f"/{name}", "missing required property")
    pipeline = world.pipelines(request.company_id).get(str(sent["pipeline_id"]))
    if pipeline is None:
        raise invalid_at("/pipeline_id", "unknown pipeline")
    owner = checked_owner(world, request, sent.get("owner_id", sent["owner"]), "/owner_id")
    number = world.store.scalar("SELECT coalesce(max(number), 0) FROM deals") + 1
    doc = new_deal(world.new_id("deal"), pipeline, owner, 0, 0, number)
    doc["creator"] = request.user_id
    errors = deal_edit.apply_fields(doc, pipeline, sent["fields_values"])
    deal_edit.apply_place(world, request, doc, sent)
    deal_edit.apply_rest(world, request, doc, sent)
    deal_edit.check_whole(doc, pipeline, errors)
    world.save("deal", doc, request.user_id, fresh=True)
    return Answer(DealViewer(world, request.user).view(doc))


@operation("PUT", "/api/v2/deals/{deal_id}", "deals")
def put_deal(world: World, request: Request, deal_id: str) -> Answer:
    doc = world.editable("deal", deal_id, request.user)
    sent = request.document()
    pipeline = deal_edit.apply_place(world, request, doc, sent)
    errors = deal_edit.apply_fields(doc, pipeline, sent["fields_values"]) if "fields_values" in sent else {}
    deal_edit.apply_rest(world, request, doc, sent)
    deal_edit.check_whole(doc, pipeline, errors)
    world.save("deal", doc, request.user_id)
    return Answer(DealViewer(world, request.user).view(doc))


@operation("DELETE", "/api/v2/deals/{deal_id}", "deals")
def delete_deal(world: World, request: Request, deal_id: str) -> Answer:
    world.editable("deal", deal_id, request.user)
    world.store.delete("deal", deal_id)
    world.store.db.execute("DELETE FROM deal_notes WHERE deal_id = ?", (deal_id,))
    return Answer()


@operation("GET", "/api/v2/deals/tags", "deals")
def list_deals_tags(world: World, request: Request) -> Answer:
    starts = request.text("starts_with").lower()
    limit = request.number("limit", 100, most=1000)
    sql = "SELECT DISTINCT tag FROM deal_tags t JOIN deals ON deals.id = t.deal_id WHERE company_id = ? ORDER BY tag"
    tags = [tag for (tag,) in world.store.rows(sql, [request.company_id]) if tag.lower().startswith(starts)]
    return Answer({"tags": [{"name": tag, "created": None} for tag in tags[:limit]]})
