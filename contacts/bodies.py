"""What is sent to Nimble for the fields of a contact, and whether it was understood: pure.

A value that nobody touched goes back as Nimble's own item: the object that was read, with its keys in their order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from contacts import kinds
from contacts.employment import structured
from contacts.mapping import EMPLOYMENT, identity, items, pair
from contacts.rules import KINDS
from sync import clean

Items = list[dict[str, Any]]


def field_body(name: str, wanted: Sequence[Mapping[str, str]], current: Mapping[str, Any] | None) -> Items:
    """The values to send for a field: Nimble's own item for each that stays, `{value, modifier}` for each that is new.

    `current`: the contact exactly as it was read. A job that changed at the same company keeps what else its item says:
    the company's contact id.
    """
    known = items(_fields(current), name)
    left = [(identity(pair(clean.tree(item))), item) for item in known]
    by_company = (
        {structured(item.get("value")).get("company_name"): item for item in known} if name == EMPLOYMENT else {}
    )
    body: Items = []
    for item in wanted:
        place = next((at for at, (same, _own) in enumerate(left) if same == identity(item)), None)
        if place is not None:
            body.append(left.pop(place)[1])
            continue
        job = by_company.get(structured(item["value"]).get("company_name")) if name == EMPLOYMENT else None
        body.append({**(job or {}), "value": item["value"], "modifier": item["modifier"]})
    return body


def tags_body(wanted: Sequence[str], current: Mapping[str, Any] | None) -> list[str]:
    """The tags to send: those that stay as Nimble spells them."""
    spelt = {}
    for tag in (current or {}).get("tags") or []:
        name = tag.get("tag") or tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str):
            spelt[clean.text(name)] = name
    return [spelt.get(tag, tag) for tag in wanted]


def misread(sent: Mapping[str, Items], before: Mapping[str, Any] | None, answer: Mapping[str, Any]) -> list[str]:
    """The fields of a replacement that Nimble understood otherwise, by its answer: it kept what was to go, or dropped
    what was to stay. What it spells in its own way is no misunderstanding; neither is what somebody else just added.
    """
    return [
        name
        for name, body in sent.items()
        if _differs(*(_count(name, one) for one in (body, items(_fields(before), name), items(_fields(answer), name))))
    ]


def _differs(wanted: Counter[Any], had: Counter[Any], has: Counter[Any]) -> bool:
    return bool((has - wanted) & had) or bool((wanted & had) - has)


def _count(name: str, values: Sequence[Mapping[str, Any]]) -> "Counter[Any]":
    pairs = [pair(clean.tree(item)) for item in values]
    kind = KINDS.get(name, "")
    return Counter((kinds.meaning(kind, one["value"]), one["modifier"]) for one in pairs if one["value"])


def _fields(payload: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = (payload or {}).get("fields")
    return found if isinstance(found, dict) else {}
