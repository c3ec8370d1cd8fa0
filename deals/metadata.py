"""What Nimble says of pipelines' stages and of the fields of deals: pure functions."""

import re
from collections.abc import Mapping
from typing import Any

from deals.models import Role


def role(stage: Mapping[str, Any]) -> tuple[str, bool]:
    """A stage's role, and whether it is final. `role` is `{name, is_final}`; names are not published as a list."""
    block = stage.get("role")
    name = str(block.get("name") or "") if isinstance(block, dict) else str(block or "")
    final = bool(block.get("is_final")) if isinstance(block, dict) else False
    words = set(re.split(r"[^a-z]+", name.lower()))
    if words & {"won", "win", "successful", "success"}:
        return Role.WON, True
    if words & {"lost", "lose", "unsuccessful", "failed", "fail"}:
        return Role.LOST, True
    return Role.OPEN, final


def fields(metadata: Any) -> list[dict[str, Any]]:
    """Every field of `list-all-user-deals-fields`, flat: standard ones, then each pipeline's by tab and group."""
    found: list[dict[str, Any]] = []
    if not isinstance(metadata, dict):
        return found
    for item in metadata.get("standard_fields") or []:
        found.append({**_field(item), "is_standard": True})
    for tab in metadata.get("pipelines_tabs") or []:
        members = tab.get("members") or []
        for member in members if isinstance(members, list) else [members]:
            inside = member.get("fields") if member.get("type") == "group" or "fields" in member else [member]
            for entry in inside or []:
                field = _field(entry.get("field") or entry)
                field["pipeline"] = entry.get("pipeline_id") or tab.get("pipeline_id") or ""
                field["tab"], field["group"] = tab.get("tab_name") or "", member.get("group_name") or ""
                found.append(field)
    return [field for field in found if field["id"]]


def _field(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = item.get("field_type")
    kinds = kind if isinstance(kind, dict) else {"field_kind": kind or ""}
    choices = kinds.get("values")
    options = choices.get("values") if isinstance(choices, dict) else choices
    return {
        "id": item.get("field_id") or "",
        "name": item.get("field_name") or item.get("name") or "",
        "kind": str(kinds.get("field_kind") or ""),
        "choices": [
            {"id": str(c.get("id")), "value": str(c.get("value"))} for c in options or [] if isinstance(c, dict)
        ],
        "presentation": item.get("presentation") or {},
        "multiples": bool(item.get("multiples")),
        "read_only": item.get("available_actions") == "view_only",
        "is_standard": False,
        "pipeline": "",
        "tab": "",
        "group": "",
    }
