"""What a report is about, as its address says it: which pipeline, whose deals, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from contacts import queries as contacts
from deals import queries
from deals.models import Deal, Role, Stage
from deals.periods import Period
from deals.queries import Laid

USUAL = "12m"
PRESETS = {
    "month": _("This month"),
    "last-month": _("Last month"),
    "quarter": _("This quarter"),
    "year": _("This year"),
    USUAL: _("Last 12 months"),
    "last-year": _("Last year"),
    "all": _("All time"),
}


def month_of(day: date, back: int = 0) -> date:
    """The first day of a day's month, or of one so many months before."""
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def whole_month(first: date) -> Period:
    return Period(first, month_of(first, -1) - timedelta(days=1))


def last_month(today: date) -> Period:
    return whole_month(month_of(today, 1))


def preset(name: str, today: date) -> Period:
    """The days that a preset means today. What is still running ends with its last day."""
    year, month = today.year, month_of(today)
    quarter = date(year, (today.month - 1) // 3 * 3 + 1, 1)
    return {
        "month": whole_month(month),
        "last-month": last_month(today),
        "quarter": Period(quarter, month_of(quarter, -3) - timedelta(days=1)),
        "year": Period(date(year, 1, 1), date(year, 12, 31)),
        "last-year": Period(date(year - 1, 1, 1), date(year - 1, 12, 31)),
        "all": Period(),
    }.get(name) or Period(month_of(today, 11), whole_month(month).last)


@dataclass(frozen=True)
class Scope:
    """`chosen`: the pipeline, None for all that the person sees. `given`: the period's name or its own days."""

    user: Any
    known: Sequence[Laid]
    chosen: Laid | None
    owner: str
    given: str
    period: Period
    today: date

    @classmethod
    def of(cls, user: Any, query: QueryDict) -> "Scope":
        """The scope of an address. Days that make no sense say nothing, nor does a pipeline that they do not see."""
        known = queries.laid_out(user)
        chosen = next((laid for laid in known if str(laid.pipeline.pk) == query.get("pipeline", "")), None)
        today = timezone.localdate()
        given = query.get("period", "")
        first, last = query.get("from", ""), query.get("to", "")
        typed = Period.of(f"{first}..{last}" if first or last else given)
        given = str(typed) if typed else given if given in PRESETS else USUAL
        owner = query.get("owner", "").replace("\x00", "")[:64]
        return cls(user, known, chosen, owner, given, typed or preset(given, today), today)

    # --- what it is about ---

    @property
    def laid(self) -> Sequence[Laid]:
        """The pipelines that it is about."""
        return [self.chosen] if self.chosen else self.known

    @cached_property
    def stages(self) -> list[Stage]:
        """Their stages in the order of boards, final ones last."""
        return [
            stage
            for laid in self.laid
            for stage in sorted(laid.stages, key=lambda stage: (stage.is_final, stage.position))
        ]

    def ids(self, role: str) -> list[str]:
        """Nimble's ids of the stages in which a deal is open, won or lost."""
        return [stage.nimble_id for stage in self.stages if stage.role == role]

    @property
    def deals(self) -> QuerySet[Deal]:
        """The deals that it is about, whenever: those that this person may see."""
        found = queries.for_user(self.user).order_by()
        found = found.filter(pipeline_nimble_id__in=[laid.pipeline.nimble_id for laid in self.laid])
        return found.filter(owner_id=self.owner) if self.owner else found

    @property
    def open(self) -> QuerySet[Deal]:
        return self.deals.filter(stage_nimble_id__in=self.ids(Role.OPEN))

    @property
    def closed(self) -> QuerySet[Deal]:
        """Those that were won or lost in the period."""
        final = [*self.ids(Role.WON), *self.ids(Role.LOST)]
        return self.deals.filter(self.period.days("actual_close"), stage_nimble_id__in=final)

    @cached_property
    def members(self) -> dict[str, str]:
        return contacts.members(self.user)

    @property
    def is_typed(self) -> bool:
        """Whether the period is given by its own days."""
        return self.given not in PRESETS

    @property
    def is_narrowed(self) -> bool:
        return bool(self.chosen or self.owner or self.given != USUAL)

    @property
    def period_name(self) -> str:
        if self.is_typed:
            return self.period.words()
        if self.given == "all":
            return str(PRESETS["all"])
        return f"{PRESETS[self.given]}, {self.period.words()}"

    # --- where it leads ---

    @property
    def query(self) -> str:
        """The query string of its own address."""
        given = {
            "pipeline": self.chosen.pipeline.pk if self.chosen else "",
            "owner": self.owner,
            "period": self.given if self.given != USUAL else "",
        }
        kept = {name: value for name, value in given.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def list_of(self, **criteria: Any) -> str:
        """The address of the deals behind a number: these filters (`deals.filters`, `pipeline`) besides its own."""
        given = {"pipeline": self.chosen.pipeline.pk if self.chosen else "", "owner": self.owner, **criteria}
        return reverse("reports:deals") + "?" + urlencode({name: value for name, value in given.items() if value})
