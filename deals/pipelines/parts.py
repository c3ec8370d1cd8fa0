"""The parts of a pipeline, as its edits name them: pure.

An edit of a pipeline is about the pipeline itself (`name`, `color`, …) or about one part of it, attribute by attribute:
`stage:<id>:expected_days`, `choice:<field>.<id>:value`. A part that is being made has an id of its own until Nimble
gives it one, which begins with `+`. An order is a part, too: `order:fields:ids`, `order:groups:ids`, and of a field's
choices `order:<field>:ids`.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deals import mapping, metadata
from deals.models import Role

NEW = "+"
OWN = ("name", "description", "color", "default_currency", "archived")
STAGE = ("name", "description", "expected_days", "default_probability")
# What a part that goes is told: to go if no deal uses it, or also from the deals that do.
UNUSED, ANYWAY = "unused", "anyway"


class Part(NamedTuple):
    """Which part of a pipeline it is."""

    kind: str
    id: str

    def named(self, attribute: str) -> str:
        """The name of an attribute in edits."""
        return f"{self.kind}:{self.id}:{attribute}"

    def __str__(self) -> str:
        """As addresses name it."""
        return f"{self.kind}:{self.id}"

    @property
    def is_new(self) -> bool:
        return self.id.rpartition(".")[2].startswith(NEW)

    @property
    def field_id(self) -> str:
        """Of a choice: the field that it belongs to."""
        return self.id.partition(".")[0]

    @property
    def own_id(self) -> str:
        """The id that Nimble knows it by."""
        return self.id.rpartition(".")[2]


ITSELF = Part("", "")


def split(name: str) -> tuple[Part, str]:
    """The part that a field of an edit is about, and the attribute; the pipeline itself is `ITSELF`."""
    kind, *rest = name.split(":", 2)
    return (Part(kind, rest[0]), rest[1]) if len(rest) == 2 else (ITSELF, name)


def by_part(fields: Mapping[str, Any]) -> dict[Part, dict[str, Any]]:
    """The fields of an edit by the part that they are about."""
    found: dict[Part, dict[str, Any]] = {}
    for name, value in fields.items():
        part, attribute = split(name)
        found.setdefault(part, {})[attribute] = value
    return found


def new_part(kind: str, inside: str = "") -> Part:
    """A part that is to be made; `inside` is the field of a new choice."""
    token = NEW + secrets.token_hex(6)
    return Part(kind, f"{inside}.{token}" if inside else token)


@dataclass(frozen=True)
class Stage:
    part: Part
    name: str
    description: str = ""
    expected_days: int | None = None
    default_probability: int | None = None
    role: str = Role.OPEN
    archived: bool = False

    @property
    def is_final(self) -> bool:
        return self.role != Role.OPEN


@dataclass(frozen=True)
class Choice:
    part: Part
    value: str


@dataclass(frozen=True)
class Field:
    part: Part
    name: str
    kind: str
    group: str = ""
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    part: Part
    name: str


@dataclass(frozen=True)
class Reason:
    part: Part
    text: str


@dataclass(frozen=True)
class Schema:
    """What a pipeline consists of, each kind in Nimble's order."""

    stages: list[Stage]
    reasons: list[Reason]
    groups: list[Group]
    fields: list[Field]

    def fields_of(self, group: str) -> list[Field]:
        """The fields of a group; of "" those that stand in none."""
        return [one for one in self.fields if one.group == group]


def schema(remote: Mapping[str, Any]) -> Schema:
    """The parts of a pipeline as Nimble sends it."""
    stages = [
        Stage(
            Part("stage", mapping.stage_id(one)),
            mapping.text(one.get("name")),
            mapping.text(one.get("description")),
            mapping.days(one.get("expected_days")),
            mapping.percent(one.get("default_probability")),
            metadata.role(one)[0],
            bool(one.get("archived_at")),
        )
        for one in mapping.listed(remote.get("stages"))
        if mapping.stage_id(one)
    ]
    reasons = [
        Reason(Part("reason", mapping.text(one.get("id"))), mapping.text(one.get("text")))
        for one in mapping.listed(remote.get("lost_reasons"))
        if isinstance(one, dict) and mapping.text(one.get("id"))
    ]
    groups: dict[str, Group] = {}
    fields: list[Field] = []
    for tab in mapping.listed(remote.get("tabs")):
        members = tab.get("members") if isinstance(tab, dict) else None
        for member in members if isinstance(members, list) else [members]:
            if not isinstance(member, dict):
                continue
            group = mapping.text(member.get("group_id"))
            if group:
                groups[group] = Group(Part("group", group), mapping.text(member.get("group_name")))
            inside = mapping.listed(member.get("fields")) if group else [member]
            fields += [_field(one, group) for one in metadata.fields({"pipelines_tabs": [{"members": inside}]})]
    return Schema(stages, reasons, list(groups.values()), fields)


def _field(known: Mapping[str, Any], group: str) -> Field:
    choices = [Choice(Part("choice", f"{known['id']}.{one['id']}"), one["value"]) for one in known["choices"]]
    return Field(Part("field", known["id"]), known["name"], known["kind"], group, choices)


def values(remote: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline as field → value: what its edits name."""
    found: dict[str, Any] = {name: mapping.text(remote.get(name)) or None for name in OWN[:-1]}
    found["archived"] = bool(remote.get("archived_at"))
    known = schema(remote)
    for stage in known.stages:
        found |= {stage.part.named(name): getattr(stage, name) for name in (*STAGE, "archived")}
    for reason in known.reasons:
        found[reason.part.named("text")] = reason.text
    for group in known.groups:
        found[group.part.named("name")] = group.name
    for one in known.fields:
        found |= {one.part.named("name"): one.name, one.part.named("group"): one.group or None}
        found |= {choice.part.named("value"): choice.value for choice in one.choices}
        if one.choices:
            found[order_of(one.part.id)] = [choice.part.own_id for choice in one.choices]
    if known.fields:
        found[order_of("fields")] = [one.part.id for one in known.fields]
    if known.groups:
        found[order_of("groups")] = [one.part.id for one in known.groups]
    return found


def order_of(what: str) -> str:
    """The name of an order in edits: of `fields`, of `groups`, or of the choices of a field by its id."""
    return Part("order", what).named("ids")


def moved(order: Iterable[str], one: str, after: str | None) -> list[str]:
    """An order in which `one` stands behind `after`; None: first."""
    rest = [each for each in order if each != one]
    place = rest.index(after) + 1 if after in rest else 0
    return [*rest[:place], one, *rest[place:]]
