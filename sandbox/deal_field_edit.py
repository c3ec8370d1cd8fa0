"""Changing a pipeline's fields, their groups and choices. Each answers with all fields anew."""

from typing import Any

from sandbox.deal_fields import STANDARD_FIELDS, STANDARD_IDS, add_group, metadata, new_field
from sandbox.errors import Refused, forbidden, invalid_at, not_found
from sandbox.exchange import Answer, Request, operation
from sandbox.pipelines import managed
from sandbox.store import Document
from sandbox.world import World

PIPELINE = "/api/v2/deals/pipelines/{pipeline_id}"
PRESENTATIONS = {"string": "single-line-text-box", "long_string": "multi-line-text-box"}
PRESENTATIONS |= {"number": "numeric-general", "datetime": "date"}


@operation("GET", "/api/v2/deals/column_catalogue", "deals")
def list_column_catalogue(world: World, request: Request) -> Answer:
    columns = [
        {
            "id": STANDARD_IDS[name],
            "human_readable_name": name.replace("_", " ").capitalize(),
            "json_path": f"fields_values_with_names.{name}",
            "value_json_path": "[0].value",
            "presentation": {"type": PRESENTATIONS[kind]},
            "read_only": name == "actual_close_date",
            "is_standard": True,
            "sortable": name != "description",
        }
        for name, kind in STANDARD_FIELDS.items()
    ]
    group = {"group_id": "standard", "human_readable_name": "Deal", "columns": columns}
    return Answer({"items": [group], "type": []})


@operation("GET", "/api/v2/deals/fields", "deals")
def list_deals_fields(world: World, request: Request) -> Answer:
    return Answer(metadata(world, request.company_id))


def _saved(world: World, request: Request, pipeline: Document, status: int = 200) -> Answer:
    world.save("pipeline", pipeline, request.user_id)
    world.forget()
    return Answer(metadata(world, request.company_id), status)


def _one(listed: list[dict[str, Any]], key: str, wanted: str, kind: str) -> dict[str, Any]:
    found = next((one for one in listed if one[key] == wanted), None)
    if found is None:
        raise not_found(kind, wanted)
    return found


def _place(listed: list[dict[str, Any]], key: str, sent: dict[str, Any], one: dict[str, Any]) -> None:
    """Puts one member behind the one that `insert_after` names; null is the first place, no word no change."""
    if one not in listed:
        listed.append(one)
    if "insert_after" not in sent:
        return
    after = sent["insert_after"]
    ids = [other[key] for other in listed]
    if after is not None and (after not in ids or after == one[key]):
        raise invalid_at("/insert_after", "unknown")
    listed.remove(one)
    listed.insert(0 if after is None else [other[key] for other in listed].index(after) + 1, one)


def _in_use(world: World, pipeline: Document, field_id: str, choice_id: str = "") -> int:
    """How many deals have a value of a field, or this choice."""
    deals = world.store.all("deal", "pipeline_id = ?", [pipeline["id"]])
    values = [doc["custom"].get(field_id) or [] for doc in deals]
    return sum(bool(some) and (not choice_id or choice_id in [one["value"] for one in some]) for some in values)


def _preflight(world: World, request: Request, total: int, kind: str) -> None:
    """Refuses what is in use, if the request asks for that check. Which error that is, the documents do not say."""
    sent = request.document() if request.body.strip() else {}
    if not (sent.get("preflight_checks") and total):
        return
    message = f"{kind} is used in {total} deals"
    if world.switch("field_in_use") == "403":
        raise forbidden(message)
    raise Refused(406, {"errors": [{"message": message, "nse_query": {}, "total": total, "type": "in_use"}]})


def _group_id(pipeline: Document, sent: dict[str, Any]) -> str | None:
    group_id = sent["group_id"]
    if group_id is not None and group_id not in [one["id"] for one in pipeline["groups"]]:
        raise invalid_at("/group_id", "unknown group")
    return None if group_id is None else str(group_id)


@operation("POST", f"{PIPELINE}/fields", "deals")
def post_field(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    sent = request.document()
    field = new_field(world, pipeline, sent)
    if "group_id" in sent:
        field["group_id"] = _group_id(pipeline, sent)
    _place(pipeline["fields"], "field_id", sent, field)
    return _saved(world, request, pipeline, 201)


@operation("PUT", f"{PIPELINE}/fields/{{field_id}}", "deals")
def put_field(world: World, request: Request, pipeline_id: str, field_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    field = _one(pipeline["fields"], "field_id", field_id, "deal field")
    sent = request.document()
    if "name" in sent:
        if not isinstance(sent["name"], str) or not 1 <= len(sent["name"].strip()) <= 50:
            raise invalid_at("/name", "expected 1 to 50 characters")
        if sent["name"].strip() in [one["name"] for one in pipeline["fields"] if one is not field]:
            raise invalid_at("/name", "Field with this name already exists")
        field["name"] = sent["name"].strip()
    if "group_id" in sent:
        field["group_id"] = _group_id(pipeline, sent)
    _place(pipeline["fields"], "field_id", sent, field)
    return _saved(world, request, pipeline)


@operation("DELETE", f"{PIPELINE}/fields/{{field_id}}", "deals")
def delete_field(world: World, request: Request, pipeline_id: str, field_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    field = _one(pipeline["fields"], "field_id", field_id, "deal field")
    _preflight(world, request, _in_use(world, pipeline, field_id), "Field")
    pipeline["fields"].remove(field)
    world.save("pipeline", pipeline, request.user_id)
    return Answer()


def _choices(pipeline: Document, field_id: str) -> list[dict[str, Any]]:
    field = _one(pipeline["fields"], "field_id", field_id, "deal field")
    if field["kind"] != "choice":
        raise forbidden("The field has no choices")
    choices: list[dict[str, Any]] = field["choices"]
    return choices


def _value(value: Any, path: str, choices: list[dict[str, Any]]) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= 100:
        raise invalid_at(path, "expected 1 to 100 characters")
    if value.strip() in [one["value"] for one in choices]:
        raise invalid_at(path, "Choice already exists")
    return value.strip()


@operation("POST", f"{PIPELINE}/fields/{{field_id}}/choices", "deals")
def post_choice(world: World, request: Request, pipeline_id: str, field_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    choices = _choices(pipeline, field_id)
    sent = request.document()
    given = sent.get("choice")
    if not isinstance(given, dict):
        raise invalid_at("/choice", "missing required property")
    choice = {"id": world.new_id("choice"), "value": _value(given.get("value"), "/choice/value", choices)}
    _place(choices, "id", sent, choice)
    return _saved(world, request, pipeline, 201)


@operation("PUT", f"{PIPELINE}/fields/{{field_id}}/choices/{{choice_id}}", "deals")
def put_choice(world: World, request: Request, pipeline_id: str, field_id: str, choice_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    choices = _choices(pipeline, field_id)
    choice = _one(choices, "id", choice_id, "choice")
    sent = request.document()
    if sent.get("value") is not None and sent["value"] != choice["value"]:
        choice["value"] = _value(sent["value"], "/value", choices)
    _place(choices, "id", sent, choice)
    return _saved(world, request, pipeline)


@operation("DELETE", f"{PIPELINE}/fields/{{field_id}}/choices/{{choice_id}}", "deals")
def delete_choice(world: World, request: Request, pipeline_id: str, field_id: str, choice_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    choices = _choices(pipeline, field_id)
    choice = _one(choices, "id", choice_id, "choice")
    _preflight(world, request, _in_use(world, pipeline, field_id, choice_id), "Choice")
    choices.remove(choice)
    world.save("pipeline", pipeline, request.user_id)
    return Answer()


@operation("POST", f"{PIPELINE}/groups", "deals")
def post_group(world: World, request: Request, pipeline_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    sent = request.document()
    group_id = add_group(world, pipeline, sent)
    _place(pipeline["groups"], "id", sent, pipeline["groups"][-1])
    for at, one in enumerate(sent.get("fields") or []):
        pipeline["fields"].append(new_field(world, pipeline, one, f"/fields/{at}") | {"group_id": group_id})
    return _saved(world, request, pipeline, 201)


@operation("PUT", f"{PIPELINE}/groups/{{group_id}}", "deals")
def put_group(world: World, request: Request, pipeline_id: str, group_id: str) -> Answer:
    pipeline = managed(world, request, pipeline_id)
    group = _one(pipeline["groups"], "id", group_id, "deal group")
    sent = request.document()
    if "group_name" in sent:
        if not isinstance(sent["group_name"], str) or not 1 <= len(sent["group_name"].strip()) <= 100:
            raise invalid_at("/group_name", "expected 1 to 100 characters")
        group["name"] = sent["group_name"].strip()
    if sent.get("logo_id"):
        group["logo_id"] = str(sent["logo_id"])
    _place(pipeline["groups"], "id", sent, group)
    return _saved(world, request, pipeline)


@operation("DELETE", f"{PIPELINE}/groups/{{group_id}}", "deals")
def delete_group(world: World, request: Request, pipeline_id: str, group_id: str) -> Answer:
    """The group alone: its fields stand beside the others from then on."""
    pipeline = managed(world, request, pipeline_id)
    pipeline["groups"].remove(_one(pipeline["groups"], "id", group_id, "deal group"))
    for field in pipeline["fields"]:
        if field["group_id"] == group_id:
            field["group_id"] = None
    world.save("pipeline", pipeline, request.user_id)
    return Answer()
