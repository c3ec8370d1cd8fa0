"""The values of edits, as a person reads and types them."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _


def plain(value: Any) -> str:
    """A value of an edit as text: lists by the line, value objects by their value."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, Mapping):
        if "value" in value:
            return " · ".join(text for text in (plain(value["value"]), str(value.get("modifier") or "")) if text)
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "\n".join(plain(item) for item in value)
    return str(value)


def editable(value: Any, *others: Any) -> str | None:
    """A value as the text that a person can type anew; None where one input cannot hold the field's values."""
    if not all(one is None or isinstance(one, str) or _one_item(one) is not None for one in (value, *others)):
        return None
    item = _one_item(value)
    return item["value"] if item else (value or "")


def tidy(text: str) -> str:
    """What was typed, without what browsers and fingers add."""
    return text.replace("\r\n", "\n").strip()


def shaped(value: Any, *shapes: Any) -> Any:
    """A typed value, in the shape that the field's other values have."""
    for shape in shapes:
        item = _one_item(shape)
        if item is not None:
            return [{**item, "value": value}] if value else []
    return None if value == "" else value


def _one_item(value: Any) -> dict[str, Any] | None:
    if value == []:
        return {"value": "", "modifier": ""}
    if (
        isinstance(value, list)
        and len(value) == 1
        and isinstance(value[0], dict)
        and isinstance(value[0].get("value"), str)
    ):
        return value[0]
    return None
