"""Lists and words as columns: what filters and searches compare, the same on every database."""

import unicodedata
from collections.abc import Sequence
from itertools import filterfalse

# Between the items, and at both ends, so that `contains` finds whole items only.
SEPARATOR = "\x1f"


def pack(items: Sequence[str]) -> str:
    """A list as one column."""
    return SEPARATOR + SEPARATOR.join(items) + SEPARATOR if items else ""


def unpack(packed: str) -> list[str]:
    """The list that a column holds."""
    return packed.strip(SEPARATOR).split(SEPARATOR) if packed else []


def item(text: str) -> str:
    """What a packed column contains where it holds this item."""
    return f"{SEPARATOR}{text}{SEPARATOR}"


def fold(text: str) -> str:
    """Lower case without accents: what a search compares."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(filterfalse(unicodedata.combining, decomposed)).casefold()
