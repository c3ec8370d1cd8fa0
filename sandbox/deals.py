"""Deals: listings, by stage, one by one, creating, changing and deleting."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox import deal_edit, query
from sandbox.contacts import checked_owner, ordering
from sandbox.deal_views import DealViewer
from sandbox.errors import invalid_at
from sandbox.exchange import Answer, Request, operation
from sandbox.ids import moment
from sandbox.pipelines import stage_view, the_pipeline, the_stage
from sandbox.population.pipelines import new_deal
from sandbox.store import Document
from sandbox.world import World, short_user

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


@operation("GET", "/api/v2/deals/pipelines/{pipeline_id}/owners", "deals")
def list_pipeline_deals_by_owner(world: World, request: Request, pipeline_id: str) -> Answer:
    """The first deals of each owner who has any here; the next page is one owner's alone."""
    the_pipeline(world, request, pipeline_id)
    order = _order(request)
    limit, page = request.number("limit", 10, most=MOST_PER_PAGE), request.number("page", 1)
    where, values = _visible(world, request)
    where, values = f"deals.pipeline_id = ? AND {where}", [pipeline_id, *values]
    owners = [owner for (owner,) in world.store.rows(f"SELECT DISTINCT owner_id FROM deals WHERE {where}", values)]
    if wanted := request.text("owner_id"):
        owners = [owner for owner in owners if owner == wanted]
    viewer = DealViewer(world, request.user)
    groups = []
    for owner in owners:
        theirs, given = f"deals.owner_id = ? AND {where}", [owner, *values]
        total = world.count(f"SELECT count(*) FROM deals WHERE {theirs}", given)
        path = f"/api/v2/deals/pipelines/{pipeline_id}/owners?"
        kept = {name: request.text(name) for name in ("sort", "limit", "query") if name in request.query}
        following = path + urlencode(kept | {"owner_id": owner, "page": page + 1})
        meta = {
            "next_page_url": following if page * limit < total else None,
            "total_amount": _totals(world, theirs, given),
        }
        shown = viewer.views(_fetch(world, theirs, given, order, limit, page))
        groups.append({"deals": shown, "owner": short_user(world.user(owner)), "meta": meta})
    return Answer({"groups": groups})


@operation("GET", "/api/v2/deals/widget/won_last_month", "deals")
def get_won_last_month(world: World, request: Request) -> Answer:
    """Of all pipelines, whatever the currency: its answer has one number."""
    first = moment(world.now()).date().replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    where, values = _visible(world, request)
    docs = _fetch(world, where, values, "deals.id", 1_000_000, 1)
    won = [doc for doc in docs if _won(world, request, doc) and before <= _closed(doc) < first]
    return Answer({"last_month_won_amount": sum(doc["amount"] or 0 for doc in won), "last_month_won_count": len(won)})


def _won(world: World, request: Request, doc: Document) -> bool:
    stage = the_stage(world.pipelines(request.company_id)[doc["pipeline_id"]], doc["stage_id"])
    return stage is not None and stage["role"] == "won"


def _closed(doc: Document) -> date:
    return date.fromisoformat(doc["actual_close_date"]) if doc["actual_close_date"] else date.min
