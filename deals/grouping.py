"""How a board deals its cards out to columns: by what of a deal, which columns there are, and what a move changes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crmportal.formats import hue, money
from deals.cards import Card
from deals.models import Deal, Role, Stage
from deals.totals import Total

# Open stages take these in turn; green and red are for won and lost.
OPEN_HUES = ("hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6")
FINAL_HUES = {Role.WON: "hue-7", Role.LOST: "hue-8"}
# Stands for a column's key where one statement is made for all columns: no key is like this.
ANY = "\x00"

# The id of the column of what nobody owns.
NOBODY = "nobody"
# Cards that a column begins with; where there are many columns, fewer: so many on the whole page, or so few a column.
CARDS = 50
MOST_CARDS = 400
FEWEST_CARDS = 10

Sql = tuple[str, Sequence[Any]]


class Sum(NamedTuple):
    """A sum in one currency; `weighted` by the probability of each deal, "" for nothing."""

    amount: str
    weighted: str


@dataclass
class Column:
    """A column as the board shows it. `id`: its name in the page and in addresses; `key`: what its deals have in
    common. `stage`: where it is one. `ask`: moving a card here asks something first. `is_closed`: it takes no cards.
    `more`: the address of the cards after the shown ones, "" at the end.
    """

    id: str
    key: Hashable
    name: str
    hue: str
    stage: Stage | None = None
    ask: bool = False
    is_closed: bool = False
    totals: list[Total] = field(default_factory=list)
    cards: SafeString = field(default_factory=SafeString)
    more: str = ""
    folded: bool = False

    @property
    def role(self) -> str:
        return self.stage.role if self.stage else Role.OPEN

    @property
    def is_archived(self) -> bool:
        return self.is_closed or (self.stage is not None and self.stage.archived_at is not None)

    @property
    def asks_probability(self) -> bool:
        return self.stage is not None and self.stage.default_probability is None

    @property
    def count(self) -> int:
        return sum(total.count for total in self.totals)

    @cached_property
    def _sums(self) -> list[Sum]:
        return by_currency(self.totals)

    @property
    def main_sum(self) -> Sum | None:
        """What the head shows at once, in one line whatever the number of currencies: of the most used one."""
        return self._sums[0] if self._sums else None

    @property
    def other_sums(self) -> list[Sum]:
        """What the head shows when it is asked for."""
        return self._sums[1:]


def by_currency(totals: Sequence[Total]) -> list[Sum]:
    """The sums by currency, the most used one first."""
    found: dict[str, list[Total]] = {}
    for total in totals:
        found.setdefault(total.currency, []).append(total)
    ranked = sorted(found.items(), key=lambda item: -sum(total.count for total in item[1]))
    amounts = [
        (currency, sum((one.amount for one in those), Decimal(0)), sum((one.weighted for one in those), Decimal(0)))
        for currency, those in ranked
    ]
    return [
        Sum(money(amount, currency), money(weighted, currency) if weighted else "")
        for currency, amount, weighted in amounts
        if amount
    ]


class Grouping(ABC):
    """`stages`: of the pipeline, in the order of a board. `members`: the team's names by user id, when it is needed.

    `action`: what moving a card to another column is called in its address. `way`: where a card's own link leads that
    moves it without JavaScript. `names_stage`: the cards say in which stage they are. `weighs`: the columns' heads
    show the weighted sums, too. `as_of`: what the columns depend on besides the deals.
    """

    action = "move"
    way = "move/"
    names_stage = False
    weighs = False
    as_of: Hashable = None

    def __init__(self, stages: Sequence[Stage], members: Callable[[], Mapping[str, str]]) -> None:
        self.stages = stages
        self.members = members

    @property
    @abstractmethod
    def lane(self) -> Any:
        """The key of a deal's column as an expression of SQL."""

    @abstractmethod
    def key(self, card: Card) -> Hashable:
        """The key of a card's column."""

    @abstractmethod
    def columns(self, totals: Mapping[Hashable, list[Total]], *, ask_reason: bool) -> list[Column]:
        """The columns in their order, without their cards. `totals`: by the key of the column that they belong to."""

    def first(self, columns: int) -> int:
        """How many cards each of so many columns begins with."""
        return CARDS

    def narrow(self, deals: QuerySet[Deal]) -> QuerySet[Deal]:
        """Those of the deals that such a board shows at all."""
        return deals

    def within(self, deals: QuerySet[Deal], key: Hashable) -> QuerySet[Deal]:
        """Those of the deals that a column holds."""
        return deals.annotate(lane=self.lane).filter(lane=key)

    def among(self, deals: QuerySet[Deal], keys: Collection[Hashable]) -> QuerySet[Deal]:
        """Those of the deals that some columns hold."""
        return deals.annotate(lane=self.lane).filter(lane__in=keys)

    def each(self, composed: Callable[[Hashable], QuerySet[Any, Any]], keys: Iterable[Hashable]) -> list[Sql]:
        """`composed` for every key as SQL. Where the keys differ by a value alone, it is composed once."""
        sql, params = composed(ANY).query.sql_with_params()
        return [(sql, [key if param == ANY else param for param in params]) for key in keys]


class ByStage(Grouping):
    """The board that a pipeline has by itself."""

    @property
    def lane(self) -> Any:
        return F("stage_nimble_id")

    def key(self, card: Card) -> Hashable:
        return card.stage

    def columns(self, totals: Mapping[Hashable, list[Total]], *, ask_reason: bool) -> list[Column]:
        """An archived stage only while it holds deals."""
        found = []
        for stage, color in with_hues(self.stages):
            known = totals.get(stage.nimble_id, [])
            archived = stage.archived_at is not None
            name = _("{stage} (archived)").format(stage=stage.name) if archived else stage.name
            if known or not archived:
                ask = ask_reason and stage.role == Role.LOST
                found.append(Column(str(stage.pk), stage.nimble_id, name, color, stage, ask=ask, totals=known))
        return found


class ByOwner(Grouping):
    """Who has what to do: the team's columns, of the deals that are open."""

    action = "give"
    way = "edit/owner/"
    names_stage = True

    @property
    def lane(self) -> Any:
        return F("owner_id")

    @property
    def as_of(self) -> Hashable:  # type: ignore[override]
        return self._final

    @property
    def _final(self) -> tuple[str, ...]:
        return tuple(stage.nimble_id for stage in self.stages if stage.is_final)

    def narrow(self, deals: QuerySet[Deal]) -> QuerySet[Deal]:
        return deals.exclude(stage_nimble_id__in=self._final)

    def first(self, columns: int) -> int:
        return max(FEWEST_CARDS, min(CARDS, MOST_CARDS // columns))

    def key(self, card: Card) -> Hashable:
        return card.owner

    def columns(self, totals: Mapping[Hashable, list[Total]], *, ask_reason: bool) -> list[Column]:
        """Everybody of the team; who has left it, and nobody, only while they own deals."""
        members = self.members()
        left = sorted(str(owner) for owner in totals if owner and owner not in members)
        names = {**members, **{owner: _("Left the team ({n})").format(n=n) for n, owner in enumerate(left, start=1)}}
        found = [
            Column(owner, owner, name, hue(owner), is_closed=owner not in members, totals=totals.get(owner, []))
            for owner, name in names.items()
        ]
        if nobodys := totals.get(""):
            found.insert(0, Column(NOBODY, "", _("No owner"), "", is_closed=True, totals=nobodys))
        return found


def with_hues(stages: Sequence[Stage]) -> list[tuple[Stage, str]]:
    """The stages, each with its hue."""
    hues = iter(OPEN_HUES * (len(stages) // len(OPEN_HUES) + 1))
    return [(stage, FINAL_HUES.get(Role(stage.role)) or next(hues)) for stage in stages]
