"""Nimble's JSON of contacts and their notes ↔ our values: pure functions, no database, no HTTP.

`fields` maps a field's name to a list of values `{value, modifier, field_id, label, is_primary, extra_value, …}`. Edits
and the merge see each field as the list of its `{value, modifier}`; what is sent back for a value that nobody touched
is Nimble's own item, whole.
"""

import json
from collections.abc import Mapping
from typing import Any

from contacts.employment import ended, jobs
from contacts.models import RecordType
from sync import terms, when
from sync.resource import Audience, Unstorable

FIELD = "field:"
FIRST, LAST, COMPANY = "first name", "last name", "company name"
EMPLOYMENT, TITLE, PARENT = "contact employment", "title", "parent company"
# Sent as sets even before the metadata is known.
MULTIPLE = frozenset({"email", "phone", "URL", "address", "skype id", EMPLOYMENT})
# Parts of a contact that differ from viewer to viewer.
VIEW = (
    "last_contacted", "company_last_contacted", "last_contacted_user", "lc", "reminder", "is_important", "children",
    "contexts", "stages_info",
)  # fmt: skip


def items(fields: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The value objects of a field; a bare value or null is accepted."""
    found = fields.get(name)
    if found is None:
        return []
    return [
        item if isinstance(item, dict) else {"value": item} for item in (found if isinstance(found, list) else [found])
    ]


def pair(item: Mapping[str, Any]) -> dict[str, str]:
    """A value object as the `{value, modifier}` that tells it apart."""
    value = item.get("value")
    return {"value": value if isinstance(value, str) else json_text(value), "modifier": str(item.get("modifier") or "")}


def json_text(value: Any) -> str:
    """A value that should be a string and is not, as one."""
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def identity(item: Mapping[str, Any]) -> tuple[str, str]:
    """What makes two values of a field the same one."""
    return (str(item.get("value")), str(item.get("modifier") or ""))


def listed(value: Any) -> list[Any]:
    """A list, or nothing where something else was sent."""
    return value if isinstance(value, list) else []


def tags(payload: Mapping[str, Any]) -> list[str]:
    """The tags, which come as strings or as `{tag, id}`, each once."""
    names = (
        item.get("tag") or item.get("name") if isinstance(item, dict) else item for item in listed(payload.get("tags"))
    )
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A contact as field → list of `{value, modifier}`, and its tags."""
    sent = payload.get("fields")
    fields: Mapping[str, Any] = sent if isinstance(sent, dict) else {}
    found: dict[str, Any] = {FIELD + name: [pair(item) for item in items(fields, name)] for name in fields}
    found["tags"] = tags(payload)
    return found


def first(found: Mapping[str, Any], name: str) -> str:
    """The first value of a field, or ''."""
    present = found.get(FIELD + name) or []
    return str(present[0].get("value") or "") if present else ""


def employment(found: Mapping[str, Any]) -> tuple[str, str]:
    """Title and company: from the employment first, then from the deprecated fields."""
    for job in jobs(found.get(FIELD + EMPLOYMENT) or []):
        return str(job.get("title") or ""), str(job.get("company_name") or "")
    return first(found, TITLE), first(found, PARENT)


def present_employment(found: Mapping[str, Any]) -> tuple[str, str]:
    """What `employment.changed` would change: title and company, empty when all the jobs have ended."""
    present = jobs(found.get(FIELD + EMPLOYMENT) or [])
    return ("", "") if present and ended(present[0]) else employment(found)


def primary(payload: Mapping[str, Any], found: Mapping[str, Any], name: str) -> str:
    """The value that stands for a field in a list: the one marked primary, if it is still there, else the first."""
    present = found.get(FIELD + name) or []
    fields = payload.get("fields") if isinstance(payload.get("fields"), dict) else {}
    marked = [pair(item) for item in items(fields or {}, name) if item.get("is_primary")]
    for item in marked:
        if item in present:
            return str(item["value"])
    return first(found, name)


def columns(payload: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The typed columns of a contact, of its values (with the edits over them) and the rest of its JSON."""
    company = payload.get("record_type") == RecordType.COMPANY
    first_name, last_name = first(found, FIRST).strip(), first(found, LAST).strip()
    title, employer = employment(found)
    email, phone = primary(payload, found, "email"), primary(payload, found, "phone")
    name = first(found, COMPANY).strip() if company else " ".join(part for part in (first_name, last_name) if part)
    name = name or employer or email or phone
    tag_names = list(found.get("tags") or [])
    emails = [item["value"] for item in found.get(FIELD + "email") or []]
    privacy = payload.get("privacy")
    search = terms.fold(" ".join([name, employer, title, *emails, phone, *tag_names]))[:4000]
    return {
        "record_type": RecordType.COMPANY if company else RecordType.PERSON,
        "name": name[:500],
        "sort_name": terms.fold(name)[:200],
        "first_name": first_name[:255],
        "last_name": last_name[:255],
        "title": title[:255],
        "company_name": employer[:500],
        "company_nimble_id": employer_id(payload, found, employer),
        "email": email[:320],
        "phone": phone[:100],
        "description": first(found, "description"),
        "owner_id": str(payload.get("owner_id") or "")[:64],
        "tags": tag_names,
        "tag_index": terms.pack(tag_names),
        "search": search,
        "is_private": isinstance(privacy, dict) and privacy.get("read") is not None,
        "created_in_nimble": when.moment(payload.get("created")),
        "updated_in_nimble": when.moment(payload.get("updated")),
    }


def employer_id(payload: Mapping[str, Any], found: Mapping[str, Any], employer: str) -> str:
    """The contact id of the employer: of `employers_info`, else the `extra_value` of `parent company`."""
    for info in listed(payload.get("employers_info")):
        if isinstance(info, dict) and info.get("company_name") == employer and isinstance(info.get("contact_id"), str):
            return info["contact_id"][:64]
    fields = payload.get("fields")
    for item in items(fields if isinstance(fields, dict) else {}, PARENT):
        if item.get("value") == employer and isinstance(item.get("extra_value"), str):
            return item["extra_value"][:64]
    return ""


def split(payload: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A contact's JSON as (id, everybody's part, the viewer's part). Raises `Unstorable`."""
    if not isinstance(payload, dict):
        raise Unstorable("not an object")
    contact_id = payload.get("id")
    if not isinstance(contact_id, str) or not contact_id:
        raise Unstorable("id is missing")
    if not isinstance(payload.get("fields"), dict):
        raise Unstorable("fields is missing")
    remote = {key: value for key, value in payload.items() if key not in VIEW}
    return contact_id, remote, {key: payload[key] for key in VIEW if key in payload}


# --- notes ----------------------------------------------------------------------------------------------------------


def split_note(payload: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A note's JSON as (id, everybody's part, {}). Raises `Unstorable`."""
    if not isinstance(payload, dict):
        raise Unstorable("not an object")
    if not isinstance(payload.get("id"), str) or not payload["id"]:
        raise Unstorable("id is missing")
    contacts = [
        {key: value for key, value in contact.items() if key != "is_viewable"}
        if contact.get("is_viewable", True)
        else {"id": contact.get("id")}
        for contact in listed(payload.get("contacts"))
        if isinstance(contact, dict)
    ]
    return payload["id"], {**payload, "contacts": contacts}, {}


def note_contacts(payload: Mapping[str, Any]) -> list[str]:
    """The ids of the contacts that a note is attached to."""
    return [c["id"] for c in listed(payload.get("contacts")) if isinstance(c, dict) and isinstance(c.get("id"), str)]


def audience(payload: Mapping[str, Any]) -> Audience | None:
    """Who may read a contact with a privacy of its own; what is not understood hides rather than shows."""
    privacy = payload.get("privacy")
    read = privacy.get("read") if isinstance(privacy, dict) else None
    if read is None:
        return None
    named = read if isinstance(read, dict) else {}
    users = [user for user in [*listed(named.get("user_ids")), payload.get("owner_id")] if isinstance(user, str)]
    return Audience(frozenset(users), frozenset(g for g in listed(named.get("group_ids")) if isinstance(g, str)))
