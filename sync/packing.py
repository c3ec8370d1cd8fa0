"""JSON as the text that is stored: written once for each record, by a fast writer that takes nearly everything."""

import json
from typing import Any

import orjson

# Whoever takes a value apart does so level by level, within Python's own limit.
DEEPEST = 350


class Packed(str):
    """A JSON value as text already, so that nobody writes it anew on its way into a column."""

    __slots__ = ()


def pack(value: Any, *, sort: bool = False) -> Packed:
    """A JSON value as text, its keys in their own order or sorted. Raises RecursionError where it nests too deeply.

    What the fast writer refuses is left to Python's own: integers beyond 64 bits, lone surrogates, very deep nesting.
    """
    try:
        return Packed(orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None), "utf-8")
    except TypeError:
        if _is_deeper(value, DEEPEST):
            raise RecursionError("it nests too deeply") from None
        return Packed(json.dumps(value, ensure_ascii=False, sort_keys=sort, separators=(",", ":")))


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value nests deeper than so many levels."""
    level = [value]
    for _ in range(levels):
        inside = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [each for one in inside for each in one]
        if not level:
            return False
    return True
