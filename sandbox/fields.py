"""The contact fields of every company here: standard ones, and custom ones of every kind."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.ids import object_id

COMPANY = "company"
PERSON = "person"
BOTH = "both"


@dataclass(frozen=True)
class Field:
    """One field name with its modifiers; Nimble gives each (name, modifier) an id of its own."""

    name: str
    group: str
    kind: str = "string"
    modifiers: tuple[str, ...] = ("",)
    multiples: bool = False
    applies: str = BOTH
    read_only: bool = False
    standard: bool = True
    choices: tuple[str, ...] = ()
    presentation: str = "single-line-text-box"
    number: tuple[tuple[str, Any], ...] = ()
    rule: str = ""

    def field_id(self, modifier: str = "") -> str:
        return object_id("field", self.name, modifier)

    def possible_values(self) -> list[dict[str, str]]:
        return [{"id": str(place), "value": value} for place, value in enumerate(self.choices, 1)]


PLACES = ("work", "home", "other")
FIELDS = (
    Field("first name", "Basic Info", applies=PERSON),
    Field("middle name", "Basic Info", applies=PERSON),
    Field("last name", "Basic Info", applies=PERSON),
    Field("company name", "Basic Info", applies=COMPANY),
    Field("title", "Basic Info", applies=PERSON),
    Field("parent company", "Basic Info"),
    Field("contact employment", "Basic Info", "employment", multiples=True, applies=PERSON),
    Field("source", "Basic Info", read_only=True),
    Field("description", "Basic Info", "long_string", ("", "other", "linkedin"), presentation="multi-line-text-box"),
    Field("email", "Contact Info", "string", ("work", "personal", "other"), True, presentation="email", rule="email"),
    Field(
        *("phone", "Contact Info", "string"),
        modifiers=("work", "mobile", "home", "main", "work fax", "home fax", "other"),
        multiples=True,
        presentation="phone",
    ),
    Field(
        *("URL", "Contact Info", "string", ("work", "personal", "blog", "other"), True), presentation="url", rule="url"
    ),
    Field("address", "Contact Info", "address", PLACES, True, presentation="address"),
    Field("twitter", "Social", modifiers=("",), multiples=True),
    Field("linkedin", "Social", modifiers=("",), multiples=True, presentation="url"),
    Field("birthday", "Personal Info", "datetime", applies=PERSON, presentation="date-wo-year"),
    Field("domain", "Company Info", applies=COMPANY),
    Field("# of employees", "Company Info", "number", applies=COMPANY, presentation="numeric-general"),
    Field("annual revenue", "Company Info", "number", applies=COMPANY, presentation="numeric-general"),
    Field(
        *("lead status", "Lead Details", "choice"),
        choices=("Open", "Contacted", "Qualified", "Unqualified"),
        presentation="select-box",
    ),
    Field("Favourite colour, 2nd", "Fulfilment, Billing", standard=False, multiples=True),
    Field("Delivery Notes", "Fulfilment, Billing", "long_string", standard=False, presentation="multi-line-text-box"),
    Field(
        *("Tier", "Fulfilment, Billing", "choice"),
        standard=False,
        choices=("Bronze", "Silver", "Gold, with oak leaves", "Платина"),
        presentation="select-box",
    ),
    Field(
        *("Sector", "Fulfilment, Billing", "choice"),
        standard=False,
        choices=(
            *("employment", "entertainment", "finance", "marketing", "medical", "retail"),
            *("services", "software", "technolgy", "telecommunications"),
        ),
        presentation="select-box",
    ),
    Field(
        *("Budget", "Fulfilment, Billing", "number"),
        standard=False,
        presentation="numeric-general",
        number=(("number_type", "financial"), ("currency", "EUR")),
    ),
    Field(
        *("Discount", "Fulfilment, Billing", "number"),
        standard=False,
        presentation="numeric-general",
        number=(("number_type", "percentage"), ("fraction_digits", 2)),
    ),
    Field(
        *("Score", "Fulfilment, Billing", "number"),
        standard=False,
        presentation="numeric-scientific",
        number=(("number_type", "decimal"), ("fraction_digits", 3)),
    ),
    Field("Seats", "Fulfilment, Billing", "number", standard=False, presentation="numeric-general"),
    Field("Renewal Date", "Fulfilment, Billing", "datetime", standard=False, presentation="date"),
    Field("Newsletter", "Fulfilment, Billing", "boolean", standard=False, presentation="boolean"),
    Field("Warehouse", "Fulfilment, Billing", "address", ("other",), standard=False, presentation="address"),
    Field("Account Manager", "Fulfilment, Billing", "user", standard=False, presentation="objectid"),
    Field("Signed Contract", "Fulfilment, Billing", "attachment", standard=False, presentation="attachment"),
    Field("Portal Page", "Fulfilment, Billing", standard=False, presentation="url", rule="url"),
)
BY_NAME = {field.name: field for field in FIELDS}
BY_ID = {field.field_id(modifier): (field, modifier) for field in FIELDS for modifier in field.modifiers}
GROUPS = tuple(dict.fromkeys(field.group for field in FIELDS))


def value(name: str, text: str, modifier: str | None = None, **more: Any) -> dict[str, Any]:
    """One value as Nimble sends it; the modifier is the field's first where none is named."""
    field = BY_NAME[name]
    modifier = field.modifiers[0] if modifier is None else modifier
    return {"value": text, "modifier": modifier, "field_id": field.field_id(modifier), "label": name, **more}


def _legacy_presentation(field: Field) -> dict[str, Any]:
    if field.kind == "choice":
        values = field.possible_values()
        return {"type": "select-box", "width": "1", "next_id": str(len(values) + 1), "values": values}
    return {"type": field.presentation, "width": "2" if field.kind == "long_string" else "1"}


@cache
def legacy_metadata() -> dict[str, Any]:
    """`GET /contacts/metadata` and `contacts_meta`."""
    fields: dict[str, Any] = {}
    for field in FIELDS:
        fields[field.name] = [
            {
                "id": field.field_id(modifier),
                "name": field.name,
                "label": field.name,
                "modifier": modifier,
                "group": field.group,
                "presentation": _legacy_presentation(field),
                "multiples": field.multiples,
                "read_only": field.read_only,
            }
            for modifier in field.modifiers
        ]
    groups = {}
    for name in GROUPS:
        members = [field for field in FIELDS if field.group == name]
        kinds = {field.applies for field in members}
        groups[name] = {
            "id": object_id("group", name),
            "name": name,
            "label": name,
            "is_standard": members[0].standard,
            "order": [field.name for field in members],
            "type": kinds.pop() if len(kinds) == 1 else BOTH,
        }
    return {"fields": fields, "groups": groups}


def _field_type(field: Field) -> dict[str, Any]:
    if field.kind == "choice":
        values = {"ordering_type": "ordinal", "values": field.possible_values()}
        return {"field_kind": "choice", "values": values}
    if field.rule:
        return {"field_kind": field.kind, "validation_rule": {"type": field.rule}}
    return {"field_kind": field.kind}


def _presentation(field: Field) -> dict[str, Any] | None:
    if field.kind == "number":
        return dict(field.number) or {"number_type": "integer"}
    if field.kind == "datetime":
        return {"date_format": None, "ignore_specific_time": True}
    return None


def _tab_field(field: Field, modifier: str) -> dict[str, Any]:
    shown = {
        "type": "field",
        "name": field.name,
        "field_id": field.field_id(modifier),
        "modifier": modifier,
        "multiples": field.multiples,
        "read_only": field.read_only,
        "field_type": _field_type(field),
        "available_actions": "view_only" if field.standard else "edit_all",
    }
    presentation = _presentation(field)
    return shown | {"presentation": presentation} if presentation else shown


def _tab(applies: str) -> dict[str, Any]:
    members: list[dict[str, Any]] = []
    for name in GROUPS:
        fields = [field for field in FIELDS if field.group == name and field.applies in (applies, BOTH)]
        shown = [_tab_field(field, modifier) for field in fields for modifier in field.modifiers]
        if shown:
            group = {"type": "group", "name": name, "group_id": object_id("group", name), "logo_id": "default"}
            members.append(group | {"fields": shown})
    # Fields may also stand in a tab without a group.
    lone = members[-1]["fields"].pop()
    return {
        "tab_id": object_id("tab", applies),
        "tab_name": "Person" if applies == PERSON else "Company",
        "contact_types": applies,
        "is_standard": True,
        "members": [*members, lone],
        "available_actions": "edit_all",
    }


@cache
def tabs() -> dict[str, Any]:
    """`GET /contacts/fields`."""
    return {"tabs": [_tab(PERSON), _tab(COMPANY)]}
