"""Contacts as Nimble sends them, made by hand."""

import json
from typing import Any

WORK = {"company_name": "Kestrel & Sons", "title": "Buyer", "start_date": "03/2019", "is_present": True}


def item(value: Any, modifier: str = "", **more: Any) -> dict[str, Any]:
    return {"value": value, "modifier": modifier, "field_id": f"f-{modifier}", "label": "", **more}


def contact(number: int, record_type: str = "person", **changes: Any) -> dict[str, Any]:
    """A contact with the id `c<number>`; `fields` given are put over those that it has."""
    names = (
        {"company name": [item(f"Company {number}")]}
        if record_type == "company"
        else {"first name": [item("Ada")], "last name": [item(f"Lindqvist {number:03}")]}
    )
    fields = {**names, **changes.pop("fields", {})}
    return {
        "id": f"c{number}",
        "object_type": "contact",
        "record_type": record_type,
        "fields": {name: values for name, values in fields.items() if values is not None},
        "tags": [],
        "owner_id": "",
        "creator": "Ada Kowalska",
        "updater": "Ada Kowalska",
        "created": "2024-01-02T03:04:05+0000",
        "updated": f"2025-01-01T00:{number % 60:02}:00+0000",
        "privacy": {"read": None, "edit": None},
        "employers_info": [],
        **changes,
    }


def employed(number: int, company: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A person with a job at this company."""
    name = company["fields"]["company name"][0]["value"]
    job = json.dumps({**WORK, "company_name": name})
    fields = {"contact employment": [item(job, extra_value=company["id"])], **changes.pop("fields", {})}
    employers = [{"contact_id": company["id"], "company_name": name}]
    return contact(number, fields=fields, employers_info=employers, **changes)


def note(number: int, contact_id: str, html: str = "<p>Hello</p>", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "note": html,
        "note_preview": "",
        "owner_id": "u1",
        "author_name": "Björn",
        "contacts": [{"id": contact_id, "is_viewable": True}],
        "created": f"2025-02-01T00:{number % 60:02}:00+0000",
        "updated": f"2025-02-01T00:{number % 60:02}:00+0000",
        **changes,
    }
