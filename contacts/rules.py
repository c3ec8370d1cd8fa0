"""How each field of a contact is merged: pure, given what the metadata says of it.

A field of many values is a set of (value, modifier). One that has a single value for each modifier is compared modifier
by modifier; jobs, company by company.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from contacts import kinds
from contacts.employment import structured
from contacts.mapping import EMPLOYMENT, MULTIPLE
from sync.merge import Rule, set_of

TAGS = set_of()
KINDS = {"address": "address", EMPLOYMENT: "employment"}


class Known(NamedTuple):
    """What the metadata says of a field."""

    kind: str = ""
    multiples: bool = False


def rule(name: str, known: Known | None = None) -> Rule:
    """The rule of a field, by its name in Nimble; `known` None: the metadata does not have it."""
    kind = KINDS.get(name) or (known.kind if known else "")
    if name == EMPLOYMENT:
        return Rule(content=_content(kind), key=_company)
    if name in MULTIPLE or (known and known.multiples):
        return set_of(_identity(kind))
    return Rule(content=_content(kind), key=_modifier)


def _identity(kind: str) -> Callable[[Mapping[str, Any]], Hashable]:
    return lambda item: (kinds.meaning(kind, item["value"]), _modifier(item))


def _content(kind: str) -> Callable[[Mapping[str, Any]], Hashable]:
    return lambda item: kinds.meaning(kind, item["value"])


def _modifier(item: Mapping[str, Any]) -> str:
    return str(item.get("modifier") or "")


def _company(item: Mapping[str, Any]) -> Hashable:
    job = structured(item["value"])
    return (str(job.get("company_name") or "") if job else item["value"], _modifier(item))
