"""Counts and sums of deals, by SQL: exact per currency, and never added across currencies."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.utils import timezone

from crmportal import statements
from deals.models import Deal, Stage
from sync.models import OVERLAID, Edit

# The finest part of an amount that its column holds.
CENT_OF_CENT = Decimal("0.0001")
# An amount times its percentage, and what the columns of a board usually have in common.
PERCENTS = ExpressionWrapper(F("amount") * F("probability"), DecimalField(max_digits=30, decimal_places=4))
BY_STAGE = F("stage_nimble_id")


@dataclass(frozen=True, slots=True)
class Total:
    """Of one column of a board, stage and currency: how many deals, their sum, and that weighted by their probability
    (the stage's where a deal has none); how many close this month, and how many are not in Nimble yet as they are shown
    here. `lane`: the column's key.
    """

    lane: Hashable
    stage: str
    currency: str
    count: int
    amount: Decimal
    weighted: Decimal
    closing: int
    unsent: int


def add_up(
    deals: Callable[[], QuerySet[Deal]],
    key: Hashable,
    stages: Sequence[Stage] = (),
    lane: Any = BY_STAGE,
    given: Mapping[Any, Any] | None = None,
) -> list[Total]:
    """Counts and sums by column, stage and currency, over all deals that there are, in one statement.

    `key` names all that the deals depend on: who sees them, and what filters leave. `stages`: theirs. `lane`: the key
    of a deal's column, as an expression. `given`: what takes the place of the stand-ins that `deals` are composed of.
    """
    defaults = {stage.nimble_id: stage.default_probability or 0 for stage in stages}
    first = timezone.localdate().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)

    def composed() -> QuerySet[Deal, Any]:
        unsent = Edit.objects.filter(kind=Deal.kind, state__in=OVERLAID).values("record_id")
        return (
            deals()
            .order_by()
            .annotate(lane=lane)
            .values_list("lane", "stage_nimble_id", "currency")
            .annotate(
                count=Count("pk"),
                sum=Sum("amount"),
                sure=Sum(PERCENTS),
                unsure=Sum("amount", filter=Q(probability=None)),
                closing=Count("pk", filter=Q(expected_close__gte=first, expected_close__lt=following)),
                unsent=Count("pk", filter=Q(pk__in=unsent)),
            )
            .order_by("lane", "stage_nimble_id", "-count", "currency")
        )

    found = statements.rows(("totals", key, first), composed, given)
    return [
        Total(lane_, stage, currency, count, exact(amount), weighed(sure, unsure, defaults.get(stage, 0)), *rest)
        for lane_, stage, currency, count, amount, sure, unsure, *rest in found
    ]


def exact(amount: Decimal | None) -> Decimal:
    """A sum. SQLite adds up binary fractions: what lies beyond the column's own digits is not the amounts'."""
    return (amount or Decimal(0)).quantize(CENT_OF_CENT)


def weighed(sure: Decimal | None, unsure: Decimal | None, default: int) -> Decimal:
    """What is to be expected. `sure`: the sum of amounts times their percentages; `unsure`: of amounts without any, for
    which the `default` percentage stands.
    """
    return ((exact(sure) + exact(unsure) * default) / 100).quantize(CENT_OF_CENT)
