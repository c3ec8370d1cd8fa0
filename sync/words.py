"""The values of edits, as a person reads and types them."""

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
        return ", ".join(f"{name}: {text}" for name, item in value.items() if (text := plain(item)))
    if isinstance(value, (list, tuple)):
        return "\n".join(plain(item) for item in value)
    return str(value)


def editable(value: Any, *others: Any) -> str | None:
    """A value as the text that a person can type anew; None where one input cannot hold the field's values."""
    texts = [_one_text(one) for one in (value, *others)]
    return None if None in texts else texts[0]


def tidy(text: str) -> str:
    """What was typed, without what browsers and fingers add."""
    return text.replace("\r\n", "\n").strip()


def shaped(value: Any, *shapes: Any) -> Any:
    """A typed value, in the shape that the field's other values have: the first that is not empty tells."""
    shape = next((one for one in shapes if one), next((one for one in shapes if one is not None), None))
    if not isinstance(shape, list):
        return None if value == "" else value
    if not value:
        return []
    if shape and isinstance(shape[0], str):
        return [value]
    return [{**(shape[0] if shape else {"modifier": ""}), "value": value}]


def _one_text(value: Any) -> str | None:
    """What the one input would hold: a text, nothing, or a list of one text or one value object."""
    if value is None or value == []:
        return ""
    if isinstance(value, list) and len(value) == 1:
        value = value[0].get("value") if isinstance(value[0], dict) else value[0]
    return value if isinstance(value, str) else None
