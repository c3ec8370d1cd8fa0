"""What a change of many deals would do, before it is begun."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from deals import queries
from deals.bulk.change import Change, Standing, is_unsure, labels, reading
from deals.models import Deal
from deals.names import Names
from nimble import pace
from sync.viewer import viewer

# Before a change is sent, the deal is read; a note that says why it was lost is sent on its own.
CALLS_EACH = 2
CALLS_OF_NOTE = 1
CHUNK = 500
NAMED = 10
# So many of the deals that change are shown with what changes.
SHOWN = 20


class Field(NamedTuple):
    """A field of a deal that would change: what it is called, and how it is now and then, as a person reads it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """What would change of one deal."""

    deal: Deal
    fields: list[Field]


@dataclass
class Plan:
    """What a change would do. `changes`, `same`: how many deals; `by_field`: what each field is called, and in how many
    it changes; `shown`: the first that change; `locked`: those that this person may not edit in Nimble, `unsure`: those
    that need a probability of their own first, `past`: those that are in another pipeline by now. `notes`: how many are
    told why they were lost. `rate`: calls to Nimble a second.
    """

    total: int = 0
    changes: int = 0
    same: int = 0
    by_field: list[tuple[str, int]] = field(default_factory=list)
    shown: list[Difference] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    past: list[str] = field(default_factory=list)
    notes: int = 0
    rate: float = pace.Pace().rate

    @property
    def calls(self) -> int:
        """A deal is sent once, whatever the number of its fields."""
        return self.changes * CALLS_EACH + self.notes * CALLS_OF_NOTE

    @property
    def seconds(self) -> float:
        """At the least: what others send goes at the same pace."""
        return max(self.calls / self.rate, 1)

    @property
    def rest(self) -> int:
        """How many more change than are shown."""
        return self.changes - len(self.shown)

    @property
    def named(self) -> list[tuple[str, list[str], int]]:
        """Who stays as they are, and why: the first ones by name, and how many more there are."""
        groups = [
            (_("You may not edit in Nimble:"), self.locked),
            (_("The stage asks for a probability, which they have not:"), self.unsure),
            (_("In another pipeline by now:"), self.past),
        ]
        return [(why, names[:NAMED], max(len(names) - NAMED, 0)) for why, names in groups if names]


def plan(user: Any, pks: Sequence[int], change: Change) -> Plan:
    """What a change of these deals would do, as they are now. Changes nothing."""
    connection = viewer(user)
    if connection is None:
        return Plan()
    found, counts = Plan(rate=pace.paces([connection])[connection.pk].rate), Counter[str]()
    stage, standing = change.goal(), Standing(change.fields)
    names = Names(connection.workspace_id, user)
    called = labels(change.fields, names)
    for deals in _chunks(user, pks, standing.heavy):
        locked = queries.locked(deals, user)
        before = standing.of(deals)
        for deal in deals:
            found.total += 1
            wanted = change.wanted(before[deal.pk])
            if deal.pk in locked:
                found.locked.append(deal.name or _("Unnamed"))
            elif change.is_past(deal):
                found.past.append(deal.name or _("Unnamed"))
            elif not wanted:
                found.same += 1
            elif is_unsure(deal, stage, wanted):
                found.unsure.append(deal.name or _("Unnamed"))
            else:
                found.changes += 1
                counts.update(wanted.keys())
                if len(found.shown) < SHOWN:
                    was, then = before[deal.pk], wanted.get("currency", deal.currency)
                    fields = [
                        Field(
                            called[name],
                            reading(name, was[name], names, deal.currency),
                            reading(name, value, names, then),
                        )
                        for name, value in wanted.items()
                    ]
                    found.shown.append(Difference(deal, fields))
    found.by_field = [(called[name], counts[name]) for name in change.fields]
    found.notes = counts["stage"] if change.reason else 0
    return found


def _chunks(user: Any, pks: Sequence[int], heavy: Sequence[str]) -> Iterator[list[Deal]]:
    """The deals in this order, of those that this person sees."""
    for first in range(0, len(pks), CHUNK):
        some = queries.for_user(user).defer(*heavy).in_bulk(pks[first : first + CHUNK])
        yield [some[pk] for pk in pks[first : first + CHUNK] if pk in some]
