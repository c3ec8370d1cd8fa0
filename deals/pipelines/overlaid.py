"""A pipeline's parts with the open edits over them: what was changed here and is not in Nimble yet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from deals import mapping
from deals.pipelines.parts import Choice, Field, Group, Part, Reason, Schema, Stage, by_part, order_of, schema

Ordered = TypeVar("Ordered", Group, Field, Choice)


def overlaid(remote: Mapping[str, Any], values: Mapping[str, Any]) -> Schema:
    """The parts that Nimble has, as `values` (with the edits over them) have them, and those that are to be made."""
    known, told = schema(remote), by_part(values)
    new = {part: about for part, about in told.items() if part.is_new}
    fields = [_field(one, told) for one in known.fields if "removed" not in told[one.part]]
    fields += [_new_field(part, about) for part, about in new.items() if part.kind == "field"]
    groups = [replace(one, name=told[one.part]["name"]) for one in known.groups if "removed" not in told[one.part]]
    groups += [Group(part, mapping.text(about.get("name"))) for part, about in new.items() if part.kind == "group"]
    standing = {one.part.id for one in groups}
    # The fields of a group that goes stand beside the others.
    fields = [one if one.group in standing else replace(one, group="") for one in fields]
    return Schema(
        stages=_stages(known.stages, told, new),
        reasons=[
            *known.reasons,
            *(Reason(part, mapping.text(about.get("text"))) for part, about in new.items() if part.kind == "reason"),
        ],
        groups=_ordered(groups, values.get(order_of("groups"))),
        fields=[
            replace(one, choices=_choices(one, told, new, values.get(order_of(one.part.id))))
            for one in _ordered(fields, values.get(order_of("fields")))
        ],
    )


def _stages(
    known: Iterable[Stage], told: Mapping[Part, Mapping[str, Any]], new: Mapping[Part, Mapping[str, Any]]
) -> list[Stage]:
    found = [_stage(one, told[one.part]) for one in known]
    for part, about in new.items():
        if part.kind == "stage":
            after = (about.get("after") or {}).get("name")
            ends = [place for place, one in enumerate(found) if one.name == after]
            finals = [place for place, one in enumerate(found) if one.is_final]
            place = ends[0] + 1 if ends else finals[0] if finals else len(found)
            found.insert(place, _stage(Stage(part, ""), about))
    return found


def _stage(stage: Stage, about: Mapping[str, Any]) -> Stage:
    return replace(
        stage,
        name=mapping.text(about.get("name")),
        description=mapping.text(about.get("description")),
        expected_days=mapping.days(about.get("expected_days")),
        default_probability=mapping.percent(about.get("default_probability")),
        archived=bool(about.get("archived")),
    )


def _field(one: Field, told: Mapping[Part, Mapping[str, Any]]) -> Field:
    about = told[one.part]
    return replace(one, name=mapping.text(about.get("name")), group=mapping.text(about.get("group")))


def _new_field(part: Part, about: Mapping[str, Any]) -> Field:
    choices = [Choice(Part("choice", f"{part.id}."), value) for value in mapping.listed(about.get("choices"))]
    return Field(part, mapping.text(about.get("name")), mapping.text(about.get("kind")), "", choices)


def _choices(
    one: Field, told: Mapping[Part, Mapping[str, Any]], new: Mapping[Part, Mapping[str, Any]], order: Any
) -> list[Choice]:
    if one.part.is_new:
        return one.choices
    kept = [
        replace(choice, value=mapping.text(told[choice.part].get("value")))
        for choice in one.choices
        if "removed" not in told[choice.part]
    ]
    made = [
        Choice(part, mapping.text(about.get("value")))
        for part, about in new.items()
        if part.kind == "choice" and part.field_id == one.part.id
    ]
    return _ordered([*kept, *made], order)


def _ordered(found: Sequence[Ordered], order: Any) -> list[Ordered]:
    """In the order of these ids; what it does not name goes behind."""
    places = {one: place for place, one in enumerate(mapping.listed(order))}
    return sorted(found, key=lambda one: places.get(one.part.own_id, len(places)))
