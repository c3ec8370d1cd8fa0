"""What Nimble counts as won last month, read as each person in the background: reports compare their own with it."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reports.models import WonLastMonth
from reports.scope import month_of
from sync import rhythm
from sync.registry import StreamSpec
from sync.runs import Pull


def pull_won_last_month(pull: Pull) -> None:
    """One request; an answer that says nothing changes nothing."""
    answer, read_at = pull.read(pull.client.won_last_month)
    amount, count = number(answer.get("last_month_won_amount")), number(answer.get("last_month_won_count"))
    if amount is not None and count is not None and count >= 0:
        first = month_of(timezone.localdate(read_at), 1)
        WonLastMonth.objects.update_or_create(
            connection=pull.connection,
            defaults={"month": first, "amount": amount, "count": int(count), "read_at": read_at},
        )
    pull.move()


def number(value: Any) -> Decimal | None:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < Decimal(10) ** 25 else None


WON_LAST_MONTH = StreamSpec(
    "won_last_month",
    _("Won last month, as Nimble counts it"),
    order=100,
    rhythm=rhythm.HOURLY,
    run=pull_won_last_month,
)
