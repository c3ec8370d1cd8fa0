"""The parts of a contact that come as JSON in a string: employments, and addresses.

A job has `company_name`, `title`, `start_date` and `end_date` as MM/YYYY, `is_present`; an end excludes present.
"""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync import clean


def structured(value: Any) -> dict[str, Any]:
    """An address or an employment out of its string: JSON, or a Python literal with single quotes."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.lstrip().startswith("{") or len(value) > 20_000:
        return {}
    try:
        parsed = json.loads(value)
    except RecursionError:
        return {}
    except ValueError:
        try:
            parsed = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return {}
    # Escapes may stand for what the whole string was cleaned of.
    return clean.tree(parsed) if isinstance(parsed, dict) else {}


def ended(job: Mapping[str, Any]) -> bool:
    """Whether a job is over: an end excludes present."""
    return bool(job.get("end_date")) and not job.get("is_present")


def jobs(values: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The jobs among a field's values, the present ones first."""
    found = (structured(item.get("value")) for item in values)
    return sorted((job for job in found if job), key=ended)


def changed(before: Sequence[Mapping[str, str]], *, title: str, company: str) -> list[dict[str, str]]:
    """The employment values with the present one's title and company changed and its other parts kept.

    Without a present one, one is added. Emptied both, it goes.
    """
    kept = [dict(item) for item in before]
    read = [structured(item["value"]) for item in kept]
    current = next((i for i, job in enumerate(read) if job and not ended(job)), None)
    if not title and not company:
        return [item for i, item in enumerate(kept) if i != current]
    job = {
        **(read[current] if current is not None else {}),
        "company_name": company,
        "title": title,
        "is_present": True,
    }
    job.pop("end_date", None)
    value = json.dumps(job, ensure_ascii=False)
    if current is None:
        return [{"value": value, "modifier": ""}, *kept]
    kept[current]["value"] = value
    return kept
