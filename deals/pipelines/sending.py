"""Sending an edit of a pipeline: which operation does what. Each edit is about one part, so it is one operation."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from deals import mapping
from deals.pipelines.parts import ITSELF, NEW, UNUSED, Part, by_part, order_of, schema, values
from nimble.client import Client

Attributes = Mapping[str, Any]

# What a pipeline is made with beside what can be changed later.
MADE_WITH = ("stages", "lost_reasons", "default_currency")


def creation(wanted: Attributes) -> dict[str, Any]:
    """The body of `post-deals-pipelines`."""
    return {
        "name": wanted["name"],
        "description": wanted.get("description") or "",
        "color": wanted["color"],
        "default_currency": wanted["default_currency"],
        "lost_reasons": list(wanted.get("lost_reasons") or []),
        "stages": [dict(one) for one in wanted["stages"]],
        "fields_tab_members": [],
    }


def made(wanted: Attributes, current: Mapping[str, Any]) -> bool | None:
    """Whether the part that an edit makes is in the pipeline already, by its name; None for one that makes nothing.

    A form lets nobody make a second one of the same name, so what has the name is what a lost answer was about, or a
    colleague's who wanted the same.
    """
    new = [(part, about) for part, about in by_part(wanted).items() if part.is_new]
    if not new:
        return None
    known = schema(current)
    names = {
        "stage": [one.name for one in known.stages],
        "reason": [one.text for one in known.reasons],
        "group": [one.name for one in known.groups],
        "field": [one.name for one in known.fields],
    }
    for part, about in new:
        there = names.get(part.kind) or [
            choice.value for field in known.fields if field.part.id == part.field_id for choice in field.choices
        ]
        if (about.get("name") or about.get("text") or about.get("value")) not in there:
            return False
    return True


def send(client: Client, pipeline: str, wanted: Attributes, current: Mapping[str, Any]) -> None:
    """Send what an edit wants; `current` is the pipeline as it was just read. Nothing is sent for what is gone."""
    order = {name: value for name, value in wanted.items() if name.startswith("order:")}
    for part, about in by_part({name: value for name, value in wanted.items() if name not in order}).items():
        if part == ITSELF:
            _itself(client, pipeline, about)
        elif part.is_new:
            _make(client, pipeline, part, about, current)
        elif "removed" in about:
            _remove(client, pipeline, part, about["removed"], current)
        else:
            _change(client, pipeline, part, about)
    for what, ids in order.items():
        _arrange(client, pipeline, what.split(":")[1], ids, current)


def _itself(client: Client, pipeline: str, about: Attributes) -> None:
    if "archived" in about:
        act = client.archive_pipeline if about["archived"] else client.unarchive_pipeline
        act(pipeline)
    body = {name: about[name] or "" for name in ("name", "description", "color") if name in about}
    if body:
        client.update_pipeline(pipeline, body)


def _make(client: Client, pipeline: str, part: Part, about: Attributes, current: Mapping[str, Any]) -> None:
    if part.kind == "reason":
        client.add_lost_reason(pipeline, about["text"])
    elif part.kind == "stage":
        client.create_stage(pipeline, {"pipeline_id": pipeline, **_stage(about), **_after(about, current)})
    elif part.kind == "group":
        client.create_field_group(pipeline, {"group_name": about["name"]})
    elif part.kind == "choice":
        choice = {"id": part.own_id.removeprefix(NEW), "value": about["value"]}
        client.create_choice(pipeline, part.field_id, {"choice": choice})
    else:
        client.create_deal_field(pipeline, _new_field(pipeline, part, about))


def _stage(about: Attributes) -> dict[str, Any]:
    body = {name: about[name] for name in ("name", "expected_days", "default_probability") if name in about}
    # Nimble takes no null for a number; none is 0 days, and a probability once set stays set.
    if "expected_days" in body:
        body["expected_days"] = body["expected_days"] or 0
    if body.get("default_probability", 0) is None:
        del body["default_probability"]
    if "description" in about:
        body["description"] = about["description"] or None
    return body


def _after(about: Attributes, current: Mapping[str, Any]) -> dict[str, str]:
    """The stage behind which a new one comes: by its id, else by its name where it was new itself then."""
    named = about.get("after") or {}
    for one in schema(current).stages:
        if one.part.id == named.get("id") or one.name == named.get("name"):
            return {"insert_after": one.part.id}
    return {}


def _new_field(pipeline: str, part: Part, about: Attributes) -> dict[str, Any]:
    kind: dict[str, Any] = {"field_kind": about["kind"]}
    if about["kind"] == "choice":
        token = part.id.removeprefix(NEW)
        listed = [{"id": f"{token}{at}", "value": value} for at, value in enumerate(about.get("choices") or [])]
        kind["values"] = {"ordering_type": "ordinal", "values": listed}
    body = {
        "name": about["name"],
        "field_type": kind,
        "presentation": about.get("presentation") or {},
        "pipeline_id": pipeline,
    }
    return {**body, "group_id": about["group"]} if about.get("group") else body


def _remove(client: Client, pipeline: str, part: Part, how: str, current: Mapping[str, Any]) -> None:
    known = schema(current)
    there = {one.part for one in known.groups} | {one.part for one in known.fields}
    there |= {choice.part for field in known.fields for choice in field.choices}
    if part not in there:
        return
    if part.kind == "group":
        client.delete_field_group(pipeline, part.id)
    elif part.kind == "field":
        client.delete_deal_field(pipeline, part.id, preflight=how == UNUSED)
    else:
        client.delete_choice(pipeline, part.field_id, part.own_id, preflight=how == UNUSED)


def _change(client: Client, pipeline: str, part: Part, about: Attributes) -> None:
    if part.kind == "stage" and about.get("archived"):
        client.archive_stage(pipeline, part.id)
    elif part.kind == "stage":
        if body := _stage(about):
            client.update_stage(pipeline, part.id, body)
    elif part.kind == "group":
        client.update_field_group(pipeline, part.id, {"group_name": about["name"]})
    elif part.kind == "choice":
        client.update_choice(pipeline, part.field_id, part.own_id, {"value": about["value"]})
    else:
        names = {"name": "name", "group": "group_id"}
        client.update_deal_field(pipeline, part.id, {names[name]: value for name, value in about.items()})


def _arrange(client: Client, pipeline: str, what: str, ids: Sequence[str], current: Mapping[str, Any]) -> None:
    """Bring members into an order, with as few moves as it takes: each behind the one before it."""
    now = mapping.listed(values(current).get(order_of(what)))
    wanted = [one for one in ids if one in now]
    blocks = SequenceMatcher(None, now, wanted, autojunk=False).get_matching_blocks()
    stay = {one for block in blocks for one in wanted[block.b : block.b + block.size]}
    if what == "groups" and wanted and wanted[0] not in stay:
        # Nimble puts no group first: the others go behind it.
        stay = {wanted[0]}
    for one, before in zip(wanted, [None, *wanted], strict=False):
        if one in stay:
            continue
        body = {"insert_after": before}
        if what == "fields":
            client.update_deal_field(pipeline, one, body)
        elif what == "groups":
            client.update_field_group(pipeline, one, body)
        else:
            client.update_choice(pipeline, what, one, body)
