"""What the fields of a pipeline's edits are called, and their values in words."""

from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deals.models import Pipeline
from deals.pipelines.parts import ANYWAY, ITSELF, UNUSED, Part, schema, split
from sync import words

ATTRIBUTES = {
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "color": gettext_lazy("Colour"),
    "default_currency": gettext_lazy("Currency"),
    "archived": gettext_lazy("Archived"),
    "stages": gettext_lazy("Stages"),
    "lost_reasons": gettext_lazy("Lost reasons"),
    "expected_days": gettext_lazy("Expected days"),
    "default_probability": gettext_lazy("Probability"),
    "after": gettext_lazy("Comes after"),
    "text": gettext_lazy("Reason"),
    "kind": gettext_lazy("Kind"),
    "presentation": gettext_lazy("Presentation"),
    "choices": gettext_lazy("Choices"),
    "group": gettext_lazy("Group"),
    "value": gettext_lazy("Choice"),
    "removed": gettext_lazy("Deleted"),
}
PARTS = {
    "stage": gettext_lazy("Stage {name}"),
    "reason": gettext_lazy("Lost reason {name}"),
    "group": gettext_lazy("Group {name}"),
    "field": gettext_lazy("Field {name}"),
    "choice": gettext_lazy("Choice {name}"),
}
NEW_PARTS = {
    "stage": gettext_lazy("New stage"),
    "reason": gettext_lazy("New lost reason"),
    "group": gettext_lazy("New group"),
    "field": gettext_lazy("New field"),
    "choice": gettext_lazy("New choice"),
}
# The kinds of fields that Nimble lets a pipeline have.
KINDS = {
    "string": gettext_lazy("Text"),
    "long_string": gettext_lazy("Long text"),
    "choice": gettext_lazy("Choice"),
    "number": gettext_lazy("Number"),
    "datetime": gettext_lazy("Date"),
    "boolean": gettext_lazy("Yes or no"),
    "address": gettext_lazy("Address"),
    "user": gettext_lazy("Team member"),
}


class Names:
    """The names of the parts of a company's pipelines, read once, and only when one is asked for."""

    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id

    @cached_property
    def parts(self) -> dict[Part, str]:
        found: dict[Part, str] = {}
        for remote in Pipeline.objects.filter(workspace_id=self.workspace_id).values_list("remote", flat=True):
            known = schema(remote)
            for named in (known.stages, known.groups, known.fields):
                found |= {one.part: one.name for one in named}
            found |= {one.part: one.text for one in known.reasons}
            found |= {choice.part: choice.value for field in known.fields for choice in field.choices}
        return found


def label(name: str, names: Names) -> str:
    """What a person calls a field of an edit: "Stage Qualify: Expected days"."""
    part, attribute = split(name)
    if part.kind == "order":
        return {"fields": _("Order of the fields"), "groups": _("Order of the groups")}.get(
            part.id, _("Order of the choices")
        )
    attribute_label = str(ATTRIBUTES.get(attribute, attribute))
    if part == ITSELF:
        return attribute_label
    known = NEW_PARTS[part.kind] if part.is_new else PARTS.get(part.kind, "{name}")
    return f"{str(known).format(name=names.parts.get(part, ''))}: {attribute_label}"


def shown(name: str, value: Any, names: Names) -> str:
    """A value of a field of an edit, as a person reads it."""
    part, attribute = split(name)
    if value in (None, "", []):
        return ""
    if part.kind == "order":
        return ngettext("%d in their order", "%d in their order", len(value)) % len(value)
    if attribute == "group":
        return names.parts.get(Part("group", str(value)), "")
    if attribute == "after":
        return str(value.get("name") or "")
    if attribute == "kind":
        return str(KINDS.get(value, value))
    if attribute == "removed":
        return {UNUSED: _("If no deal uses it"), ANYWAY: _("From all deals, too")}.get(value, str(value))
    if attribute == "presentation":
        return ", ".join(str(one) for one in value.values() if one not in (None, ""))
    if attribute == "stages":
        return "\n".join(str(one.get("name", "")) for one in value)
    return words.plain(value)
