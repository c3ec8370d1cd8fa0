"""Checksums: figures that Nimble gives beside its records, compared with what the mirror makes of them.

A stream compares at the end of a complete listing, what Nimble has said with what this connection is shown: edits that
Nimble does not know yet are left out. One difference may be a change under way, so only what differs at the end of two
listings in a row is told to anybody.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from django.db import transaction

from sync.clock import database_now
from sync.models import Brake, Check
from sync.runs import Pull

log = structlog.get_logger(__name__)

# Sums travel as binary fractions.
LEAST = Decimal("0.01")
GREATEST = Decimal(10) ** 26


class Figure(NamedTuple):
    """One figure, by both. `unit`: the currency of a sum, "" of a number of records. `name`: what Nimble calls it."""

    key: str
    theirs: Decimal
    ours: Decimal
    name: str = ""
    unit: str = ""

    @property
    def differs(self) -> bool:
        return abs(self.theirs - self.ours) >= LEAST


def number(value: Any) -> Decimal | None:
    """A figure of Nimble's as one that a column holds; None for anything else."""
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    whole = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    return found if whole and found.is_finite() and abs(found) < GREATEST else None


def is_braked(pull: Pull) -> bool:
    """Whether records are kept that Nimble no longer lists: figures cannot agree then."""
    return Brake.objects.filter(stream=pull.stream, state__in=Brake.OPEN).exists()


def note(pull: Pull, figures: Iterable[Figure]) -> None:
    """Write down what was compared; figures that Nimble gives no more are forgotten."""
    figures = list(figures)
    now = database_now()
    before = {check.key: check for check in Check.objects.filter(stream=pull.stream)}
    rows = []
    for figure in figures:
        last = before.get(figure.key)
        walks = (last.walks if last else 0) + 1 if figure.differs else 0
        since = (last.differs_since if last and last.walks else None) or now
        rows.append(
            Check(
                stream=pull.stream,
                key=figure.key,
                name=figure.name[:600],
                unit=figure.unit[:3],
                theirs=figure.theirs,
                ours=figure.ours,
                walks=walks,
                differs_since=since if walks else None,
                compared_at=now,
            )
        )
    with transaction.atomic():
        Check.objects.filter(stream=pull.stream).exclude(key__in=[row.key for row in rows]).delete()
        Check.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["stream", "key"],
            update_fields=["name", "unit", "theirs", "ours", "walks", "differs_since", "compared_at"],
        )
    differing = sum(bool(row.walks) for row in rows)
    log.info("figures compared", figures=len(rows), differing=differing)


def gaps(pull: Pull) -> dict[str, Decimal]:
    """By how much Nimble's figures were above ours when they were last compared, where they differed."""
    known = Check.objects.filter(stream=pull.stream, walks__gt=0)
    return {check.key: check.theirs - check.ours for check in known}
