"""The fields of deals as Nimble describes them: standard ones, and each pipeline's own in groups."""

from typing import Any

from sandbox.errors import invalid_at
from sandbox.ids import object_id
from sandbox.store import Document
from sandbox.world import World

STANDARD_FIELDS = {
    "name": "string",
    "amount": "number",
    "probability": "number",
    "description": "long_string",
    "expected_close_date": "datetime",
    "actual_close_date": "datetime",
}
STANDARD_IDS = {name: object_id("deal field", "standard", name) for name in STANDARD_FIELDS}
STANDARD_NAMES = {field_id: name for name, field_id in STANDARD_IDS.items()}
KINDS = ("string", "long_string", "choice", "number", "datetime", "boolean", "address", "user")


def field_view(field: dict[str, Any], actions: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"field_kind": field["kind"]}
    if field["kind"] == "choice":
        kind["values"] = {"ordering_type": "ordinal", "values": field["choices"]}
    return {
        "field_id": field["field_id"],
        "field_name": field["name"],
        "modifier": "",
        "multiples": field["multiples"],
        "available_actions": actions,
        "field_type": kind,
    }


def tabs(pipeline: Document) -> list[dict[str, Any]]:
    """One tab: each group with its fields where its first one stands, the others beside; empty groups last."""
    if not pipeline["fields"] and not pipeline["groups"]:
        return []
    groups = {
        one["id"]: {
            "type": "group",
            "group_name": one["name"],
            "group_id": one["id"],
            "logo_id": one["logo_id"],
            "fields": [],
        }
        for one in pipeline["groups"]
    }
    members: list[dict[str, Any]] = []
    for field in pipeline["fields"]:
        view = {"type": "field", "field": field_view(field, "edit_all"), "pipeline_id": pipeline["id"]}
        group = groups.get(field["group_id"])
        if group is None:
            members.append(view)
            continue
        if not group["fields"]:
            members.append(group)
        group["fields"].append(view)
    members += [group for group in groups.values() if not group["fields"]]
    tab_id = object_id("deal tab", pipeline["id"])
    return [{"tab_id": tab_id, "tab_name": "Deal", "pipeline_id": pipeline["id"], "members": members}]


def metadata(world: World, company_id: str) -> dict[str, Any]:
    standard = [
        field_view({"field_id": STANDARD_IDS[name], "name": name, "kind": kind, "multiples": False}, "view_only")
        for name, kind in STANDARD_FIELDS.items()
    ]
    every = [tab for pipeline in world.pipelines(company_id).values() for tab in tabs(pipeline)]
    return {"pipelines_tabs": every, "standard_fields": standard}


def _check_presentation(kind: str, sent: Any, path: str) -> None:
    """Numbers and dates must say how they look; the others have nothing to say."""
    if not isinstance(sent, dict):
        raise invalid_at(path, "missing required property")
    if kind == "number":
        number = sent.get("number_type")
        if number not in ("integer", "decimal", "percentage", "financial"):
            raise invalid_at(path, "number_type is one of integer, decimal, percentage, financial")
        if number in ("decimal", "percentage") and not isinstance(sent.get("fraction_digits"), int):
            raise invalid_at(path, "fraction_digits is required")
    elif kind == "datetime":
        if not {"date_format", "ignore_specific_time"} <= sent.keys():
            raise invalid_at(path, "date_format and ignore_specific_time are required")
    elif sent:
        raise invalid_at(path, f"There is no presentation of {kind}")


def new_field(world: World, pipeline: Document, sent: Any, path: str = "") -> dict[str, Any]:
    """A checked custom field, not yet in its place."""
    if not isinstance(sent, dict):
        raise invalid_at(path or "/", "expected an object")
    name, kind = sent.get("name"), sent.get("field_type")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 50:
        raise invalid_at(f"{path}/name", "expected 1 to 50 characters")
    if name.strip() in [one["name"] for one in pipeline["fields"]]:
        raise invalid_at(f"{path}/name", "Field with this name already exists")
    if not isinstance(kind, dict) or kind.get("field_kind") not in KINDS:
        raise invalid_at(f"{path}/field_type", f"field_kind is one of {', '.join(KINDS)}")
    _check_presentation(kind["field_kind"], sent.get("presentation"), f"{path}/presentation")
    values = kind.get("values") or {}
    listed = values.get("values") if isinstance(values, dict) else None
    choices = [
        {"id": world.new_id("choice"), "value": str(one["value"])}
        for one in listed or []
        if isinstance(one, dict) and one.get("value")
    ]
    return {
        "field_id": world.new_id("deal field"),
        "name": name.strip(),
        "kind": kind["field_kind"],
        "multiples": False,
        "choices": choices,
        "group_id": None,
    }


def add_members(world: World, pipeline: Document, members: list[Any]) -> None:
    """The groups and fields of a pipeline that is being made."""
    for place, one in enumerate(members):
        path = f"/fields_tab_members/{place}"
        if isinstance(one, dict) and "group_name" in one:
            group_id = add_group(world, pipeline, one, path)
            for at, field in enumerate(one.get("fields") or []):
                made = new_field(world, pipeline, field, f"{path}/fields/{at}")
                pipeline["fields"].append(made | {"group_id": group_id})
        else:
            pipeline["fields"].append(new_field(world, pipeline, one, path))


def add_group(world: World, pipeline: Document, sent: dict[str, Any], path: str = "") -> str:
    name = sent.get("group_name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100:
        raise invalid_at(f"{path}/group_name", "expected 1 to 100 characters")
    group = {"id": world.new_id("deal group"), "name": name.strip(), "logo_id": sent.get("logo_id") or "default"}
    pipeline["groups"].append(group)
    return str(group["id"])
