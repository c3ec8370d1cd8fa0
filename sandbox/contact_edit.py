"""What a write may put into a contact's fields: checked as a whole, so that one answer names every mistake."""

import copy
import json
import re
from typing import Any

from sandbox.errors import invalid, invalid_at
from sandbox.fields import BY_NAME, COMPANY, PERSON, Field, value
from sandbox.store import Document, clean
from sandbox.world import World

Errors = dict[str, list[dict[str, str]]]
LONGEST = 4_000_000


def _fail(errors: Errors, field: Field | None, name: str, message: str) -> None:
    errors.setdefault(name, []).append(
        {"message": message, "field_id": field.field_id(field.modifiers[0]) if field else ""}
    )


def _problem(field: Field, record_type: str, text: Any, modifier: Any) -> str | None:
    if modifier not in field.modifiers:
        return f"Unknown modifier {modifier!r}"
    if text is None:
        return None
    if not isinstance(text, str):
        return "Value should be a string"
    if len(text) > LONGEST:
        return "Value is too long"
    if field.applies not in (record_type, "both"):
        return f"This field is not available for {record_type}"
    if field.rule == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        return "Invalid email address"
    if field.kind == "choice" and text not in [choice["id"] for choice in field.possible_values()]:
        return "Unknown choice"
    if field.kind == "number" and not re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        return "Value should be a number"
    if field.kind == "employment":
        return _employment_problem(text)
    if field.kind == "boolean" and text not in ("true", "false"):
        return "Value should be true or false"
    return None


def _employment_problem(text: str) -> str | None:
    """An employment is JSON in a string; its dates are months, and one that ended is not present."""
    try:
        job = json.loads(text)
    except (ValueError, RecursionError):
        return "Can't parse employment as JSON"
    if not isinstance(job, dict) or not isinstance(job.get("company_name", ""), str | None):
        return "Employment should be an object with a company_name"
    for name in ("start_date", "end_date"):
        if job.get(name) and not re.fullmatch("(0[1-9]|1[0-2])/[0-9]{4}", str(job[name])):
            return f"{name} should be MM/YYYY"
    if job.get("is_present") and job.get("end_date"):
        return "An employment with an end date can't be present"
    return None


def _read(errors: Errors, name: str, sent: Any, record_type: str) -> list[dict[str, Any]]:
    """The values sent for one field as we store them; one with a None value asks for its modifier's removal."""
    field = BY_NAME.get(name)
    if field is None:
        _fail(errors, None, name, f"Unknown field {name}")
        return []
    if field.read_only:
        _fail(errors, field, name, "Field is read only")
        return []
    if sent is None:
        return [value(name, None, modifier) for modifier in field.modifiers]  # type: ignore[arg-type]
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        _fail(errors, field, name, "Expected a list of values")
        return []
    if (
        len([one for one in sent if one.get("value") is not None]) > 1
        and not field.multiples
        and len(field.modifiers) == 1
    ):
        _fail(errors, field, name, "Field can't have multiple values")
        return []
    values = []
    for one in sent:
        modifier = one.get("modifier", field.modifiers[0])
        if "value" not in one:
            _fail(errors, field, name, "value is required")
        elif message := _problem(field, record_type, one["value"], modifier):
            _fail(errors, field, name, message)
        else:
            more = {key: one[key] for key in ("is_primary", "extra_value") if key in one}
            values.append(value(name, one["value"], modifier, **more))
    return values


def _require_name(errors: Errors, record_type: str, fields: dict[str, Any]) -> None:
    def empty(name: str) -> bool:
        return not any(str(one["value"]).strip() for one in fields.get(name, []))

    if record_type == COMPANY and empty("company name"):
        _fail(errors, BY_NAME["company name"], "company name", "Company name field is required and should not be empty")
    if record_type == PERSON and empty("first name") and empty("last name"):
        message = "First name or last name field is required for person and should not be empty"
        _fail(errors, BY_NAME["first name"], "first name", message)


def _extended(name: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds values under their modifiers; a field of one value has it replaced, modifier by modifier."""
    emptied = {one["modifier"] for one in new if one["value"] is None}
    kept = [one for one in old if one["modifier"] not in emptied]
    for one in new:
        if one["value"] is None:
            continue
        if not BY_NAME[name].multiples:
            kept = [other for other in kept if other["modifier"] != one["modifier"]]
        same = [other for other in kept if (other["value"], other["modifier"]) == (one["value"], one["modifier"])]
        if same:
            same[0] |= one
        else:
            kept.append(one)
    return kept


def changed_fields(doc: Document, sent: Any, replace: bool) -> dict[str, Any]:
    """The contact's fields after a write. Raises 409 with every field's mistakes."""
    if not isinstance(sent, dict):
        raise invalid_at("/fields", "expected an object")
    errors: Errors = {}
    fields = copy.deepcopy(doc["fields"])
    for name, values in sent.items():
        new = _read(errors, name, values, doc["record_type"])
        old = [] if replace else fields.get(name, [])
        left = _extended(name, old, new)
        fields[name] = left
    if not errors:
        _require_name(errors, doc["record_type"], fields)
    if errors:
        raise invalid(errors)
    return {name: values for name, values in fields.items() if values}


def split_tags(text: Any) -> list[str]:
    """`a,b\\,c` is two tags. At creation there may be five."""
    if not isinstance(text, str):
        raise invalid_at("/tags", "expected a string of tags, separated by commas")
    tags = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text)]
    tags = list(dict.fromkeys(tag for tag in tags if tag))
    if len(tags) > 5:
        raise invalid_at("/tags", "Maximum 5 tags are allowed")
    return tags


def employer_of(world: World, doc: Document) -> str | None:
    """The company contact that the fields name: by its id, else by its name."""
    values = [*doc["fields"].get("contact employment", []), *doc["fields"].get("parent company", [])]
    for one in values:
        if one.get("extra_value"):
            return str(one["extra_value"])
    sql = "SELECT id FROM contacts WHERE company_id = ? AND record_type = 'company' AND company_name = ? LIMIT 1"
    for one in values:
        name = one["value"]
        if one["label"] == "contact employment":
            job = json.loads(name)
            name = job.get("company_name") if job.get("is_present") else None
        found = world.store.rows(sql, [doc["company_id"], clean(name.lower())]) if name else []
        if found:
            return str(found[0][0])
    return None
