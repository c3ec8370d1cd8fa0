"""What two spellings of a custom field's value have in common, by the field's kind: pure.

Nimble may spell a value anew (`5` as `5.0`, a day with a time, JSON with other blanks). Such values are one to a
reader, so no conflict and no second value comes of it; what is sent back is always the spelling that Nimble has.
"""

import json
from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from typing import Any

from contacts.employment import structured
from sync import when

TRUE, FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


def meaning(kind: str, value: Any) -> Hashable:
    """The value as it is compared; texts, choices, users and files as they are spelt."""
    if not isinstance(value, str):
        value = "" if value is None else json.dumps(value, ensure_ascii=False)
    reader = _READERS.get(kind)
    found: Hashable = reader(value) if reader and value else None
    return value if found is None else found


def _number(text: str) -> Hashable:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(text: str) -> Hashable:
    """A day without a time and midnight of that day are the same."""
    moment, day = when.moment(text), when.day(text)
    if day is None:
        return None
    midnight = moment is None or (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return day if midnight else moment


def _boolean(text: str) -> Hashable:
    word = text.strip().lower()
    return True if word in TRUE else False if word in FALSE else None


def _object(text: str) -> Hashable:
    parsed = structured(text)
    return json.dumps(parsed, sort_keys=True, ensure_ascii=False, default=str) if parsed else None


_READERS = {
    "number": _number,
    "datetime": _day,
    "boolean": _boolean,
    "address": _object,
    "employment": _object,
}
