"""Three-way merge of one record, field by field: pure, no database, no HTTP.

`base` is what Nimble had when the person changed the field, `ours` what they want, `theirs` what Nimble has now. They
did not change it → ours. We did not → theirs. Equal → done. Else a conflict, for a person. Fields of many values
(e-mails, phones, tags) merge as sets and never conflict: what we added is added, what we removed is removed, the
rest is theirs.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

Key = Callable[[Any], Hashable]


@dataclass(frozen=True)
class Plan:
    """`send`: field → value that Nimble must be given. `conflicts`: field → what Nimble has, for a person to decide."""

    send: dict[str, Any] = field(default_factory=dict)
    conflicts: dict[str, Any] = field(default_factory=dict)


def merge_set(base: list, ours: list, theirs: list, key: Key) -> list:
    """Their list less what we removed, plus what we added, each where it stood; nobody's untouched item changes."""
    base_keys, our_keys = {key(item) for item in base}, {key(item) for item in ours}
    removed, added = base_keys - our_keys, our_keys - base_keys
    merged = [item for item in theirs if key(item) not in removed]
    present = {key(item) for item in merged}
    for item in ours:
        if key(item) in added and key(item) not in present:
            merged.append(item)
            present.add(key(item))
    if present == our_keys and len(merged) == len(ours):
        # The same set: then the person's order counts, too (the first e-mail is the one that is shown).
        by_key = {key(item): item for item in merged}
        return [by_key[key(item)] for item in ours]
    return merged


def plan(edit_fields: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Any], keys: Mapping[str, Key]) -> Plan:
    """What has to be sent for an edit, given what Nimble has now.

    `edit_fields`: field → {"base", "new"}; `theirs`: field → value now; `keys`: the fields that are sets → their item's
    identity. A value that Nimble has already is not sent.
    """
    send: dict[str, Any] = {}
    conflicts: dict[str, Any] = {}
    for name, change in edit_fields.items():
        base, ours, now = change.get("base"), change["new"], theirs.get(name)
        if name in keys:
            merged = merge_set(base or [], ours or [], now or [], keys[name])
            if merged != (now or []):
                send[name] = merged
        elif same(ours, now):
            continue
        elif same(base, now):
            send[name] = ours
        else:
            conflicts[name] = now
    return Plan(send, conflicts)


def same(one: Any, other: Any) -> bool:
    """Equal, where nothing, the empty string and the empty list are all 'no value'."""
    empty: tuple[Any, ...] = (None, "", [])
    return one == other or (one in empty and other in empty)


def contains(base: list, ours: list, theirs: list, key: Key) -> bool:
    """Whether their list has all that we added to the base, and nothing that we removed from it."""
    base_keys, our_keys = {key(item) for item in base}, {key(item) for item in ours}
    their_keys = {key(item) for item in theirs}
    return our_keys - base_keys <= their_keys and not (base_keys - our_keys) & their_keys
