"""What Nimble says of the fields of contacts: its tabs, groups and fields as flat rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from contacts.models import RecordType
from sync import clean


def fields(metadata: Any) -> list[dict[str, Any]]:
    """Every field of `list-company-contacts-fields`, in the order of tabs and groups.

    Each tab is for people or for companies; a field that both have comes once for each.
    """
    return [
        field(entry, tab, group)
        for tab in objects(metadata.get("tabs") if isinstance(metadata, dict) else None)
        for entry, group in members(tab)
        if isinstance(entry.get("field_id"), str) and entry["field_id"]
    ]


def members(tab: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The fields of a tab, each with the name of its group; a field may stand in a tab without one."""
    for member in objects(tab.get("members")):
        if member.get("type") == "group" or "fields" in member:
            for entry in objects(member.get("fields")):
                yield entry, text(member.get("name"))
        else:
            yield member, ""


def field(entry: Mapping[str, Any], tab: Mapping[str, Any], group: str) -> dict[str, Any]:
    """The columns of one field."""
    kind, record_type, presentation = entry.get("field_type"), tab.get("contact_types"), entry.get("presentation")
    kinds = kind if isinstance(kind, dict) else {"field_kind": kind}
    values = kinds.get("values")
    options = objects(values.get("values") if isinstance(values, dict) else values)
    name = text(entry.get("name"))
    return {
        "record_type": record_type if record_type in RecordType.values else "",
        "field_id": entry["field_id"][:64],
        "name": name,
        "modifier": text(entry.get("modifier"))[:64],
        "label": text(entry.get("label")) or name,
        "kind": text(kinds.get("field_kind"))[:30],
        "choices": [{"id": str(option.get("id")), "value": str(option.get("value"))} for option in options],
        "presentation": presentation if isinstance(presentation, dict) else {},
        "multiples": bool(entry.get("multiples")),
        "read_only": bool(entry.get("read_only")),
        "tab": text(tab.get("tab_name")),
        "group": group,
    }


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; anything else is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A string that fits its column, or "" for anything else."""
    return clean.text(value)[:255] if isinstance(value, str) else ""
