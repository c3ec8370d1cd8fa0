"""The board's cards as HTML. Hundreds are on a page, so they are made in Python: the template language takes ten times
as long. Whatever comes from a record goes through `escape`.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from html import escape
from typing import Any, NamedTuple

from babel.dates import format_date, format_skeleton
from babel.numbers import format_percent
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crmportal import formats
from crmportal.formats import hue, initials, locale, money
from deals import queries
from deals.display import USUAL
from deals.mapping import sorted_by
from deals.models import Deal, Stage
from sync import terms
from sync.models import NEEDS_PERSON, State

SOON_DAYS = 7
MOST_TAGS = 3


class Card(NamedTuple):
    """What a card shows of a deal, in the order in which `query` asks for it."""

    pk: int
    rev: int
    name: str
    amount: Decimal | None
    currency: str
    expected_close: date | None
    probability: int | None
    owner: str
    stage: str
    stage_since: datetime | None
    tag_index: str
    updated: datetime | None
    locked: bool
    edit_state: str | None
    company: str | None

    @property
    def sort_name(self) -> str:
        """What its name is sorted by, as the deal's column has it."""
        return sorted_by(self.name)


def query(deals: QuerySet[Deal], user: Any, *more: str) -> QuerySet[Deal, Any]:
    """The values of the cards of some deals, in their order; `more` columns of the deals after them."""
    columns = (
        "pk", "rev", "name", "amount", "currency", "expected_close", "probability", "owner_id", "stage_nimble_id",
        "stage_since", "tag_index", "updated_in_nimble", "locked", "edit_state", "company",
    )  # fmt: skip
    return queries.with_card(deals, user).values_list(*columns, *more)


class Renderer:
    """Renders cards for one reader. `editable`: whether anything here can be edited at all. `shown`: what the cards
    show of `deals.display.FIELDS`. `column`: the id of a card's column, None where it stands in none; `way`: where its
    own link leads that moves it; `names_stage`: it says in which stage it is.

    What many cards share (an owner, tags, a day, an amount) is made once.
    """

    def __init__(
        self,
        stages: Mapping[str, Stage],
        members: Mapping[str, str],
        *,
        editable: bool = True,
        shown: Container[str] = USUAL,
        column: Callable[[Card], str | None] | None = None,
        way: str = "move/",
        names_stage: bool = False,
    ) -> None:
        self.names_stage = names_stage
        self.column = column or (lambda card: str(stages[card.stage].pk) if card.stage in stages else None)
        self.way = way
        self.shows_owner, self.shows_company, self.shows_tags = (name in shown for name in ("owner", "company", "tags"))
        self.shows_close, self.shows_age = "close" in shown, "age" in shown
        self.shows_probability = "probability" in shown
        self.stages = stages
        self.members = members
        self.editable = editable
        self.locale = locale()
        self.today = timezone.localdate()
        self.now = timezone.now()
        self.root = reverse("deals:index")
        self.unnamed = _("Unnamed")
        self.move = escape(_("Move to…"))
        self.states = _states()
        self.owner = cache(self._owner)
        self.tags = cache(_tags)
        self.amount = cache(self._amount)
        self.close = cache(self._close)
        self.probability = cache(self._probability)
        self.age = cache(self._age)

    def cards(self, cards: Iterable[Card]) -> SafeString:
        """The cards as the items of a column's list."""
        return mark_safe("".join([self._card(card) for card in cards]))  # noqa: S308 each part is escaped

    def out_of_band(self, cards: Iterable[Card]) -> SafeString:
        """The cards as they go to wherever they belong on a board that is open."""
        return mark_safe("".join([self._card(card, out_of_band=True) for card in cards]))  # noqa: S308

    def _card(self, card: Card, *, out_of_band: bool = False) -> str:
        pk = card.pk
        stage = self.stages.get(card.stage)
        name = escape(card.name or self.unnamed)
        url = f"{self.root}{pk}/"
        editable = self.editable and not card.locked
        column = self.column(card) if out_of_band else None
        to = f' hx-swap-oob="true" data-stage="{escape(column)}"' if column else ""
        is_open = stage is None or not stage.is_final
        about = card.company if card.company and self.shows_company else ""
        if self.names_stage and stage:
            about = f"{stage.name} · {about}" if about else stage.name
        company = f'<p class="c">{escape(about)}</p>' if about else ""
        tags = self.tags(card.tag_index) if card.tag_index and self.shows_tags else ""
        unsure = " data-no-probability" if card.probability is None else ""
        close = self.close(card.expected_close, is_open) if card.expected_close and self.shows_close else ""
        state = self.states.get(card.edit_state, "") if card.edit_state else ""
        age = ""
        if self.shows_age and card.stage_since and stage and is_open:
            since = card.stage_since
            age = self.age(max((self.now - since).days, 0), stage.expected_days, timezone.localdate(since))
        owner = self.owner(card.owner) if self.shows_owner else ""
        probability = self.probability(card.probability) if self.shows_probability else ""
        way = f'<a class="v" href="{url}{self.way}" aria-label="{self.move} {name}"></a>' if editable else ""
        return (
            f'<li class="card" id="deal-{pk}" tabindex="-1" data-deal="{pk}" data-rev="{card.rev}"{unsure}'
            f' data-editable="{int(editable)}"{to}><a class="t" href="{url}" data-drawer>{name}</a>'
            f"{owner}{company}{tags}"
            f'<div class="m"><b>{self.amount(card.amount, card.currency)}</b>'
            f"{probability}{close}{state}{age}{way}</div></li>"
        )

    # --- parts that many cards share ---

    def day(self, day: date) -> str:
        """A day in few words."""
        return _day(day, self.locale, day.year == self.today.year)

    def days(self, number: int) -> str:
        """An age in few letters."""
        return formats.age(number, self.locale)

    def _owner(self, owner: str) -> str:
        name = self.members.get(owner, "")
        if not name:
            return ""
        return f'<span class="avatar {hue(owner)}" title="{escape(name)}">{escape(initials(name))}</span>'

    def _amount(self, amount: Decimal | None, currency: str) -> str:
        return escape(money(amount, currency, self.locale))

    def _probability(self, percent: int | None) -> str:
        if percent is None:
            return ""
        text = format_percent(percent / 100, locale=self.locale)
        return f'<span title="{escape(_("Probability"))}">{escape(text)}</span>'

    def _close(self, day: date, is_open: bool) -> str:
        left = (day - self.today).days
        kind = ' class="past"' if is_open and left < 0 else ' class="soon"' if is_open and left <= SOON_DAYS else ""
        text = self.day(day)
        title = escape(_("Expected close"))
        return f'<time{kind} datetime="{day.isoformat()}" title="{title}">{escape(text)}</time>'

    def _age(self, days: int, expected: int | None, since: date) -> str:
        old = " old" if expected is not None and days > expected else ""
        title = escape(_("In this stage since {day}").format(day=formats.day(since)))
        return f'<span class="age{old}" title="{title}">{escape(self.days(days))}</span>'


def _states() -> dict[str, str]:
    saved = _state("saved", _("Saved here"), _("Kept here; it goes to Nimble by itself."))
    needs = _state("needs-you", _("Needs you"), "")
    return {
        State.PENDING: saved,
        State.RETRYING: saved,
        State.SENDING: _state("sent", _("Sent"), _("On its way; Nimble has not answered yet.")),
        **dict.fromkeys(NEEDS_PERSON, needs),
        queries.OF_A_COLLEAGUE: _state("needs-you", _("Waits for its author"), ""),
    }


def _state(name: str, text: str, title: str) -> str:
    about = f' title="{escape(title)}"' if title else ""
    return f'<span class="edit-state" data-state="{name}"{about}>{escape(text)}</span>'


def _tags(tag_index: str) -> str:
    tags = terms.unpack(tag_index)
    shown = "".join([f'<span class="tag {hue(tag)}">{escape(tag)}</span>' for tag in tags[:MOST_TAGS]])
    more = f'<span class="tag">+{len(tags) - MOST_TAGS}</span>' if len(tags) > MOST_TAGS else ""
    return f'<p class="g">{shown}{more}</p>'


@lru_cache(maxsize=4096)
def _day(day: date, name: str, this_year: bool) -> str:
    """A day in few words: without the year while it is this one."""
    if this_year:
        return format_skeleton("MMMd", day, locale=name)
    return format_date(day, format="medium", locale=name)
