"""Three-way merge of one record, field by field: pure, no database, no HTTP.

`base` is what Nimble had when the person changed the field, `ours` what they want, `theirs` what Nimble has now. They
did not change it → ours. We did not → theirs. Equal → done. Else a conflict, for a person.

A field of several values merges item by item in the same way. Where the whole item is its identity (tags, e-mails as
value and modifier) that is a set, and no conflict can arise: what we added is added, what we removed is removed, the
rest is theirs. Where an item has an identity and a content (a contact and the note on it), both sides may have changed
the content of one, and that is a conflict. An item that nobody touched is theirs, the very same object.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Key = Callable[[Any], Hashable]
Place = tuple[Hashable, int]
EMPTY: tuple[Any, ...] = (None, "", [])


def whole(value: Any) -> Any:
    """The value itself, as an identity or a content."""
    return value


def present(_item: Any) -> bool:
    """The content of an item that has none beside its identity: it is there."""
    return True


@dataclass(frozen=True)
class Rule:
    """How a field is compared.

    `content`: what two values must have in common to be the same one to a reader; of an item, what may change while it
    stays the same item. `key`: the identity of an item, for fields of several; None for a single value.
    """

    content: Callable[[Any], Any] = whole
    key: Key | None = None


SINGLE = Rule()


def set_of(key: Key = whole) -> Rule:
    """A field that is a set of items with this identity and nothing beside it."""
    return Rule(content=present, key=key)


@dataclass(frozen=True)
class Plan:
    """`send`: field → value that Nimble must be given. `conflicts`: field → what Nimble has, for a person to decide."""

    send: dict[str, Any] = field(default_factory=dict)
    conflicts: dict[str, Any] = field(default_factory=dict)


class Conflict(Exception):
    """Both sides changed the same value, each in its own way."""


def plan(edit_fields: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Any], rules: Mapping[str, Rule]) -> Plan:
    """What has to be sent for an edit, given what Nimble has now.

    `edit_fields`: field → {"base", "new"}; `theirs`: field → value now; `rules`: the fields that are not compared as
    one plain value. A value that Nimble has already is not sent.
    """
    send: dict[str, Any] = {}
    conflicts: dict[str, Any] = {}
    for name, change in edit_fields.items():
        base, ours, now = change.get("base"), change["new"], theirs.get(name)
        try:
            merged = merge(base, ours, now, rules.get(name, SINGLE))
        except Conflict:
            conflicts[name] = now
        else:
            if merged is not now:
                send[name] = merged
    return Plan(send, conflicts)


def merge(base: Any, ours: Any, theirs: Any, rule: Rule = SINGLE) -> Any:
    """What the field should hold: `theirs` itself where nothing is to be sent. Raises `Conflict`."""
    if rule.key is None:
        return choose(base, ours, theirs, rule.content)
    before, wanted, now = (_grouped(side, rule.key) for side in (base, ours, theirs))
    kept: dict[Place, Any] = {}
    for key in {**before, **wanted, **now}:
        merged = _group(before.get(key, []), wanted.get(key, []), now.get(key, []), rule.content)
        kept.update({(key, number): item for number, item in enumerate(merged)})
    order = _order(_places(base, rule.key), _places(ours, rule.key), _places(theirs, rule.key), kept)
    found = [kept[place] for place in order]
    there = list(theirs or [])
    if len(found) == len(there) and all(one is other for one, other in zip(found, there, strict=True)):
        return theirs
    return found


def _group(base: list, ours: list, theirs: list, content: Callable[[Any], Any]) -> list:
    """The items of one identity, nearly always one at most. Raises `Conflict`."""
    before, wanted, now = (
        [found for item in side if (found := content(item)) not in EMPTY] for side in (base, ours, theirs)
    )
    if wanted in (now, before):
        return theirs
    if now != before and content is not present:
        raise Conflict
    if now != before and len(theirs) >= len(ours):
        return theirs
    # What they have already is theirs.
    left = list(theirs)
    return [_taken(left, item, content) for item in ours]


def _taken(left: list, item: Any, content: Callable[[Any], Any]) -> Any:
    same_one = next((at for at, other in enumerate(left) if content(other) == content(item)), None)
    return item if same_one is None else left.pop(same_one)


def choose(base: Any, ours: Any, theirs: Any, content: Callable[[Any], Any] = whole) -> Any:
    """One value of three; None is none. Raises `Conflict`."""
    before, wanted, now = (None if side is None else content(side) for side in (base, ours, theirs))
    if same(wanted, now) or same(wanted, before):
        return theirs
    if same(now, before):
        return ours
    raise Conflict


def same(one: Any, other: Any) -> bool:
    """Equal, where nothing, the empty string and the empty list are all 'no value'."""
    return bool(one == other) or (one in EMPTY and other in EMPTY)


def _grouped(items: Iterable[Any] | None, key: Key) -> dict[Hashable, list]:
    found: dict[Hashable, list] = {}
    for item in items or ():
        found.setdefault(key(item), []).append(item)
    return found


def _places(items: Iterable[Any] | None, key: Key) -> list[Place]:
    """The items by identity; where several have the same one, each with its number."""
    counts: Counter[Hashable] = Counter()
    found = []
    for item in items or ():
        identity = key(item)
        found.append((identity, counts[identity]))
        counts[identity] += 1
    return found


def _order(base: Sequence[Place], ours: Sequence[Place], theirs: Sequence[Place], kept: Mapping[Place, Any]) -> list:
    """The order of the side that has moved something, theirs where both or none; what the other added goes before what
    it stood before there.
    """
    base, ours, theirs = ([place for place in side if place in kept] for side in (base, ours, theirs))
    order, other = (ours, theirs) if _moved(base, ours) and not _moved(base, theirs) else (theirs, ours)
    known, follower = set(order), None
    for place in reversed(other):
        if place not in known:
            order.insert(len(order) if follower is None else order.index(follower), place)
        follower = place
    return order


def _moved(base: Sequence[Place], side: Sequence[Place]) -> bool:
    both = set(base) & set(side)
    return [place for place in base if place in both] != [place for place in side if place in both]
