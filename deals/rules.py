"""How each field of a deal is merged: pure, given what the metadata says of its own fields."""

from typing import NamedTuple

from contacts import kinds
from sync.merge import SINGLE, Rule, set_of

TAGS = set_of()
# A contact takes part once; what may change is the note on it, in a tuple: without one it takes part all the same.
CONTACTS = Rule(content=lambda item: (item.get("note") or "",), key=lambda item: item["id"])
EXTERNAL = Rule(content=lambda item: (item.get("note") or "",), key=lambda item: item["info"])


class Known(NamedTuple):
    """What the metadata says of a field."""

    kind: str = ""
    multiples: bool = False


def rule(known: Known | None) -> Rule:
    """The rule of a pipeline's own field, whose value is a list; None: the metadata does not have it."""
    if known is None:
        return SINGLE
    if known.multiples:
        return set_of(lambda value: kinds.meaning(known.kind, value))
    return Rule(content=lambda values: [kinds.meaning(known.kind, value) for value in values])
