"""Pipelines and deals as Nimble sends them, made by hand."""

from typing import Any

STANDARD = ("name", "amount", "probability", "description", "expected_close_date", "actual_close_date")
MINE: dict[str, Any] = {"read": {"user_ids": [], "group_ids": []}, "edit": {"user_ids": [], "group_ids": []}}


def stage(name: str, role: str = "in_progress", **more: Any) -> dict[str, Any]:
    return {
        "stage_id": f"s-{name.lower()}",
        "name": name,
        "role": {"name": role, "is_final": role in ("won", "lost")},
        "expected_days": None,
        "default_probability": 10,
        "archived_at": None,
        **more,
    }


SALES = {
    "pipeline_id": "p-sales",
    "name": "Sales",
    "is_default": True,
    "stages": [
        stage("Won", "won"),
        stage("Qualify", expected_days=5),
        stage("Old", archived_at="2025-01-01T00:00:00+0000"),
        stage("Propose"),
        stage("Lost", "lost"),
    ],
    "lost_reasons": [{"id": "r1", "text": "Too dear <b>"}, {"id": "r2", "text": "No answer"}],
}
PARTNERS = {"pipeline_id": "p-partners", "name": "Partners", "stages": [stage("Talk"), stage("Signed", "won")]}


def kind(name: str, **more: Any) -> dict[str, Any]:
    return {"field_kind": name, **more}


def own_field(field_id: str, name: str, field_kind: str, **more: Any) -> dict[str, Any]:
    return {"field": {"field_id": field_id, "field_name": name, "field_type": kind(field_kind), **more}}


CHOICES = {"values": [{"id": "c1", "value": "Bronze"}, {"id": "c2", "value": "Silver"}]}
MONEY = {"number_type": "financial", "currency": "USD"}
SHARE = {"number_type": "percentage", "fraction_digits": 1}
METADATA = {
    "standard_fields": [
        {"field_id": f"f-{name}", "field_name": name, "field_type": kind("string"), "available_actions": "view_only"}
        for name in STANDARD
    ],
    "pipelines_tabs": [
        {
            "tab_name": "Deal",
            "pipeline_id": "p-sales",
            "members": [
                {
                    "type": "group",
                    "group_name": "Details",
                    "fields": [
                        {"field": {"field_id": "x-text", "field_name": "Order no.", "field_type": kind("string")}},
                        {"field": {"field_id": "x-long", "field_name": "Terms", "field_type": kind("long_string")}},
                        {"field": {"field_id": "x-number", "field_name": "Seats", "field_type": kind("number")}},
                        {"field": {"field_id": "x-day", "field_name": "Go-live", "field_type": kind("datetime")}},
                        {"field": {"field_id": "x-flag", "field_name": "Approved", "field_type": kind("boolean")}},
                        {
                            "field": {
                                "field_id": "x-choice",
                                "field_name": "Tier",
                                "field_type": kind("choice", values=CHOICES),
                            }
                        },
                        {
                            "field": {
                                "field_id": "x-many",
                                "field_name": "Sites",
                                "field_type": kind("string"),
                                "multiples": True,
                            }
                        },
                        {
                            "field": {
                                "field_id": "x-fixed",
                                "field_name": "Score",
                                "field_type": kind("number"),
                                "available_actions": "view_only",
                            }
                        },
                        own_field("x-address", "Delivery", "address"),
                        own_field("x-places", "Branches", "address", multiples=True),
                        own_field("x-user", "Engineer", "user"),
                        own_field(
                            "x-levels", "Levels", "choice", multiples=True, field_type=kind("choice", values=CHOICES)
                        ),
                        own_field("x-money", "Deposit", "number", presentation=MONEY),
                        own_field("x-share", "Discount", "number", presentation=SHARE),
                        own_field("x-whole", "Floors", "number", presentation={"number_type": "integer"}),
                    ],
                }
            ],
        }
    ],
}


def deal(number: int, stage_name: str = "Qualify", **changes: Any) -> dict[str, Any]:
    """A deal with the id `d<number>`, updated the later the higher its number."""
    values = {"name": f"Deal {number:03}", "amount": "100", **changes.pop("values", {})}
    custom = changes.pop("custom", {})
    return {
        "deal_id": f"d{number}",
        "@stage": f"s-{stage_name.lower()}",
        "currency": "EUR",
        "owner": {"user_id": "u1", "name": "Olga Owner"},
        "created": "2024-01-02T03:04:05+0000",
        "updated": f"2025-01-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00+0000",
        "privacy": {"read": None, "edit": None},
        "is_editable": True,
        "related_contacts": [],
        "tags": [],
        "fields_values": {
            **{f"f-{name}": [{"value": value}] for name, value in values.items() if value is not None},
            **{name: [{"value": one} for one in many] for name, many in custom.items()},
        },
        "stage_transitions": {
            "pipeline_id": changes.pop("pipeline", "p-sales"),
            "transitions": changes.pop("transitions", []),
        },
        **changes,
    }


def related(contact_id: str, name: str, **more: Any) -> dict[str, Any]:
    return {"contact": {"id": contact_id, "name": name, "is_viewable": True, **more}, "note": ""}


def went(source: str | None, target: str, when: str | None = "2025-01-01", who: str = "Olga Owner") -> dict[str, Any]:
    """A stage transition."""
    return {
        "from_stage": {"stage_id": f"s-{source.lower()}", "name": source} if source else None,
        "to_stage": {"stage_id": f"s-{target.lower()}", "name": target},
        "who": {"user_id": "u1", "name": who},
        "when": when,
    }
