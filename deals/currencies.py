"""The currency that a deal had when something happened to it: an amount of then is told in the currency of then."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from deals.models import Deal
from sync.models import OVERLAID, Change, Edit


@dataclass
class Currencies:
    """One deal's currencies. `now`: today's; `steps`: when it changed, from what, to what, oldest first."""

    now: str
    steps: list[tuple[datetime, str, str]] = field(default_factory=list)

    def before(self, at: datetime) -> str:
        """The currency until a moment; "" where what is known of it disagrees."""
        return self._between([step for step in self.steps if step[0] < at])

    def after(self, at: datetime) -> str:
        """The currency from a moment on; "" where what is known of it disagrees."""
        return self._between([step for step in self.steps if step[0] <= at])

    def _between(self, earlier: list[tuple[datetime, str, str]]) -> str:
        later = self.steps[len(earlier) :]
        until = later[0][1] if later else self.now
        return until if not earlier or earlier[-1][2] == until else ""


def of(current: Mapping[int, str]) -> dict[int, Currencies]:
    """By deal, its currencies; `current`: today's by deal. Two statements."""
    steps: dict[int, list[tuple[datetime, str, str]]] = defaultdict(list)
    seen = Change.objects.filter(kind=Deal.kind, record_id__in=list(current), field="currency")
    for pk, at, before, after in seen.values_list("record_id", "at", "before", "after"):
        steps[pk].append((at, code(before), code(after)))
    # One that was sent and taken back afterwards counts, too: what took it back is a step of its own.
    made = Edit.objects.filter(
        Q(state__in=OVERLAID) | Q(confirmed_at__isnull=False),
        kind=Deal.kind,
        record_id__in=list(current),
        operation=Edit.Operation.UPDATE,
        fields__has_key="currency",
    )
    for edit in made.only("record_id", "fields", "confirmed_at", "created_at").order_by("pk"):
        change = edit.fields["currency"]
        steps[edit.record_id].append((moment(edit), code(change.get("base")), code(change.get("new"))))
    return {pk: Currencies(code(now), sorted(steps[pk], key=lambda step: step[0])) for pk, now in current.items()}


def moment(edit: Edit) -> datetime:
    """When an edit changed the deal: in Nimble, or here where it is on its way."""
    return edit.confirmed_at or edit.created_at


def code(value: Any) -> str:
    return str(value or "")[:3].upper()
