"""What a write may put into a deal: checked as a whole, errors under their paths."""

import math
import re
from typing import Any

from sandbox.contacts import checked_owner, checked_privacy, checked_tags
from sandbox.deal_fields import STANDARD_IDS, STANDARD_NAMES
from sandbox.errors import invalid, invalid_at, not_acceptable
from sandbox.exchange import Request
from sandbox.ids import moment, parse_date
from sandbox.pipelines import the_stage
from sandbox.store import Document
from sandbox.world import World

Errors = dict[str, dict[str, str]]


def apply_fields(doc: Document, pipeline: Document, sent: Any) -> Errors:
    """Puts `fields_values` (by id or standard name, as a map or as the specification's objects) into the deal."""
    errors: Errors = {}
    customs = {field["field_id"]: field for field in pipeline["fields"]}
    for key, values in _as_map(sent).items():
        path = f"/fields_values/{key}"
        name = STANDARD_NAMES.get(key, key)
        wrong = not isinstance(values, list) or any(
            not isinstance(one, dict) or not isinstance(one.get("value"), str) for one in values
        )
        if wrong:
            errors[path] = {"message": "expected a list of {value}, each a string"}
        elif name in STANDARD_IDS:
            if len(values) > 1:
                errors[path] = {"message": "Field can't have multiple values"}
            elif message := _apply_standard(doc, name, values[0]["value"] if values else None):
                errors[path] = {"message": message}
        elif key in customs:
            if message := _apply_custom(doc, customs[key], values):
                errors[path] = {"message": message}
        else:
            errors[path] = {"message": "Unknown field"}
    return errors


def _as_map(sent: Any) -> dict[str, Any]:
    one = [sent] if isinstance(sent, dict) and set(sent) in ({"field_id", "values"}, {"field_name", "values"}) else sent
    if isinstance(one, list) and all(isinstance(part, dict) and "values" in part for part in one):
        return {str(part.get("field_id") or part.get("field_name")): part["values"] for part in one}
    if not isinstance(one, dict):
        raise invalid_at("/fields_values", "expected an object")
    return one


def _apply_standard(doc: Document, name: str, text: str | None) -> str | None:
    """Sets one standard field, or says what is wrong with it."""
    if name == "actual_close_date":
        return "Field is read only"
    if name == "name":
        if text is None or not text.strip():
            return "Deal name is required and should not be empty"
        doc["name"] = text
    elif name == "description":
        doc["description"] = text if text and text.strip() else None
    elif text is None:
        doc[name] = None
    elif name == "expected_close_date":
        if parse_date(text) is None:
            return f"Can't parse value {text[:40]} as DATE"
        doc[name] = text
    elif not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text) or not math.isfinite(float(text)):
        return "Value should be a positive number or 0"
    elif name == "amount":
        doc["amount"] = float(text)
    elif float(text) > 100 or "." in text:
        return "Probability should be a whole number from 0 to 100"
    else:
        doc["probability"] = int(text)
    return None


def _apply_custom(doc: Document, field: dict[str, Any], values: list[dict[str, Any]]) -> str | None:
    if len(values) > 1 and not field["multiples"]:
        return "Field can't have multiple values"
    for one in values:
        if field["kind"] == "choice" and one["value"] not in [choice["id"] for choice in field["choices"]]:
            return "Unknown choice"
        if field["kind"] == "number" and not re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", one["value"]):
            return "Value should be a number"
        if field["kind"] == "datetime" and parse_date(one["value"]) is None:
            return "Can't parse value as DATE-TIME"
        if field["kind"] == "boolean" and one["value"] not in ("true", "false"):
            return "Value should be true or false"
    if values:
        doc["custom"][field["field_id"]] = [
            {"value": one["value"], "is_primary": bool(one.get("is_primary"))} for one in values
        ]
    else:
        doc["custom"].pop(field["field_id"], None)
    return None


def apply_place(world: World, request: Request, doc: Document, sent: dict[str, Any]) -> Document:
    """Moves the deal to the stage (and pipeline) sent, recording the transition. The pipeline it ends in."""
    pipeline = world.pipelines(request.company_id).get(str(sent.get("pipeline_id", doc["pipeline_id"])))
    if pipeline is None:
        raise invalid_at("/pipeline_id", "unknown pipeline")
    moves = pipeline["id"] != doc["pipeline_id"]
    if "stage_id" not in sent:
        if moves:
            raise invalid_at("/stage_id", "a stage of the new pipeline is required")
        return pipeline
    stage = the_stage(pipeline, sent["stage_id"])
    if stage is None:
        raise invalid_at("/stage_id", "stage doesn't belong to the pipeline")
    if stage["id"] == doc["stage_id"]:
        return pipeline
    if pipeline["archived_at"]:
        raise not_acceptable("Pipeline is archived", "archived_pipeline")
    if stage["archived_at"]:
        raise not_acceptable("Stage is archived", "archived_stage")
    now = world.next_stamp()
    previous = None if moves else doc["stage_id"] or None
    kept = [] if moves else doc["transitions"]
    move = {"from": previous, "to": stage["id"], "who": request.user_id, "when": now, "notes": None}
    doc["transitions"] = [*kept, move]
    doc["pipeline_id"], doc["stage_id"] = pipeline["id"], stage["id"]
    final = stage["role"] in ("won", "lost")
    doc["actual_close_date"] = moment(now).date().isoformat() if final else None
    return pipeline


def apply_rest(world: World, request: Request, doc: Document, sent: dict[str, Any]) -> None:
    if "owner_id" in sent:
        doc["owner_id"] = checked_owner(world, request, sent["owner_id"], "/owner_id")
    if "privacy" in sent:
        doc["privacy"] = checked_privacy(world, request, sent["privacy"])
    if "currency" in sent:
        if not isinstance(sent["currency"], str) or not re.fullmatch("[A-Z]{3}", sent["currency"]):
            raise invalid_at("/currency", "expected an ISO 4217 code")
        doc["currency"] = sent["currency"]
    if "tags" in sent:
        doc["tags"] = checked_tags(sent["tags"])
    if "related_contacts" in sent:
        doc["related_contacts"] = _related(world, request, doc, sent["related_contacts"])
    if "related_external_contacts" in sent:
        doc["related_external_contacts"] = _external(sent["related_external_contacts"])


def _objects(sent: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise invalid_at(path, "expected a list of objects")
    return sent


def _related(world: World, request: Request, doc: Document, sent: Any) -> list[dict[str, Any]]:
    kept = {one["contact_id"] for one in doc["related_contacts"]}
    found = []
    for one in _objects(sent, "/related_contacts"):
        contact_id, note = one.get("contact_id"), one.get("note")
        contact = world.store.get("contact", contact_id) if isinstance(contact_id, str) else None
        if contact_id not in kept and (contact is None or contact["company_id"] != request.company_id):
            raise invalid_at("/related_contacts", f"unknown contact {str(contact_id)[:40]}")
        if note is not None and not isinstance(note, str):
            raise invalid_at("/related_contacts", "note is a string")
        found.append({"contact_id": contact_id, "note": note})
    return found


def _external(sent: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in _objects(sent, "/related_external_contacts"):
        if not all(isinstance(one.get(name, ""), str) for name in ("contact_info", "note")):
            raise invalid_at("/related_external_contacts", "contact_info and note are strings")
        found.append({name: text for name, text in one.items() if name in ("contact_info", "note")})
    return found


def check_whole(doc: Document, pipeline: Document, errors: Errors) -> None:
    """A deal needs a name, and a probability of its own where its stage has none. Raises 409 with all mistakes."""
    if not doc["name"] and not any(path.startswith("/fields_values/") for path in errors):
        errors["/fields_values/name"] = {"message": "Deal name is required and should not be empty"}
    stage = the_stage(pipeline, doc["stage_id"])
    if doc["probability"] is None and stage is not None and stage["default_probability"] is None:
        errors["/fields_values/probability"] = {"message": "Probability is required: its stage has no default"}
    if errors:
        raise invalid(errors)
