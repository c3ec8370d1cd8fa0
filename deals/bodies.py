"""What is sent to Nimble for the fields of a deal: pure. Only what changed goes out.

A value that nobody touched goes back as Nimble's own item: the object that was read, with its keys in their order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deals import mapping
from sync import clean


def edit_body(send: Mapping[str, Any], current: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body of `put-deal` for some fields with their wanted values; `current`: the deal exactly as it was read."""
    body: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for name, value in send.items():
        if name == "stage":
            body["stage_id"] = value
        elif name == "pipeline":
            body["pipeline_id"] = value
        elif name == "owner":
            body["owner_id"] = value
        elif name == "currency":
            body[name] = value
        elif name == "tags":
            body[name] = _own(value or [], [(clean.text(tag), tag) for tag in _tags(current)])
        elif name == "privacy":
            body[name] = value or {"read": None, "edit": None}
        elif name == "contacts":
            body["related_contacts"] = _related(value or [], current)
        elif name == "external":
            body["related_external_contacts"] = _external(value or [], current)
        elif name.startswith(mapping.CUSTOM):
            field_id = name.removeprefix(mapping.CUSTOM)
            fields[field_id] = _items(value or [], _raw_items(current, field_id))
        elif name not in mapping.READ_ONLY:
            fields[name] = [] if value in (None, "") else [{"value": str(value)}]
    if fields:
        body["fields_values"] = fields
    return body


def _items(wanted: Sequence[Any], known: Sequence[Any]) -> list[Any]:
    """`{value}` for each wanted one; Nimble's own item where it has one."""
    own = [item if isinstance(item, dict) else {"value": item} for item in known]
    return _own(wanted, [(clean.tree(item.get("value")), item) for item in own], lambda value: {"value": value})


def _own(wanted: Sequence[Any], known: Sequence[tuple[Any, Any]], new: Any = lambda value: value) -> list[Any]:
    """For each wanted value what Nimble has for it (`known`: value, its own item), each item once; else a new one."""
    left = list(known)
    found = []
    for value in wanted:
        place = next((at for at, (same, _item) in enumerate(left) if same == value), None)
        found.append(new(value) if place is None else left.pop(place)[1])
    return found


def _raw_items(current: Mapping[str, Any] | None, field_id: str) -> list[Any]:
    return mapping.item_map((current or {}).get("fields_values"), "field_id").get(field_id, [])


def _tags(current: Mapping[str, Any] | None) -> list[str]:
    found = (current or {}).get("tags")
    names = (tag.get("tag") or tag.get("name") if isinstance(tag, dict) else tag for tag in mapping.listed(found))
    return [name for name in names if isinstance(name, str)]


def _related(wanted: Sequence[Mapping[str, Any]], current: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The contacts with their notes, those that stay exactly as Nimble has them (a note null or "")."""
    listed = mapping.listed((current or {}).get("related_contacts"))
    known = [
        ({"id": one["contact"].get("id"), "note": clean.text(mapping.text(one.get("note")))}, one)
        for one in listed
        if isinstance(one, dict) and isinstance(one.get("contact"), dict)
    ]
    own = [(same, {"contact_id": one["contact"].get("id"), "note": one.get("note")}) for same, one in known]
    return _own(wanted, own, lambda item: {"contact_id": item["id"], "note": item["note"]})


def _external(wanted: Sequence[Mapping[str, Any]], current: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Those who are no contacts, those that stay exactly as Nimble has them. One without an address stays, too: it is
    shown to nobody here, and was removed by nobody.
    """
    listed = [one for one in mapping.listed((current or {}).get("related_external_contacts")) if isinstance(one, dict)]
    own = [(one, mapping.external_contacts({"related_external_contacts": [one]})) for one in listed]
    known = [(same[0], one) for one, same in own if same]
    unseen = [one for one, same in own if not same]
    found = _own(wanted, known, lambda item: {"contact_info": item["info"], "note": item["note"]})
    return [*found, *unseen]
