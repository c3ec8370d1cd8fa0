"""The decisions about the edits of one record: pure, over the edits themselves, in memory or out of the database.

What a failure means is decided in `sync.failures`, what is sent in `sync.merge`. `sync.lines`, `sync.edits` and
`sync.endings` write down what is decided here, by compare-and-swap.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from nimble.models import Connection
from nimble.retry import LONGEST
from sync.merge import SINGLE, Conflict, Rule, merge, same
from sync.models import IN_LINE, UNSENT, Edit, State

Fields = dict[str, dict[str, Any]]
COALESCE = (*UNSENT, State.CONFLICT)


def head(record: Iterable[Edit], now: datetime) -> Edit | None:
    """The edit of a record that may be sent now, given all of its edits, oldest first.

    One that is being sent comes before all others: nobody else until its lease lapses, then it is taken up. A colleague
    whose grant died holds up nobody, but nothing can be done to what is not created yet.
    """
    line = [edit for edit in record if edit.state in IN_LINE]
    sending = [edit for edit in line if edit.state == State.SENDING]
    if any(not lapsed(edit, now) for edit in sending):
        return None
    for edit in [*sending, *(edit for edit in line if edit.state != State.SENDING)]:
        if is_alive(edit):
            return edit if is_due(edit, now) else None
        if edit.operation == Edit.Operation.CREATE:
            return None
    return None


def lapsed(edit: Edit, now: datetime) -> bool:
    """Whether whoever is sending it is taken for dead."""
    return edit.lease_until is None or edit.lease_until < now


def is_alive(edit: Edit) -> bool:
    """Whether Nimble can be asked in its author's name."""
    return edit.connection.state == Connection.State.ACTIVE


def is_due(edit: Edit, now: datetime) -> bool:
    """Whether nothing but its place in the line keeps it."""
    if edit.depends_on is not None and edit.depends_on.state != State.CONFIRMED:
        return False
    if edit.state == State.SENDING:
        return lapsed(edit, now)
    farthest = now + timedelta(seconds=LONGEST)
    waited = edit.not_before is None or not now < edit.not_before <= farthest
    return edit.state in (State.PENDING, State.RETRYING) and waited


def is_doubtful(edit: Edit) -> bool:
    """It went out and its answer was lost: it must be settled before anything that comes after it."""
    return edit.state == State.AMBIGUOUS or bool(edit.error.get("ambiguous"))


def covered(
    waiting: Iterable[Edit], fields: Fields, author: int | None = None, rules: Mapping[str, Rule] | None = None
) -> list[Edit]:
    """The unsent updates of a record that a new edit of these fields takes the place of, newest first.

    What its `author` did not see before they began goes out before it, and is merged with it or found to conflict, as
    if it had been sent already. Only where they contradict themselves, their later word takes the place of the earlier.
    `rules`: how fields are merged that are not compared as one plain value.
    """
    found = []
    begun = {name: change["base"] for name, change in fields.items()}

    def gives_way(edit: Edit, name: str) -> bool:
        new = edit.fields[name]["new"]
        if same(new, begun[name]):
            return True
        if edit.author_id != author:
            return False
        try:
            merge(begun[name], fields[name]["new"], new, (rules or {}).get(name, SINGLE))
        except Conflict:
            return True
        return False

    for edit in sorted(waiting, key=lambda edit: edit.pk, reverse=True):
        if (
            edit.operation == Edit.Operation.UPDATE
            and edit.state in COALESCE
            and edit.fields.keys() <= fields.keys()
            and not is_doubtful(edit)
            and all(gives_way(edit, name) for name in edit.fields)
        ):
            found.append(edit)
            begun |= {name: change["base"] for name, change in edit.fields.items()}
    return found


def with_base_of(fields: Fields, replaced: Edit) -> Fields:
    """The fields of a new edit with the base of one whose place it takes: what Nimble had before both."""
    return {
        name: {**change, "base": replaced.fields[name]["base"]} if name in replaced.fields else change
        for name, change in fields.items()
    }


def rebased(ended: Edit, later: Edit) -> Fields | None:
    """The fields of a later edit that began from the values of one that never reached Nimble: it begins from that one's
    base instead. None where it did not.
    """
    begun = [
        name
        for name, change in ended.fields.items()
        if name in later.fields and later.fields[name].get("base") == change["new"]
    ]
    if not begun:
        return None
    bases = {name: {**later.fields[name], "base": ended.fields[name].get("base")} for name in begun}
    return {**later.fields, **bases}
