"""Pipelines, their stages and lost reasons."""

import re
from typing import Any

from sandbox.deal_fields import add_members, tabs
from sandbox.errors import cannot_complete, forbidden, invalid, invalid_at, not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.ids import stamp
from sandbox.population.pipelines import make_pipeline
from sandbox.store import Document
from sandbox.world import World, short_user


def stage_view(world: World, pipeline: Document, stage: dict[str, Any]) -> dict[str, Any]:
    view = {
        "stage_id": stage["id"],
        "name": stage["name"],
        "description": stage["description"] or "",
        "pipline_id": pipeline["id"],
        "role": {"name": stage["role"], "is_final": stage["role"] in ("won", "lost")},
        "expected_days": stage["expected_days"],
        "archived_at": stamp(stage["archived_at"], stage["id"]) if stage["archived_at"] else None,
        "creator": short_user(world.user(stage["creator"])),
        "created": stamp(stage["created"], stage["id"]),
        "updated": stamp(stage["updated"], stage["id"]),
    }
    # A stage may have no probability of its own.
    if stage["default_probability"] is not None:
        view["default_probability"] = stage["default_probability"]
    return view


def pipeline_view(world: World, pipeline: Document) -> dict[str, Any]:
    return {
        "pipeline_id": pipeline["id"],
        "name": pipeline["name"],
        "description": pipeline["description"],
        "color": pipeline["color"],
        "creator": short_user(world.user(pipeline["creator"])),
        "created": stamp(pipeline["created"], pipeline["id"]),
        "updated": stamp(pipeline["updated"], pipeline["id"]),
        "archived_at": stamp(pipeline["archived_at"], pipeline["id"]) if pipeline["archived_at"] else None,
        "is_default": pipeline["is_default"],
        "default_currency": pipeline["default_currency"],
        "lost_reasons": pipeline["lost_reasons"],
        "stages": [stage_view(world, pipeline, stage) for stage in pipeline["stages"]],
        "tabs": tabs(pipeline),
    }


def the_pipeline(world: World, request: Request, pipeline_id: str) -> Document:
    pipeline = world.pipelines(request.company_id).get(pipeline_id)
    if pipeline is None:
        raise not_found("deal pipeline", pipeline_id)
    return pipeline


@operation("GET", "/api/v2/deals/pipelines", "deals")
def list_deals_pipelines(world: World, request: Request) -> Answer:
    return Answer({"pipelines": [pipeline_view(world, one) for one in world.pipelines(request.company_id).values()]})


@operation("GET", "/api/v2/deals/pipelines/{pipeline_id}", "deals")
def get_deals_pipeline(world: World, request: Request, pipeline_id: str) -> Answer:
    return Answer(pipeline_view(world, the_pipeline(world, request, pipeline_id)))


def managed(world: World, request: Request, pipeline_id: str) -> Document:
    """The pipeline, for who may change it: the company's owner and whoever made it."""
    pipeline = the_pipeline(world, request, pipeline_id)
    if not request.user["is_company_owner"] and pipeline["creator"] != request.user_id:
        raise forbidden("You don't have permission to manage this pipeline")
    return pipeline


def _saved(world: World, request: Request, pipeline: Document, status: int) -> Answer:
    world.save("pipeline", pipeline, request.user_id)
    return Answer(pipeline_view(world, pipeline), status)


def _open(world: World, request: Request, pipeline_id: str) -> Document:
    pipeline = managed(world, request, pipeline_id)
    if pipeline["archived_at"]:
        raise cannot_complete("Pipeline is archived", "archived_pipeline")
    return pipeline


@operation("POST", "/api/v2/deals/pipelines", "deals")
def post_deals_pipeline(world: World, request: Request) -> Answer:
    """The stages sent, and a won and a lost one behind them."""
    if not request.user["is_company_owner"]:
        raise forbidden("You don't have permission to create pipelines")
    sent = request.document()
    errors: dict[str, Any] = {}
    for name in ("name", "description", "color", "lost_reasons", "stages", "fields_tab_members", "default_currency"):
        if name not in sent:
            errors[f"/{name}"] = {"message": "missing required property"}
    if errors:
        raise invalid(errors)
    for name, least, most in (("name", 1, 200), ("description", 0, 256), ("color", 1, 40)):
        if not isinstance(sent[name], str) or not least <= len(sent[name]) <= most:
            errors[f"/{name}"] = {"message": f"expected a string of {least} to {most} characters"}
    if not isinstance(sent["default_currency"], str) or not re.fullmatch("[A-Z]{3}", sent["default_currency"]):
        errors["/default_currency"] = {"message": "expected an ISO 4217 code"}
    for name in ("lost_reasons", "stages", "fields_tab_members"):
        if not isinstance(sent[name], list):
            errors[f"/{name}"] = {"message": "expected a list"}
    if errors:
        raise invalid(errors)
    stages = [_checked_stage(one) for one in sent["stages"] if isinstance(one, dict)]
    if not stages or any("name" not in one for one in stages):
        raise invalid_at("/stages", "a pipeline needs stages, each with a name")
    plans = [
        (one["name"], "in_progress", one.get("default_probability"), one.get("expected_days", 0)) for one in stages
    ]
    plans += [("Won", "won", 100, 0), ("Lost", "lost", 0, 0)]
    pipeline = make_pipeline(
        world.new_id("pipeline"),
        request.company_id,
        request.user_id,
        sent["name"],
        plans,
        color=sent["color"],
        currency=sent["default_currency"],
        lost_reasons=[str(one)[:256] for one in sent["lost_reasons"]],
    )
    pipeline["description"] = sent["description"]
    add_members(world, pipeline, sent["fields_tab_members"])
    world.save("pipeline", pipeline, request.user_id, fresh=True)
    return Answer(pipeline_view(world, pipeline), 201)


@operation("DELETE", "/api/v2/deals/pipelines/{pipeline_id}", "deals")
def delete_deals_pipeline(world: World, request: Request, pipeline_id: str) -> Answer:
    """With all of its deals."""
    managed(world, request, pipeline_id)
    for (one,) in world.store.rows("SELECT id FROM deals WHERE pipeline_id = ?", [pipeline_id]):
        world.store.delete("deal", one)
    world.store.delete("pipeline", pipeline_id)
    return Answer()


@operation("PUT", "/api/v2/deals/pipelines/{pipeline_id}", "deals")
def put_deals_pipeline(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    sent = request.document()
    for name, most in (("name", 200), ("description", 4096), ("color", 40)):
        if name in sent:
            if not isinstance(sent[name], str) or (name == "name" and not sent[name]) or len(sent[name]) > most:
                raise invalid_at(f"/{name}", f"expected a string of at most {most} characters")
            pipeline[name] = sent[name]
    return _saved(world, request, pipeline, 200)


@operation("POST", "/api/v2/deals/pipelines/{pipeline_id}/lost_reasons", "deals")
def post_lost_reason(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = _open(world, request, pipeline_id)
    reason = request.document().get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise invalid_at("/reason", "missing required property")
    if reason.strip() in [one["text"] for one in pipeline["lost_reasons"]]:
        raise cannot_complete("Lost reason already exists", "reason_already_exists")
    pipeline["lost_reasons"].append({"id": world.new_id("reason"), "text": reason.strip()})
    return _saved(world, request, pipeline, 201)


def _checked_stage(sent: dict[str, Any]) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for name, least, most in (("expected_days", 0, 10_000), ("default_probability", 0, 100)):
        if name in sent:
            found[name] = sent[name]
            if isinstance(sent[name], bool) or not isinstance(sent[name], int) or not least <= sent[name] <= most:
                errors[f"/{name}"] = {"message": f"expected a number from {least} to {most}"}
    for name in ("name", "description"):
        if name in sent:
            found[name] = sent[name]
            if name == "description" and sent[name] is None:
                continue
            if not isinstance(sent[name], str) or not 1 <= len(sent[name]) <= 4096:
                errors[f"/{name}"] = {"message": "expected 1 to 4096 characters"}
    if errors:
        raise invalid(errors)
    return found


@operation("POST", "/api/v2/deals/pipelines/{pipeline_id}/stages", "deals")
def post_stage(world: World, request: Request, pipeline_id: str) -> Answer:
    """Inserted after the stage named, else before the first final one."""
    pipeline = _open(world, request, pipeline_id)
    sent = request.document()
    found = _checked_stage(sent)
    if "name" not in found:
        raise invalid_at("/name", "missing required property")
    ids = [stage["id"] for stage in pipeline["stages"]]
    place = next((at for at, one in enumerate(pipeline["stages"]) if one["role"] in ("won", "lost")), len(ids))
    if sent.get("insert_after") is not None:
        if sent["insert_after"] not in ids:
            raise invalid_at("/insert_after", "unknown stage")
        place = ids.index(sent["insert_after"]) + 1
    now = world.next_stamp()
    stage: Document = {
        "id": world.new_id("stage"),
        "description": "",
        "role": "in_progress",
        "default_probability": None,
    }
    stage |= {"expected_days": 0, "archived_at": None, "creator": request.user_id, "created": now, "updated": now}
    pipeline["stages"].insert(place, stage | found)
    return _saved(world, request, pipeline, 201)


def the_stage(pipeline: Document, stage_id: Any) -> dict[str, Any] | None:
    return next((stage for stage in pipeline["stages"] if stage["id"] == stage_id), None)


@operation("PUT", "/api/v2/deals/pipelines/{pipeline_id}/stages/{stage_id}", "deals")
def put_stage(world: World, request: Request, pipeline_id: str, stage_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    stage = the_stage(pipeline, stage_id)
    if stage is None:
        raise not_found("deal stage", stage_id)
    stage |= _checked_stage(request.document())
    stage["updated"] = world.next_stamp()
    return _saved(world, request, pipeline, 200)


@operation("DELETE", "/api/v2/deals/pipelines/{pipeline_id}/stages/{stage_id}", "deals")
def archive_stage(world: World, request: Request, pipeline_id: str, stage_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    stage = the_stage(pipeline, stage_id)
    if stage is None:
        raise not_found("deal stage", stage_id)
    stage["archived_at"] = stage["updated"] = world.next_stamp()
    world.save("pipeline", pipeline, request.user_id)
    return Answer()


@operation("POST", "/api/v2/deals/pipelines/{pipeline_id}/archive", "deals")
def archive_pipeline(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    pipeline["archived_at"] = world.next_stamp()
    world.save("pipeline", pipeline, request.user_id)
    return Answer()


@operation("POST", "/api/v2/deals/pipelines/{pipeline_id}/unarchive", "deals")
def unarchive_pipeline(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    pipeline["archived_at"] = None
    world.save("pipeline", pipeline, request.user_id)
    return Answer()
