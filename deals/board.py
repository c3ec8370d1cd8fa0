"""The board of a pipeline: its columns with counts and sums over all deals, and the first cards of each.

Counts and sums are never taken from the cards, and never added across currencies.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from contacts import keyset
from contacts import queries as contacts
from crmportal import statements
from crmportal.formats import number
from deals import cards, queries
from deals.cards import Card, Renderer
from deals.display import Display
from deals.filters import Filters
from deals.grouping import ANY, CARDS, Column, by_currency, with_hues
from deals.groupings import GROUPINGS
from deals.models import Deal, Stage
from deals.queries import ON_ITS_WAY, Laid
from deals.totals import Total, add_up


class Board:
    """What the board of one pipeline needs of the database; each part is read once, and only when it is asked for.

    `touched`: the ids of the columns that are wanted alone, None for all. Without the others there is no summary.
    """

    def __init__(
        self,
        user: Any,
        known: Sequence[Laid],
        chosen: Laid,
        filters: Filters,
        *,
        grouped: bool = True,
        touched: Collection[str] | None = None,
    ) -> None:
        self.user = user
        self.touched = touched
        self.pipelines = [laid.pipeline for laid in known]
        self.pipeline = chosen.pipeline
        self.asks_reason = chosen.has_reasons
        # In Nimble's order, the final ones last.
        self.stages = sorted(chosen.stages, key=lambda stage: (stage.is_final, stage.position))
        self.filters = filters
        self.display = Display.of(chosen.display)
        self.grouping = GROUPINGS[filters.group if grouped else ""](self.stages, lambda: self.members)
        # What `deals` and their columns depend on.
        columns = (type(self.grouping), self.grouping.as_of)
        self.key = (queries.asking(user), self.pipeline.nimble_id, filters, filters.made_of(known), columns)

    @cached_property
    def deals(self) -> QuerySet[Deal]:
        """All that the filters leave of the pipeline's deals that this person may see."""
        visible = queries.for_user(self.user).filter(pipeline_nimble_id=self.pipeline.nimble_id)
        return self.grouping.narrow(self.filters.apply(visible, self.user))

    def ordered(self, deals: QuerySet[Deal]) -> QuerySet[Deal]:
        """In the order of the columns' cards."""
        order = self.filters.order
        return keyset.ordered(deals, order.column, descending=order.descending, nulls_first=False)

    @cached_property
    def totals(self) -> list[Total]:
        if self.touched is None:
            return add_up(lambda: self.deals, self.key, self.stages, self.grouping.lane)
        keys = [column.key for column in self.grouping.columns({}, ask_reason=False) if column.id in self.touched]
        given = {f"{ANY}{n}": key for n, key in enumerate(keys)}
        return add_up(
            lambda: self.grouping.among(self.deals, list(given)),
            (self.key, len(given)),
            self.stages,
            self.grouping.lane,
            given,
        )

    @cached_property
    def members(self) -> dict[str, str]:
        return contacts.members(self.user)

    @property
    def owners(self) -> SafeString:
        """The team as the options of the filter by owner: made in Python, as there can be many."""
        options = [
            f'<option value="{escape(pk)}"{" selected" if pk == self.filters.owner else ""}>{escape(name)}</option>'
            for pk, name in self.members.items()
        ]
        return mark_safe("".join(options))  # noqa: S308 each part is escaped

    @cached_property
    def renderer(self) -> Renderer:
        stages = {stage.nimble_id: stage for stage in self.stages}
        return Renderer(
            stages,
            self.members,
            editable=self.pipeline.archived_at is None,
            shown=self.display.shown,
            column=lambda card: self.ids.get(self.grouping.key(card)),
            way=self.grouping.way,
            names_stage=self.grouping.names_stage,
        )

    @cached_property
    def ids(self) -> dict[Hashable, str]:
        """The columns' ids by what their deals have in common."""
        return {column.key: column.id for column in self.columns}

    @cached_property
    def columns(self) -> list[Column]:
        """Without their cards."""
        by_lane: dict[Hashable, list[Total]] = {}
        for total in self.totals:
            by_lane.setdefault(total.lane, []).append(total)
        found = self.grouping.columns(by_lane, ask_reason=self.asks_reason)
        if self.touched is not None:
            found = [column for column in found if column.id in self.touched]
        for column in found:
            column.folded = column.stage is not None and column.stage.pk in self.display.folded
        return found

    @property
    def goals(self) -> list[tuple[Stage, str]]:
        """The stages that take deals, each with its hue."""
        return [(stage, hue) for stage, hue in with_hues(self.stages) if stage.archived_at is None]

    @cached_property
    def first(self) -> list[Card]:
        """The first cards of every column: one statement."""
        keys = tuple(column.key for column in self.columns)
        if not keys:
            return []
        found = statements.rows(("first", self.key, keys), lambda: self._first(keys))
        return [Card._make(row) for row in found]

    def _first(self, keys: Sequence[Hashable]) -> QuerySet[Deal, Any]:
        size = self.grouping.first(len(keys))
        each = self.grouping.each(
            lambda key: self.ordered(self.grouping.within(self.deals, key))[:size].values("pk"), keys
        )
        # Each part may be limited on its own only inside a FROM; an OR of such parts would not use an index.
        parts = [f"SELECT s{i}.pk FROM ({sql}) AS s{i}" for i, (sql, _params) in enumerate(each)]  # noqa: S608 the ORM's
        given = [param for _sql, params in each for param in params]
        chosen = RawSQL(" UNION ALL ".join(parts), given)  # noqa: S611 values are parameters
        return cards.query(self.ordered(Deal.objects.filter(pk__in=chosen)), self.user)

    def filled(self) -> list[Column]:
        """The columns with their first cards."""
        by_lane: dict[Hashable, list[Card]] = {}
        for card in self.first:
            by_lane.setdefault(self.grouping.key(card), []).append(card)
        for column in self.columns:
            shown = by_lane.get(column.key, [])
            column.cards = self.renderer.cards(shown)
            if shown and column.count > len(shown):
                column.more = self.filters.query(after=self.place(shown[-1]), top=self.place(shown[0]))
        return self.columns

    def following(self, column_: Column, after: str, top: str) -> "Following":
        """The cards of a column after a place; and those that came above the first one since it was read."""
        deals = self.grouping.within(self.deals, column_.key)
        column, descending = self.filters.order.column, self.filters.order.descending
        page = keyset.page(
            deals.only("pk", column),
            column,
            {"after": after},
            descending=descending,
            size=CARDS,
            nulls_first=False,
        )
        newer = keyset.decode(top, Deal, column)
        ids = [deal.pk for deal in page.rows]
        arrived = []
        if newer:
            back: dict[str, bool] = {"descending": not descending, "nulls_first": True}
            nearest_first = keyset.ordered(deals.filter(keyset.beyond(column, *newer, **back)), column, **back)
            arrived = list(nearest_first.values_list("pk", flat=True)[:CARDS])
        found = self._cards("page", ids + arrived, lambda pks: self.ordered(Deal.objects.filter(pk__in=pks)))
        new = set(arrived)
        above_cards = [card for card in found if card.pk in new]
        more = ""
        if page.after:
            more = self.filters.query(after=page.after, top=self.place(above_cards[0]) if above_cards else top)
        return Following([card for card in found if card.pk not in new], above_cards, more)

    def place(self, card: Card) -> str:
        """The place of a card in its column."""
        order = self.filters.order
        return keyset.encode(Deal(pk=card.pk, **{order.column: getattr(card, order.card)}), order.column)

    def some(self, pks: Sequence[int]) -> list[Card]:
        """The cards of some deals of this pipeline; the filters do not hide what was just touched."""
        here = {"pipeline_nimble_id": self.pipeline.nimble_id}
        return self._cards(
            "some",
            pks,
            lambda pks: self.grouping.narrow(queries.for_user(self.user).filter(pk__in=pks, **here)),
        )

    def listed(self, pks: Iterable[int]) -> list[Card]:
        """The cards of some deals of this board, in the order of its columns."""
        return self._cards("listed", pks, lambda pks: self.ordered(self.deals.filter(pk__in=pks)))

    def _cards(self, name: str, pks: Iterable[int], deals: Callable[[list[int]], QuerySet[Deal]]) -> list[Card]:
        """The cards of `deals`, which are made of the primary keys. `name` says how."""
        given = statements.stand_ins(pks)
        key = (name, self.key, len(given))
        found = statements.rows(key, lambda: cards.query(deals(list(given)), self.user), given)
        return [Card._make(row) for row in found]

    def holds(self, pks: Iterable[int]) -> set[int]:
        """Which of these deals stand on this board."""
        given = statements.stand_ins(pks)
        key = ("holds", self.key, len(given))
        found = statements.rows(key, lambda: self.deals.filter(pk__in=list(given)).values_list("pk"), given)
        return {pk for (pk,) in found}

    def places(self, shown: Sequence[Card]) -> dict[int, int]:
        """By deal the one that stands above it in its column, 0 for none. One statement.

        Not of those whose place nobody knows: without a value to sort by, or on their way to Nimble, which will say
        when they were changed last.
        """
        order = self.filters.order
        known = [
            card.pk
            for card in shown
            if getattr(card, order.card) is not None and (self.filters.sort or card.edit_state not in ON_ITS_WAY)
        ]
        given = statements.stand_ins(known)

        def composed() -> QuerySet[Deal, Any]:
            column = self.deals.annotate(lane=self.grouping.lane).filter(lane=OuterRef("lane"))
            before = column.filter(keyset.above(order.column, descending=order.descending))
            nearest = keyset.ordered(before, order.column, descending=not order.descending, nulls_first=True)
            found = Deal.objects.filter(pk__in=list(given)).annotate(lane=self.grouping.lane)
            return found.annotate(above=Subquery(nearest.values("pk")[:1])).values_list("pk", "above")

        return {pk: above or 0 for pk, above in statements.rows(("places", self.key, len(given)), composed, given)}

    # --- what stands above the columns ---

    @property
    def open_count(self) -> int:
        return sum(total.count for total in self.going)

    @property
    def going(self) -> list[Total]:
        """The totals of the open stages."""
        final = {stage.nimble_id for stage in self.stages if stage.is_final}
        return [total for total in self.totals if total.stage not in final]

    @property
    def stats(self) -> list[dict[str, Any]]:
        """The summary strip: of the open stages, except what is not in Nimble yet."""
        going = self.going
        unsent = sum(total.unsent for total in self.totals)
        found = [
            {
                "label": _("Open"),
                "value": " · ".join(one.amount for one in by_currency(going)) or number(self.open_count),
            }
        ]
        found.append({"label": _("Closing this month"), "value": number(sum(total.closing for total in going))})
        if unsent:
            found.append({"label": _("Not yet in Nimble, from everybody"), "value": number(unsent)})
        return found


@dataclass(frozen=True)
class Following:
    """The next cards of a column, those that arrived above meanwhile, and the address of the rest."""

    cards: list[Card]
    above: list[Card]
    more: str


def open_board(
    user: Any, pk: int, filters: Filters, *, grouped: bool = True, touched: Collection[str] | None = None
) -> Board | None:
    """The board of one of the person's pipelines; None for one that they have not.

    Not `grouped`: of all deals by stage, whatever the filters say of columns. `touched`: these columns alone.
    """
    known = queries.laid_out(user)
    chosen = next((one for one in known if one.pipeline.pk == pk), None)
    return Board(user, known, chosen, filters, grouped=grouped, touched=touched) if chosen else None
