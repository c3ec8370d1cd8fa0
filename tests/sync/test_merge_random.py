"""The merge on ten thousand random triples of records, through the rules and the bodies that are really sent.

A record is a contact or a deal as Nimble sends it, with tags, fields of one and of many values, jobs, addresses, custom
fields of every kind, and related contacts with notes. A triple is what Nimble had, what a person made of it here, and
what somebody else made of it there. The same seeds every time: `SEED` begins them.
"""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from contacts import bodies as contact_bodies
from contacts import mapping as contacts
from contacts import rules as contact_rules
from deals import bodies as deal_bodies
from deals import mapping as deals
from deals import rules as deal_rules
from sync import clean, merge

SEED = 20_260_000
TRIPLES = 5_000
TEXTS = ["", "a", "B", "ä ö", "Ünïcode 🦊", "a,b", '"quoted"', "x" * 30, "5", "5.0", "\u202eright", "nul\x00"]
VALUES: dict[str, list[str]] = {
    "string": TEXTS,
    "long_string": [*TEXTS, "two\nlines", "<b>bold</b>"],
    "choice": ["1", "2", "3", "unknown"],
    "number": ["5", "5.0", "7", "1e3", "1000", "none"],
    "datetime": ["2026-03-31", "2026-03-31T00:00:00+0000", "2026-04-01", "2026-04-01T10:00:00+0300", "soon"],
    "boolean": ["true", "false", "True"],
    "user": ["u1", "u2", "u3"],
    "attachment": ["f1", "f2"],
    "address": ['{"city": "Kyiv", "zip": "1"}', '{"zip":"1","city":"Kyiv"}', "{'city': 'Oslo'}", "Main Street 1"],
    "employment": [
        '{"company_name": "Acme", "title": "CEO"}',
        '{"company_name": "Acme", "title": "Cook", "is_present": true}',
        '{"company_name": "Brill"}',
        "Acme",
    ],
}


class Kind(NamedTuple):
    """How to make, change, read, merge and send one kind of record."""

    make: Callable[[random.Random], dict[str, Any]]
    values: Callable[[dict[str, Any]], dict[str, Any]]
    rule: Callable[[str], merge.Rule]
    body: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
    own: Callable[[dict[str, Any]], dict[str, list[Any]]]


# --- contacts: a field of each kind, of one value and of many, with one modifier and with several ---

CONTACT_FIELDS: dict[str, tuple[str, bool, list[str]]] = {
    "first name": ("string", False, [""]),
    "description": ("long_string", False, ["", "other", "linkedin"]),
    "email": ("string", True, ["work", "personal"]),
    "address": ("address", True, ["work", "home"]),
    "contact employment": ("employment", True, [""]),
    **{f"one {kind}": (kind, False, [""]) for kind in VALUES},
    **{f"many {kind}": (kind, True, ["", "other"]) for kind in VALUES},
}


def contact_item(chance: random.Random, name: str, modifier: str) -> dict[str, Any]:
    item: dict[str, Any] = {"value": chance.choice(VALUES[CONTACT_FIELDS[name][0]]), "modifier": modifier}
    item |= {"field_id": f"f-{name}-{modifier}", "label": name}
    if chance.random() < 0.3:
        item["is_primary"] = chance.choice([True, False])
    if chance.random() < 0.3:
        item["extra_value"] = chance.choice([None, "c9", {"nested": [1, 2.5, "é"]}])
    keys = list(item)
    chance.shuffle(keys)
    return {key: item[key] for key in keys}


def contact_values(chance: random.Random, name: str) -> list[dict[str, Any]]:
    _kind, multiples, modifiers = CONTACT_FIELDS[name]
    if not multiples:
        return [contact_item(chance, name, one) for one in modifiers if chance.random() < 0.7]
    return [contact_item(chance, name, chance.choice(modifiers)) for _ in range(chance.randrange(4))]


def make_contact(chance: random.Random) -> dict[str, Any]:
    fields = {name: contact_values(chance, name) for name in CONTACT_FIELDS if chance.random() < 0.2}
    return {"id": "c1", "fields": fields, "tags": chance.sample(["a", "b", "c", "d,e", "ж"], chance.randrange(4))}


def contact_rule(name: str) -> merge.Rule:
    if name == "tags":
        return contact_rules.TAGS
    bare = name.removeprefix(contacts.FIELD)
    kind, multiples, _modifiers = CONTACT_FIELDS[bare]
    return contact_rules.rule(bare, contact_rules.Known(kind, multiples))


def contact_body(send: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: contact_bodies.tags_body(wanted, theirs)
        if name == "tags"
        else contact_bodies.field_body(name.removeprefix(contacts.FIELD), wanted, theirs)
        for name, wanted in send.items()
    }


def contact_own(payload: dict[str, Any]) -> dict[str, list[Any]]:
    return {contacts.FIELD + name: items for name, items in payload["fields"].items()} | {"tags": payload["tags"]}


# --- deals ---

DEAL_FIELDS = {f"{count} {kind}": (kind, count == "many") for kind in VALUES for count in ("one", "many")}


def make_deal(chance: random.Random) -> dict[str, Any]:
    def items(kind: str, most: int) -> list[dict[str, Any]]:
        found = []
        for _ in range(chance.randrange(1, most + 1)):
            item = {"value": chance.choice([text for text in VALUES[kind] if text])}
            item |= {"is_primary": chance.choice([True, False])} if chance.random() < 0.5 else {}
            found.append(item)
        return found

    customs = {
        name: items(kind, 3 if many else 1) for name, (kind, many) in DEAL_FIELDS.items() if chance.random() < 0.3
    }
    names = {"name": [{"value": chance.choice("xyz")}], "amount": [{"value": chance.choice(["1", "2.50", "2.5"])}]}
    people = chance.sample(["p1", "p2", "p3", "p4"], chance.randrange(4))
    return {
        "deal_id": "d1",
        "fields_values": customs,
        "fields_values_with_names": names,
        "currency": chance.choice(["EUR", "USD"]),
        "owner": {"user_id": chance.choice(["u1", "u2"])},
        "tags": chance.sample(["a", "b", "c", "ж"], chance.randrange(4)),
        "related_contacts": [
            {"contact": {"id": one, "is_viewable": chance.random() < 0.7}, "note": chance.choice([None, "", "n", "m"])}
            for one in people
        ],
    }


def deal_values(payload: dict[str, Any]) -> dict[str, Any]:
    return deals.values(deals.split(payload)[1], {})


def deal_rule(name: str) -> merge.Rule:
    if name in ("tags", "contacts"):
        return deal_rules.TAGS if name == "tags" else deal_rules.CONTACTS
    if name.startswith(deals.CUSTOM):
        return deal_rules.rule(deal_rules.Known(*DEAL_FIELDS[name.removeprefix(deals.CUSTOM)]))
    return merge.SINGLE


def deal_body(send: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    body = deal_bodies.edit_body(send, theirs)
    fields = body.get("fields_values", {})
    places = {"tags": body.get("tags"), "contacts": body.get("related_contacts")}
    return {name: places[name] if name in places else fields.get(name.removeprefix(deals.CUSTOM)) for name in send}


def deal_own(payload: dict[str, Any]) -> dict[str, list[Any]]:
    related = [{"contact_id": one["contact"]["id"], "note": one["note"]} for one in payload["related_contacts"]]
    customs = {deals.CUSTOM + name: items for name, items in payload["fields_values"].items()}
    return customs | {"tags": payload["tags"], "contacts": related}


KINDS = {
    "contact": Kind(make_contact, contacts.values, contact_rule, contact_body, contact_own),
    "deal": Kind(make_deal, deal_values, deal_rule, deal_body, deal_own),
}


class Triple(NamedTuple):
    """What Nimble had, what one made of it and what another did: payloads, and field → value for `ours`."""

    kind: Kind
    base: dict[str, Any]
    ours: dict[str, Any]
    theirs: dict[str, Any]


def changed(chance: random.Random, kind: Kind, base: dict[str, Any]) -> dict[str, Any]:
    """The record with some of its parts taken from another one, so that most of it stays as it was."""
    found, other = copy.deepcopy(base), kind.make(chance)
    for key, value in other.items():
        if isinstance(value, dict) and key != "owner":
            for name in value:
                if chance.random() < 0.4:
                    found[key][name] = mixed(chance, found[key].get(name, []), value[name])
        elif isinstance(value, list):
            if chance.random() < 0.6:
                found[key] = mixed(chance, found[key], value)
        elif chance.random() < 0.3:
            found[key] = value
    return found


def mixed(chance: random.Random, before: list[Any], after: list[Any]) -> list[Any]:
    """Some items gone, some new, sometimes in another order."""
    if chance.random() < 0.4 or len(after) < 2:
        return copy.deepcopy(after)
    items = [item for item in before if chance.random() < 0.7] + [item for item in after if chance.random() < 0.4]
    if chance.random() < 0.3:
        chance.shuffle(items)
    # A contact takes part in a deal once.
    names = (item["contact"]["id"] if "contact" in item else packed(item) for item in map(dict_of, items))
    return list(dict(zip(names, copy.deepcopy(items), strict=True)).values())


def dict_of(item: Any) -> dict[str, Any]:
    return item if isinstance(item, dict) else {"value": item}


def triples(name: str):
    kind = KINDS[name]
    for number in range(TRIPLES):
        chance = random.Random(f"{SEED} {name} {number}")
        base = kind.make(chance)
        yield number, Triple(kind, base, changed(chance, kind, base), changed(chance, kind, base))


def read(kind: Kind, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload's values as the outbox reads them: cleaned of what a database refuses."""
    return kind.values(clean.payload(payload))


def planned(triple: Triple, ours: dict[str, Any], theirs: dict[str, Any]) -> merge.Plan:
    """The plan for all that differs between the base and `ours`, as an edit would hold it."""
    before, after, now = (read(triple.kind, one) for one in (triple.base, ours, theirs))
    fields = {
        name: {"base": before.get(name), "new": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
    return merge.plan(fields, now, {name: triple.kind.rule(name) for name in fields})


def packed(value: Any) -> str:
    """The bytes that the transport sends of a value, as text."""
    return json.dumps(value, allow_nan=False)


def compared(rule: merge.Rule, value: Any) -> Any:
    """A value as it is compared: the contents by identity, in no order of identities."""
    if rule.key is None:
        return None if value in merge.EMPTY else rule.content(value)
    found: dict[Any, list[Any]] = {}
    for item in value or []:
        if rule.content(item) not in merge.EMPTY:
            found.setdefault(rule.key(item), []).append(rule.content(item))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_merge_of_random_triples_keeps_its_promises(name: str):
    """One test, for one pass: making the triples is most of its time."""
    sent = conflicts = kept = 0
    for number, triple in triples(name):
        plan = planned(triple, triple.ours, triple.theirs)
        other = planned(triple, triple.theirs, triple.ours)
        before, ours, theirs = (read(triple.kind, one) for one in (triple.base, triple.ours, triple.theirs))
        seen = f"triple {number} of {name}"
        sent, conflicts = sent + len(plan.send), conflicts + len(plan.conflicts)

        for field in before.keys() | ours.keys() | theirs.keys():
            rule = triple.kind.rule(field)
            merged = plan.send.get(field, theirs.get(field))
            # It commutes: whoever comes first, the same is in Nimble in the end, or both are asked.
            assert (field in plan.conflicts) == (field in other.conflicts), (seen, field)
            if field not in plan.conflicts:
                sides = [compared(rule, one.get(field)) for one in (before, ours, theirs)]
                result = compared(rule, merged)
                assert result == compared(rule, other.send.get(field, ours.get(field))), (seen, field)
                if rule.key is not None:
                    # Nothing that neither side touched is lost, and nothing comes from nowhere.
                    for key, contents in result.items():
                        assert contents in [side.get(key) for side in sides], (seen, field, key)
                    for key, contents in sides[0].items():
                        if sides[1].get(key) == contents == sides[2].get(key):
                            assert result.get(key) == contents, (seen, field, key)
            # It is idempotent: what has arrived is not sent again.
            if field in plan.send:
                edit = {field: {"base": before.get(field), "new": ours.get(field)}}
                assert merge.plan(edit, {field: merged}, {field: rule}) == merge.Plan(), (seen, field)

        # What nobody touched goes back byte for byte: of Nimble's own items only those are missing that were to go.
        body, own = triple.kind.body(plan.send, triple.theirs), triple.kind.own(triple.theirs)
        for field, items in body.items():
            if field not in own:
                continue
            wanted, now = (Counter(map(packed, values)) for values in (plan.send[field], theirs.get(field) or []))
            assert len(items) == wanted.total(), (seen, field)
            missing = Counter(map(packed, own[field])) - Counter(map(packed, items))
            assert missing.total() == (now - wanted).total(), (seen, field, items)
            kept += (now & wanted).total()
    assert min(sent, conflicts, kept) > 100, (sent, conflicts, kept)
