"""What a board shows, as its address says it: owner, text, tag, what reports lead to, in which order, how grouped."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from deals import criteria, queries
from deals.groupings import FORECAST, GROUPINGS
from deals.models import Deal


class Chip(NamedTuple):
    """A filter that is on: what it says, and the address without it."""

    text: str
    without: str


class Order(NamedTuple):
    """How the cards of a column are sorted. Deals without a value come last, whatever the direction.

    `column`: of the deal; `card`: the card's name for it.
    """

    label: Any
    column: str
    card: str
    descending: bool


# By what the address calls them; "" is the usual one.
ORDERS = {
    "": Order(_lazy("Last change"), "updated_in_nimble", "updated", descending=True),
    "amount": Order(_lazy("Amount"), "amount", "amount", descending=True),
    "close": Order(_lazy("Expected close"), "expected_close", "expected_close", descending=False),
    "name": Order(_lazy("Name"), "sort_name", "sort_name", descending=False),
    "age": Order(_lazy("Longest in the stage"), "stage_since", "stage_since", descending=False),
}
# What the columns of a board can be, of all groupings.
COLUMNS = {"": _lazy("Stages"), "owner": _lazy("Owners")}


@dataclass(frozen=True)
class Filters:
    """The filters of a board or table; the order and the grouping of its cards, and what a table is sorted `by`.

    From `status` on: see `deals.criteria`.
    """

    q: str = ""
    owner: str = ""
    tag: str = ""
    sort: str = ""
    group: str = ""
    by: str = ""
    status: str = ""
    stage: str = ""
    reached: str = ""
    entered: str = ""
    left: str = ""
    closed: str = ""
    close: str = ""
    created: str = ""
    since: str = ""
    reason: str = ""
    currency: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        """The filters of an address, or of what a form sent along."""
        sort, group = query.get("sort", ""), query.get("group", "")
        return cls(
            sort=sort if sort in ORDERS else "",
            group=group if group in GROUPINGS else "",
            by=query.get("by", "").replace("\x00", "")[:80],
            q=query.get("q", "").replace("\x00", "").strip()[:200],
            owner=query.get("owner", "").replace("\x00", "")[:64],
            tag=query.get("tag", "").replace("\x00", "").strip()[:255],
            **criteria.cleaned(query),
        )

    @property
    def criteria(self) -> dict[str, str]:
        """The filters of `deals.criteria`, "" where one is off."""
        return {name: getattr(self, name) for name in criteria.NAMES}

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What is on beside the inputs of a board's form, for it to send along."""
        return [(name, value) for name, value in self._kept() if value]

    def _kept(self) -> list[tuple[str, str]]:
        return [("group", self.group), ("by", self.by), *self.criteria.items()]

    @property
    def order(self) -> Order:
        return ORDERS[self.sort]

    @property
    def orders(self) -> list[tuple[str, Any]]:
        """The orders on offer, with what they are called."""
        return [(name, order.label) for name, order in ORDERS.items()]

    @property
    def groups(self) -> list[tuple[str, Any, bool]]:
        """What the columns can be: the query string, what it is called, and whether they are that."""
        return [(replace(self, group=name).query(), label, name == self.group) for name, label in COLUMNS.items()]

    @property
    def narrowing(self) -> bool:
        """Whether any filter hides something."""
        return bool(self.q or self.owner or self.tag or any(self.criteria.values()))

    @property
    def cleared(self) -> str:
        """The query string of the same order and grouping without any filter."""
        return Filters(sort=self.sort, group=self.group, by=self.by).query()

    @property
    def as_board(self) -> str:
        """The query string of the board or table with the same filters."""
        return self.query(group="" if self.group == FORECAST else self.group)

    @property
    def as_forecast(self) -> str:
        """The query string of the forecast with the same filters."""
        return self.query(group=FORECAST)

    def made_of(self, known: Sequence[queries.Laid]) -> Hashable:
        """What the SQL of these filters is made of besides themselves: the stages of `known`, and when days begin."""
        stages = [stage for laid in known for stage in laid.stages] if self.reached else []
        places = tuple((stage.pk, stage.nimble_id, criteria.place(stage)) for stage in stages)
        return places, timezone.get_current_timezone_name()

    def apply(self, deals: QuerySet[Deal], user: Any) -> QuerySet[Deal]:
        """The deals that the filters leave."""
        deals = queries.filtered(deals, user, owner=self.owner, text=self.q, tag=self.tag)
        return criteria.apply(deals, self.criteria, user)

    def query(self, **more: Any) -> str:
        """The query string ("" or "?…") of these filters, and of whatever else the address says."""
        kept = {name: value for name, value in {**asdict(self), **more}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def chips(self, path: str, owners: dict[str, str], user: Any) -> list[Chip]:
        """The filters that are on, each with the way to take it off."""
        texts = {
            "q": f"“{self.q}”" if self.q else "",
            "owner": _("Owner: {owner}").format(owner=owners.get(self.owner, self.owner)) if self.owner else "",
            "tag": _("Tag: {tag}").format(tag=self.tag) if self.tag else "",
            **criteria.texts(self.criteria, user),
        }
        return [Chip(text, path + replace(self, **{name: ""}).query()) for name, text in texts.items() if text]
