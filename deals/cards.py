"""The board's cards as HTML. Hundreds are on a page, so they are made in Python: the template language takes ten times
as long. Whatever comes from a record goes through `escape`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from babel.dates import format_date, format_skeleton, format_timedelta
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crmportal.formats import hue, initials, locale, money
from deals import queries
from deals.models import SEPARATOR, Deal, Stage
from sync.models import State

SOON_DAYS = 7
MOST_TAGS = 3


class Card(NamedTuple):
    """What a card shows of a deal, in the order in which `read` asks for it."""

    pk: int
    rev: int
    name: str
    amount: Decimal | None
    currency: str
    expected_close: date | None
    owner: str
    stage: str
    stage_since: datetime | None
    tag_index: str
    updated: datetime | None
    locked: bool
    edit: dict[str, Any] | None
    company: str | None

    @property
    def edit_state(self) -> str:
        return self.edit["state"] if self.edit else ""


def read(deals: QuerySet[Deal], user: Any) -> list[Card]:
    """The cards of some deals, in their order. One statement."""
    columns = (
        "pk", "rev", "name", "amount", "currency", "expected_close", "owner_id", "stage_nimble_id", "stage_since",
        "tag_index", "updated_in_nimble", "locked", "edit", "company",
    )  # fmt: skip
    return [Card._make(row) for row in queries.with_card(deals, user).values_list(*columns)]


@dataclass(frozen=True)
class Renderer:
    """Renders cards for one reader. `editable`: whether anything here can be edited at all."""

    stages: Mapping[str, Stage]
    members: Mapping[str, str]
    editable: bool = True

    def cards(self, cards: Iterable[Card]) -> SafeString:
        """The cards as the items of a column's list."""
        words = _words()
        return mark_safe("".join([self._card(card, words) for card in cards]))  # noqa: S308 each part is escaped

    def out_of_band(self, cards: Iterable[Card]) -> SafeString:
        """The cards as they go to wherever they belong on a board that is open."""
        words = _words()
        return mark_safe("".join([self._card(card, words, out_of_band=True) for card in cards]))  # noqa: S308

    def _card(self, card: Card, words: "Words", *, out_of_band: bool = False) -> str:
        pk = card.pk
        stage = self.stages.get(card.stage)
        name = escape(card.name or words.unnamed)
        owner = self.members.get(card.owner, "")
        url = f"{words.root}{pk}/"
        editable = self.editable and not card.locked
        to = f' hx-swap-oob="true" data-stage="{stage.pk}"' if out_of_band and stage else ""
        parts = [
            f'<li class="card" id="deal-{pk}" tabindex="-1" data-deal="{pk}" data-rev="{card.rev}"'
            f' data-editable="{int(editable)}"{to}><a class="t" href="{url}" data-drawer>{name}</a>'
        ]
        if owner:
            parts.append(
                f'<span class="avatar {hue(card.owner)}" title="{escape(owner)}">{escape(initials(owner))}</span>'
            )
        if card.company:
            parts.append(f'<p class="c">{escape(card.company)}</p>')
        if card.tag_index:
            parts.append(_tags(card.tag_index))
        parts.append(f'<div class="m"><b>{escape(money(card.amount, card.currency))}</b>')
        if card.expected_close:
            parts.append(_close(card.expected_close, words, is_open=stage is None or not stage.is_final))
        if card.edit:
            parts.append(words.states.get(card.edit["state"], ""))
        if card.stage_since and stage and not stage.is_final:
            parts.append(_age(card.stage_since, stage, words))
        if editable:
            parts.append(f'<a class="v" href="{url}move/" aria-label="{words.move} {name}"></a>')
        parts.append("</div></li>")
        return "".join(parts)


class Words(NamedTuple):
    """What is the same on every card of a page."""

    locale: str
    today: date
    now: datetime
    root: str
    unnamed: str
    move: str
    close: str
    age: str
    states: dict[str, str]


def _words() -> Words:
    saved = _state("saved", _("Saved here"), _("Kept here; it goes to Nimble by itself."))
    needs = _state("needs-you", _("Needs you"), "")
    return Words(
        locale=locale(),
        today=timezone.localdate(),
        now=timezone.now(),
        root=reverse("deals:index"),
        unnamed=_("Unnamed"),
        move=escape(_("Move to…")),
        close=escape(_("Expected close")),
        age=escape(_("In this stage")),
        states={
            State.PENDING: saved,
            State.RETRYING: saved,
            State.SENDING: _state("sent", _("Sent"), _("On its way; Nimble has not answered yet.")),
            **dict.fromkeys((State.CONFLICT, State.REJECTED, State.FAILED, State.AMBIGUOUS, State.BLOCKED), needs),
        },
    )


def _state(name: str, text: str, title: str) -> str:
    about = f' title="{escape(title)}"' if title else ""
    return f'<span class="edit-state" data-state="{name}"{about}>{escape(text)}</span>'


def _tags(tag_index: str) -> str:
    tags = tag_index.strip(SEPARATOR).split(SEPARATOR)
    shown = "".join([f'<span class="tag {hue(tag)}">{escape(tag)}</span>' for tag in tags[:MOST_TAGS]])
    more = f'<span class="tag">+{len(tags) - MOST_TAGS}</span>' if len(tags) > MOST_TAGS else ""
    return f'<p class="g">{shown}{more}</p>'


def _close(day: date, words: Words, *, is_open: bool) -> str:
    left = (day - words.today).days
    kind = ' class="past"' if is_open and left < 0 else ' class="soon"' if is_open and left <= SOON_DAYS else ""
    text = day_text(day, words.locale, day.year == words.today.year)
    return f'<time{kind} datetime="{day.isoformat()}" title="{words.close}">{escape(text)}</time>'


def _age(since: datetime, stage: Stage, words: Words) -> str:
    days = max((words.now - since).days, 0)
    old = " old" if stage.expected_days is not None and days > stage.expected_days else ""
    return f'<span class="age{old}" title="{words.age}">{escape(_days(days, words.locale))}</span>'


@lru_cache(maxsize=4096)
def day_text(day: date, name: str, this_year: bool) -> str:
    """A day in few words: without the year while it is this one."""
    if this_year:
        return format_skeleton("MMMd", day, locale=name)
    return format_date(day, format="medium", locale=name)


@lru_cache(maxsize=1024)
def _days(days: int, name: str) -> str:
    return format_timedelta(days * 86400, granularity="day", threshold=1e9, format="narrow", locale=name)
