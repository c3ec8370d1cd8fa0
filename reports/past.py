"""A board as of a moment: where deals stood then, and their amounts, as far as that is known.

Where deals stood is in `deals.moves`. An amount is today's with every change since taken back: what pulls saw change,
and what was sent from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from deals import mapping, queries
from deals.grouping import with_hues
from deals.models import Deal, Stage, StageMove
from deals.queries import Laid
from deals.totals import exact
from sync.models import OVERLAID, Change, Edit, State
from sync.viewer import viewer

# Cards of a column: the sums are of all.
SHOWN = 50
# What a pull says of a deal that a card shows.
MONEY = ("amount", "currency")


@dataclass
class Stood:
    """A deal as it stood. `known` as `StageMove.Known` has it; `name` is today's."""

    pk: int
    name: str
    owner: str
    amount: Decimal | None
    currency: str
    since: datetime
    known: str


@dataclass
class Column:
    """A stage with what stood in it: sums by currency, the most used first, and the first deals."""

    stage: Stage
    hue: str
    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    deals: list[Stood] = field(default_factory=list)

    @property
    def rest(self) -> int:
        return self.count - len(self.deals)


@dataclass
class Past:
    """The board of a moment. `first`: since when anything is known of this pipeline, None for never. `unknown`: deals
    that were there already, of which nobody knows in which stage.
    """

    columns: list[Column]
    first: datetime | None
    unknown: int


def visible(user: Any) -> QuerySet[Deal]:
    """The deals that this person may see, and those that they could see and that are gone since."""
    connection = viewer(user)
    if connection is None:
        return Deal.objects.none()
    # Not the second row of one that was joined with its create, nor a create that never went out.
    twin = Q(gone_at__isnull=False, nimble_id=None)
    return queries.for_connection(connection, gone=None).exclude(twin).order_by()


def stood(user: Any, laid: Laid, at: datetime) -> QuerySet[StageMove]:
    """Where each deal stood in a pipeline at a moment."""
    return StageMove.objects.filter(
        Q(until=None) | Q(until__gt=at),
        Q(deal__gone_at=None) | Q(deal__gone_at__gt=at),
        at__lte=at,
        pipeline_nimble_id=laid.pipeline.nimble_id,
        deal__in=visible(user),
    ).order_by()


def board(user: Any, laid: Laid, at: datetime) -> Past:
    """As many statements, whatever the number of deals."""
    there = stood(user, laid, at)
    columns = {
        stage.nimble_id: Column(stage, hue)
        for stage, hue in with_hues(sorted(laid.stages, key=lambda stage: (stage.is_final, stage.position)))
    }
    totals: dict[tuple[str, str], Decimal] = {}
    for stage, currency, n, total in there.values_list("stage_nimble_id", "deal__currency").annotate(
        n=Count("pk"), total=Sum("deal__amount")
    ):
        if stage in columns:
            columns[stage].count += n
            totals[stage, currency] = exact(total)
    then = amounts(there, at)
    for stage, _pk, now, before in then:
        for (value, currency), sign in ((now, -1), (before, 1)):
            totals[stage, currency] = totals.get((stage, currency), Decimal(0)) + sign * (value or 0)
    for (stage, currency), total in totals.items():
        if stage in columns and total:
            columns[stage].sums[currency] = total
    for stage, one in _first(there, {pk: before for _stage, pk, _now, before in then}):
        if stage in columns:
            columns[stage].deals.append(one)
    seen = StageMove.objects.filter(pipeline_nimble_id=laid.pipeline.nimble_id, deal__in=visible(user)).order_by()
    first = seen.aggregate(first=Min("at"))["first"]
    later = seen.filter(number=1, at__gt=at, known=StageMove.Known.SEEN, deal__created_in_nimble__lte=at)
    shown = [one for one in columns.values() if one.count or not one.stage.archived_at]
    return Past(shown, first, later.count())


Value = tuple[Decimal | None, str]


def amounts(there: QuerySet[StageMove], at: datetime) -> list[tuple[str, int, Value, Value]]:
    """Of the deals whose amount or currency has changed since: stage, id, what they are now, and what they were."""
    later: dict[int, dict[str, tuple[datetime, Any]]] = {}
    deals = there.values("deal")
    changes = Change.objects.filter(kind=Deal.kind, record_id__in=deals, field__in=MONEY, at__gt=at)
    for pk, name, before, when in changes.values_list("record_id", "field", "before", "at"):
        _earliest(later, pk, name, when, before)
    edits = sent(deals).filter(confirmed_at__gt=at).values_list("record_id", "fields", "confirmed_at")
    for pk, fields, confirmed in edits:
        for name in MONEY:
            if confirmed and name in fields:
                _earliest(later, pk, name, confirmed, fields[name].get("base"))
    # What is not in Nimble yet is shown today, and was not so then.
    for pk, fields in money_edits(deals).filter(state__in=OVERLAID).order_by("id").values_list("record_id", "fields"):
        for name in MONEY:
            if name in fields:
                _earliest(later, pk, name, timezone.now(), fields[name].get("base"))
    if not later:
        return []
    found = []
    for stage, pk, amount, currency in there.filter(deal__in=list(later)).values_list(
        "stage_nimble_id", "deal", "deal__amount", "deal__currency"
    ):
        was = later[pk]
        before = mapping.amount(was["amount"][1]) if "amount" in was else amount
        currency_then = str(was["currency"][1] or "")[:3].upper() if "currency" in was else currency
        found.append((stage, pk, (amount, currency), (before, currency_then)))
    return found


def sent(deals: Any) -> QuerySet[Edit]:
    """What was sent from here of the amounts of deals, and has arrived."""
    return money_edits(deals).filter(state=State.CONFIRMED)


def money_edits(deals: Any) -> QuerySet[Edit]:
    """What was done here to the amounts of deals."""
    named = Q(fields__has_key="amount") | Q(fields__has_key="currency")
    return Edit.objects.filter(named, kind=Deal.kind, record_id__in=deals, operation=Edit.Operation.UPDATE)


def _earliest(
    later: dict[int, dict[str, tuple[datetime, Any]]], pk: int, name: str, when: datetime, value: Any
) -> None:
    known = later.setdefault(pk, {})
    if name not in known or when < known[name][0]:
        known[name] = (when, value)


def _first(there: QuerySet[StageMove], values: dict[int, Value]) -> Iterator[tuple[str, Stood]]:
    """The deals that each stage shows, the largest of today first. One statement."""
    order = (F("deal__amount").desc(nulls_last=True), F("deal"))
    rank = Window(RowNumber(), partition_by="stage_nimble_id", order_by=order)
    rows = there.annotate(rank=rank).filter(rank__lte=SHOWN).order_by("stage_nimble_id", "rank")
    for stage, pk, name, owner, amount, currency, since, known in rows.values_list(
        "stage_nimble_id", "deal", "deal__name", "deal__owner_id", "deal__amount", "deal__currency", "at", "known"
    ):
        amount, currency = values.get(pk, (amount, currency))
        yield stage, Stood(pk, name, owner, amount, currency, since, known)


def earliest(user: Any) -> datetime | None:
    """Since when anything is known of where deals stood."""
    connection = viewer(user)
    if connection is None:
        return None
    known = StageMove.objects.filter(deal__in=queries.for_user(user).order_by())
    found: datetime | None = known.aggregate(first=Min("at"))["first"]
    return found
