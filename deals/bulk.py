"""Changing many deals in the same way: what that would do, and doing it to each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from deals import actions, mapping, queries
from deals.models import Deal, Stage
from deals.names import Names
from nimble import pace
from sync import batches, edits, overlay, registry
from sync.models import Batch, Edit
from sync.viewer import viewer

SET, ADD, REMOVE = "set", "add", "remove"
# Before a change is sent, the deal is read; a note that says why it was lost is sent on its own.
CALLS_EACH = 2
CALLS_OF_NOTE = 1
CHUNK = 500
NAMED = 10
# So many of the deals that change are shown with what changes.
SHOWN = 20
# Where the columns of a deal hold what its fields are called by.
COLUMNS = {
    "amount": "amount",
    "currency": "currency",
    "probability": "probability",
    "description": "description",
    "owner": "owner_id",
    "expected_close_date": "expected_close",
    "tags": "tags",
}


@dataclass(frozen=True)
class Difference:
    """What would change of one deal: the field's value now and then, as a person reads it."""

    deal: Deal
    before: str
    after: str


@dataclass
class Plan:
    """What a change would do. `changes`, `same`: how many deals; `shown`: the first that change; `locked`: those that
    this person may not edit in Nimble, `unsure`: those that need a probability of their own first. `each`: calls to
    Nimble for a deal, at `rate` a second.
    """

    total: int = 0
    changes: int = 0
    same: int = 0
    shown: list[Difference] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    each: int = CALLS_EACH
    rate: float = pace.Pace().rate

    @property
    def calls(self) -> int:
        return self.changes * self.each

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
        ]
        return [(why, names[:NAMED], max(len(names) - NAMED, 0)) for why, names in groups if names]


def plan(user: Any, pks: Sequence[int], asked: Mapping[str, Any]) -> Plan:
    """What a change of these deals would do, as they are now. Changes nothing."""
    found = Plan(each=CALLS_EACH + (CALLS_OF_NOTE if asked.get("reason") else 0))
    stage, connection = _stage(asked), viewer(user)
    names = Names(connection.workspace_id, user) if connection else None
    for deals in _chunks(user, pks):
        locked = queries.locked(deals, user)
        before = _before(deals, asked["field"])
        for deal in deals:
            found.total += 1
            name = deal.name or _("Unnamed")
            wanted = after(before[deal.pk], asked)
            if deal.pk in locked:
                found.locked.append(name)
            elif wanted == before[deal.pk]:
                found.same += 1
            elif stage and _is_unsure(deal, stage):
                found.unsure.append(name)
            else:
                found.changes += 1
                if names and len(found.shown) < SHOWN:
                    told = (reading(deal, asked["field"], value, names) for value in (before[deal.pk], wanted))
                    found.shown.append(Difference(deal, *told))
    if connection:
        found.rate = pace.paces([connection])[connection.pk].rate
    return found


def reading(deal: Deal, name: str, value: Any, names: Names) -> str:
    """A field's value as a person reads it, in one line; "" for none."""
    text = registry.resource(Deal.kind).shown(name, value, names, {"currency": deal.currency})
    return ", ".join(text.split("\n")) if isinstance(value, list) else text


def wish(asked: Mapping[str, Any], names: Names) -> str:
    """What a change asks for, as a person reads it: the field and its value. An amount is in each deal's currency."""
    name, how = asked["field"], asked.get("how", SET)
    label = registry.resource(Deal.kind).label(name, names)
    value = reading(Deal(), name, asked["value"], names) or _("empty")
    told = {ADD: _("{field}: {value} added"), REMOVE: _("{field}: {value} removed")}.get(how, _("{field}: {value}"))
    return told.format(field=label, value=value)


def begin(user: Any, pks: Sequence[int], asked: dict[str, Any]) -> Batch:
    """Change these deals, each by an edit of its own."""
    return batches.change(registry.resource(Deal.kind), pks, asked, author=user)


def change_one(pk: int, asked: Mapping[str, Any], *, author: Any) -> Edit | None:
    """Change one deal; None where it is so already. Raises `CannotEdit`."""
    deal = queries.for_user(author).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if deal is None:
        raise edits.CannotEdit(_("You no longer see it."))
    if not queries.is_editable(deal, author):
        raise edits.CannotEdit(_("You may not edit this deal in Nimble."))
    name = asked["field"]
    before = _before([deal], name)[pk]
    wanted = after(before, asked)
    if wanted == before:
        return None
    stage = _stage(asked)
    if stage is None:
        actions.drop_refused(author=author, deal=deal, fields={name})
        return actions.change(author=author, deal=deal, field=name, value=wanted)
    if _is_unsure(deal, stage):
        raise edits.CannotEdit(_("The stage asks for a probability, which it has not."))
    return actions.move(author=author, deal=deal, stage=stage, reason=asked.get("reason", ""))


def after(before: Any, asked: Mapping[str, Any]) -> Any:
    """A field's value once it is changed as asked."""
    value, how = asked["value"], asked.get("how", SET)
    if how == ADD:
        return [*before, *(one for one in value if one not in before)]
    if how == REMOVE:
        return [one for one in before if one not in value]
    return value


def _stage(asked: Mapping[str, Any]) -> Stage | None:
    if asked["field"] != "stage":
        return None
    return Stage.objects.select_related("pipeline").filter(nimble_id=asked["value"], pk=asked["stage"]).first()


def _is_unsure(deal: Deal, stage: Stage) -> bool:
    return stage.default_probability is None and deal.probability is None


def _chunks(user: Any, pks: Sequence[int]) -> Iterator[list[Deal]]:
    for first in range(0, len(pks), CHUNK):
        yield list(queries.for_user(user).filter(pk__in=pks[first : first + CHUNK]).order_by("pk"))


def _before(deals: Sequence[Deal], name: str) -> dict[int, Any]:
    """By deal, the value of a field as edits have it."""
    if name == "stage":
        return {deal.pk: deal.stage_nimble_id for deal in deals}
    if name not in COLUMNS:
        values = registry.resource(Deal.kind).values
        open_edits = overlay.open_edits(Deal.kind, [deal.pk for deal in deals])
        return {
            deal.pk: overlay.overlaid(values(deal.remote), open_edits.get(deal.pk, [])).get(name) or []
            for deal in deals
        }
    return {deal.pk: _plain(name, getattr(deal, COLUMNS[name])) for deal in deals}


def _plain(name: str, value: Any) -> Any:
    if name == "amount":
        return mapping.canonical_amount(value)
    if name == "expected_close_date":
        return value.isoformat() if value else None
    return list(value) if name == "tags" else value if value != "" else None
