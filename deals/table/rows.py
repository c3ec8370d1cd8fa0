"""The rows of a table: read in as many statements whatever their number, and made in Python, as the cards are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from html import escape
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crmportal import statements
from crmportal.formats import hue
from deals import cards, queries
from deals.cards import Card, Renderer
from deals.models import Deal
from deals.record import reading
from deals.table.columns import Column
from sync import overlay, registry, terms

CARD = len(Card._fields)
LONGEST = 160
# The characters of a cell of tags, of which the edges of each tag take as many as TAG_EDGES, and "+2" as many as MORE.
TAGS_ROOM, TAG_EDGES, MORE = 31, 3, 5
EXTRA = {"description": "description", "actual_close_date": "actual_close", "created": "created_in_nimble"}


@dataclass(frozen=True, slots=True)
class Row:
    """A deal as a table shows it. `values`: of the columns that a card does not have, by their names."""

    card: Card
    values: dict[str, Any]


def read(pks: Sequence[int], columns: Sequence[Column], user: Any) -> list[Row]:
    """The rows of some deals in this order, of those that this person sees: a statement, two with fields of the
    pipeline's own.
    """
    given = statements.stand_ins(pks)
    extra = [EXTRA[column.name] for column in columns if column.name in EXTRA]
    own = [column.name for column in columns if column.field]
    names = [name for name in EXTRA if EXTRA[name] in extra]
    more = (*(EXTRA[name] for name in names), *(["remote"] if own else []))

    def composed() -> QuerySet[Deal, Any]:
        return cards.query(queries.for_user(user).filter(pk__in=list(given)), user, *more)

    listed = statements.rows(("table rows", queries.asking(user), more, len(given)), composed, given)
    found = {row[0]: row for row in listed}
    edits = overlay.open_edits(Deal.kind, list(found)) if own else {}
    resource = registry.resource(Deal.kind)
    rows = []
    for pk in pks:
        if pk not in found:
            continue
        row = found[pk]
        values = dict(zip(names, row[CARD:], strict=False))
        if own:
            shown = overlay.overlaid(resource.values(row[-1]), edits.get(pk, []))
            values |= {name: shown.get(name) for name in own}
        rows.append(Row(Card._make(row[:CARD]), values))
    return rows


class Cells:
    """What the cells of a table say, as text and as HTML. What many cells share is made once."""

    def __init__(self, columns: Sequence[Column], renderer: Renderer, members: Mapping[str, str]) -> None:
        self.columns = columns
        self.renderer = renderer
        self.members = members
        self.today = timezone.localdate()
        self.tags = cache(_tags)
        self.plain = cache(self._plain)

    def rows(self, rows: Iterable[Row], *, above: bool = False) -> SafeString:
        """The rows as the body of a table. `above`: they belong above the first one that a page has."""
        mark = " data-above" if above else ""
        return mark_safe("".join([self._row(row, mark) for row in rows]))  # noqa: S308 each part is escaped

    def _row(self, row: Row, mark: str) -> str:
        card = row.card
        name = escape(card.name or self.renderer.unnamed)
        editable = self.renderer.editable and not card.locked
        state = self.renderer.states.get(card.edit_state, "") if card.edit_state else ""
        unsure = " data-no-probability" if card.probability is None else ""
        stage = self.renderer.stages.get(card.stage)
        stands = f' data-stage="{stage.pk}"' if stage else ""
        url = f"{self.renderer.root}{card.pk}/"
        choose = escape(_("Choose {title}").format(title=card.name or self.renderer.unnamed))
        parts = [
            f'<tr id="deal-{card.pk}" data-deal="{card.pk}" data-rev="{card.rev}"{stands}{unsure}{mark}'
            f' data-editable="{int(editable)}">'
            f'<th scope="row" tabindex="-1"><input type="checkbox" class="js-only" tabindex="-1" aria-label="{choose}">'
            f'<span class="named"><a class="t" href="{url}" data-drawer tabindex="-1" dir="auto">{name}</a>'
            f"{state}</span></th>"
        ]
        for column in self.columns[1:]:
            number = " data-number" if column.is_number else ""
            readonly = "" if editable and column.edit else ' aria-readonly="true"'
            parts.append(f'<td tabindex="-1"{number}{readonly}>{self._html(column, row)}</td>')
        parts.append("</tr>")
        return "".join(parts)

    def _html(self, column: Column, row: Row) -> str:
        card = row.card
        if column.name == "stage":
            stage = self.renderer.stages.get(card.stage)
            return escape(stage.name) if stage else ""
        if column.kind == "close":
            stage = self.renderer.stages.get(card.stage)
            is_open = stage is None or not stage.is_final
            return self.renderer.close(card.expected_close, is_open) if card.expected_close else ""
        if column.name == "tags":
            return self.tags(card.tag_index) if card.tag_index else ""
        text = self.text(column, row)
        short = text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"
        return f"<bdi>{escape(short)}</bdi>" if column.kind in ("string", "long_string") else escape(short)

    def text(self, column: Column, row: Row) -> str:
        """What a cell says, in the reader's locale."""
        card, name = row.card, column.name
        if column.field:
            values = row.values.get(name) or []
            items = [reading(column.kind, one, column.field, currency="", members=self.members) for one in values]
            return ", ".join(item for item in items if item)
        if name == "stage":
            stage = self.renderer.stages.get(card.stage)
            return stage.name if stage else ""
        if name == "tags":
            return ", ".join(terms.unpack(card.tag_index))
        return self.plain(column.kind, self.value(column, row), card.currency)

    def value(self, column: Column, row: Row) -> Any:
        """The value of a standard column's cell."""
        card = row.card
        known = {
            "name": card.name,
            "amount": card.amount,
            "currency": card.currency,
            "expected_close_date": card.expected_close,
            "probability": card.probability,
            "owner": card.owner,
            "company": card.company,
            "age": card.stage_since,
            "updated": card.updated,
        }
        return known[column.name] if column.name in known else row.values.get(column.name)

    def _plain(self, kind: str, value: Any, currency: str) -> str:
        if kind == "days" and isinstance(value, datetime):
            return self.renderer.days(max((self.renderer.now - value).days, 0))
        if kind == "moment" and isinstance(value, datetime):
            value = timezone.localtime(value).date()
        if isinstance(value, date):
            return self.renderer.day(value)
        return reading(kind, value, currency=currency, members=self.members)


def _tags(tag_index: str) -> str:
    """As many tags as a cell has room for, one at least, and how many there are besides."""
    names = terms.unpack(tag_index)
    widths = [len(name) + TAG_EDGES for name in names]
    shown = len(names)
    while shown > 1 and sum(widths[:shown]) + (MORE if shown < len(names) else 0) > TAGS_ROOM:
        shown -= 1
    tags = "".join([f'<span class="tag {hue(name)}" dir="auto">{escape(name)}</span>' for name in names[:shown]])
    rest = escape(", ".join(names[shown:]))
    more = f'<span class="tag"><span aria-hidden="true">+{len(names) - shown}</span>' if rest else ""
    more += f'<span class="sr-only">{rest}</span></span>' if rest else ""
    return f'<span class="tags" title="{escape(", ".join(names))}">{tags}{more}</span>'
