"""Nimble's JSON of deals and pipelines ↔ our values: pure functions, no database, no HTTP.

Published in two shapes, both accepted: `fields_values` as a map from a field's id to `[{value, is_primary}]`, or as one
or more `{field_id, values}`. A deal names its stage only through the group it was listed in, or its transitions.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from contacts.mapping import tags
from deals import privacy as sharing
from sync import terms, when
from sync.resource import Unstorable

# Kept in `remote` beside what Nimble sent: the stage group in which the deal was listed.
LISTED_STAGE = "@stage"
STANDARD = ("name", "amount", "probability", "description", "expected_close_date", "actual_close_date")
READ_ONLY = ("actual_close_date",)
CUSTOM = "field:"
MAX_AMOUNT = Decimal(10) ** 19
MAX_DAYS = 2**31 - 1


def item_map(values: Any, key: str) -> dict[str, list[Any]]:
    """Either published shape as a map from a field's id or name (`key`) to its items as they came."""
    if isinstance(values, dict) and isinstance(values.get("values"), list) and key in values:
        values = [values]
    if isinstance(values, list):
        values = {item[key]: item.get("values") for item in values if isinstance(item, dict) and item.get(key)}
    if not isinstance(values, dict):
        return {}
    return {
        str(name): items if isinstance(items, list) else [] if items is None else [items]
        for name, items in values.items()
    }


def field_map(values: Any, key: str) -> dict[str, list[Any]]:
    """The same with the plain values."""
    return {name: plain_values(items) for name, items in item_map(values, key).items()}


def listed(value: Any) -> list[Any]:
    """The items of what should be a list; none of anything else."""
    return value if isinstance(value, list) else []


def plain_values(items: list[Any]) -> list[Any]:
    """`[{value: …}]`, or bare values, as a list of the values that there are."""
    found = [item.get("value") if isinstance(item, dict) else item for item in items]
    return [value for value in found if value is not None and value != ""]


def amount(value: Any) -> Decimal | None:
    """An amount as a decimal, or None for nothing, for a word, and for what no column can hold."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < MAX_AMOUNT else None


def canonical_amount(value: Any) -> str | None:
    """One spelling for equal amounts (`100`, `"100.00"`), so that merging compares numbers."""
    number = amount(value)
    return None if number is None else f"{number.normalize():f}"


def text(value: Any) -> str:
    """A text, or "" for what is none."""
    return value if isinstance(value, str) else ""


def percent(value: Any) -> int | None:
    """A probability from 0 to 100, or None."""
    number = amount(value)
    return int(number) if number is not None and 0 <= number <= 100 else None


def days(value: Any) -> int | None:
    """A number of days, or None for none and for what no column can hold."""
    number = amount(value)
    return int(number) if number is not None and 1 <= number <= MAX_DAYS else None


# --- transitions ----------------------------------------------------------------------------------------------------


def transitions(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stage changes, oldest first. Their order is not published: it is read off the chain they form."""
    block = payload.get("stage_transitions")
    found = block.get("transitions") if isinstance(block, dict) else None
    steps = [step for step in listed(found) if isinstance(step, dict)]
    if len(steps) < 2:
        return steps
    return steps if _breaks(steps) <= _breaks(steps[::-1]) else steps[::-1]


def _breaks(steps: Sequence[dict[str, Any]]) -> int:
    """How often this order contradicts itself: a step that does not begin where the one before ended, or before it."""
    breaks = 0
    if stage_id(steps[0].get("from_stage")):
        breaks += 1
    for earlier, later in pairwise(steps):
        if stage_id(earlier.get("to_stage")) != stage_id(later.get("from_stage")):
            breaks += 2
        first, second = when.moment(earlier.get("when")), when.moment(later.get("when"))
        if first and second and first > second:
            breaks += 1
    return breaks


def stage_id(stage: Any) -> str:
    """A stage's id out of its JSON, or ''."""
    found = stage.get("stage_id") if isinstance(stage, dict) else None
    return found if isinstance(found, str) else ""


def current_stage(payload: Mapping[str, Any]) -> str:
    """The stage a deal is in: its listing's group, else where its transitions end, else ''."""
    listed = payload.get(LISTED_STAGE)
    if isinstance(listed, str) and listed:
        return listed
    steps = transitions(payload)
    return stage_id(steps[-1].get("to_stage")) if steps else ""


def pipeline_of(payload: Mapping[str, Any]) -> str:
    """The id of the deal's pipeline, or ''."""
    block = payload.get("stage_transitions")
    found = block.get("pipeline_id") if isinstance(block, dict) else None
    return found if isinstance(found, str) else ""


# --- deals ----------------------------------------------------------------------------------------------------------


def user_id(person: Any) -> str:
    """A user's id out of a short user info, or ''."""
    found = person.get("user_id") if isinstance(person, dict) else person
    return found if isinstance(found, str) else ""


def values(payload: Mapping[str, Any], standard: Mapping[str, str]) -> dict[str, Any]:
    """A deal as field → value. `standard`: the ids of the standard fields → their names, from the metadata."""
    by_id = field_map(payload.get("fields_values"), "field_id")
    by_name = field_map(payload.get("fields_values_with_names"), "field_name")
    for field_id, items in by_id.items():
        name = standard.get(field_id) or (field_id if field_id in STANDARD else None)
        if name:
            by_name.setdefault(name, items)
    found: dict[str, Any] = {name: (by_name.get(name) or [None])[0] for name in STANDARD}
    found["amount"] = canonical_amount(found["amount"])
    found["probability"] = percent(found["probability"])
    for name in ("expected_close_date", "actual_close_date"):
        date = when.day(found[name])
        found[name] = date.isoformat() if date else None
    for name in ("name", "description"):
        found[name] = str(found[name]) if found[name] is not None else None
    currency = payload.get("currency")
    found["currency"] = currency if isinstance(currency, str) and currency else None
    found["owner"] = user_id(payload.get("owner")) or None
    found["stage"] = current_stage(payload) or None
    found["pipeline"] = pipeline_of(payload) or None
    found["tags"] = tags(payload)
    found["privacy"] = sharing.value(payload)
    found["contacts"] = [{"id": one["id"], "note": one["note"]} for one in related_contacts(payload)]
    found["external"] = external_contacts(payload)
    for field_id, items in by_id.items():
        if field_id not in standard and field_id not in STANDARD and items:
            found[CUSTOM + field_id] = items
    return found


def sorted_by(name: str) -> str:
    """What a deal's name is sorted by: neither case nor accents decide."""
    return terms.fold(name)[:200]


def columns(payload: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The typed columns of a deal, of its values (with the edits over them) and the rest of its JSON."""
    name = (found.get("name") or "").strip()[:500]
    readers, groups, private = privacy(payload)
    moved = current_stage(payload) != (found.get("stage") or "")
    steps = transitions(payload)
    tag_names = list(found.get("tags") or [])
    related = found.get("contacts") or []
    return {
        "name": name,
        "sort_name": sorted_by(name),
        "description": found.get("description") or "",
        "amount": amount(found.get("amount")),
        "currency": (found.get("currency") or "")[:3].upper(),
        "probability": percent(found.get("probability")),
        "expected_close": when.day(found.get("expected_close_date")),
        "actual_close": when.day(found.get("actual_close_date")),
        "owner_id": (found.get("owner") or "")[:64],
        # Access goes by what Nimble says, not by an edit that it has not agreed to.
        "owner_in_nimble": user_id(payload.get("owner"))[:64],
        "pipeline_nimble_id": (found.get("pipeline") or "")[:64],
        "stage_nimble_id": (found.get("stage") or "")[:64],
        "stage_since": None if moved or not steps else when.moment(steps[-1].get("when")),
        "contact_nimble_id": related[0]["id"][:64] if related else "",
        "tags": tag_names,
        "tag_index": terms.pack(tag_names),
        # Not the related contacts: some who see the deal may not see them.
        "search": terms.fold(" ".join([name, *tag_names])),
        "is_private": private,
        "has_groups": bool(groups),
        "reader_index": terms.pack(readers),
        "created_in_nimble": when.moment(payload.get("created")),
        "updated_in_nimble": when.moment(payload.get("updated")),
    }


def privacy(payload: Mapping[str, Any]) -> tuple[list[str], list[str], bool]:
    """The user ids and the group ids that may read it, and whether it is private at all (null: everyone may). Whoever
    may edit it may read it, too.
    """
    told = payload.get("privacy")
    block = told if isinstance(told, dict) else {}
    read = block.get("read")
    if read is None:
        return [], [], False
    # What is not understood hides rather than shows.
    named = [one for one in (read, block.get("edit")) if isinstance(one, dict)]
    users, groups = (
        list(dict.fromkeys(one for lists in named for one in listed(lists.get(name)) if isinstance(one, str)))
        for name in ("user_ids", "group_ids")
    )
    return users, groups, True


def related_contacts(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """The contacts that take part: `{id, name, note}`; `name` is empty where Nimble hides the contact."""
    found = []
    for item in listed(payload.get("related_contacts")):
        contact = item.get("contact") if isinstance(item, dict) else None
        if isinstance(contact, dict) and isinstance(contact.get("id"), str):
            name = contact.get("name") if contact.get("is_viewable", True) else ""
            note = item.get("note")
            found.append({"id": contact["id"], "name": text(name), "note": text(note)})
    return found


def external_contacts(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """People who take part and are no contacts: `{info, note}`, `info` an e-mail address, a number, a name."""
    told = [item for item in listed(payload.get("related_external_contacts")) if isinstance(item, dict)]
    found = [{"info": text(item.get("contact_info")), "note": text(item.get("note"))} for item in told]
    return [one for one in found if one["info"]]


def split(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A deal's JSON as (id, everybody's part, the viewer's part). Raises `Unstorable`.

    A related contact that the viewer may not see keeps its id alone in everybody's part: its name is another viewer's.
    """
    if not isinstance(payload, dict):
        raise Unstorable("not an object")
    deal_id = payload.get("deal_id")
    if not isinstance(deal_id, str) or not deal_id:
        raise Unstorable("deal_id is missing")
    remote = dict(payload)
    view = {"is_editable": remote.pop("is_editable", None)}
    hidden = {}
    public = []
    for item in listed(remote.get("related_contacts")):
        contact = item.get("contact") if isinstance(item, dict) else None
        if not isinstance(contact, dict):
            continue
        if contact.get("is_viewable", True):
            public.append({**item, "contact": {k: v for k, v in contact.items() if k != "is_viewable"}})
        else:
            hidden[str(contact.get("id"))] = contact.get("name") or ""
            public.append({"contact": {"id": contact.get("id")}, "note": item.get("note")})
    if "related_contacts" in remote:
        remote["related_contacts"] = public
    if hidden:
        view["hidden_contacts"] = hidden
    return deal_id, remote, view
