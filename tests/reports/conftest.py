"""Deals with a past, stored as a pull stores them: what reports are made of."""

import pytest
import time_machine

from deals.models import Deal, Pipeline
from tests.deals.conftest import Keep, keep, page, sales  # noqa: F401 fixtures
from tests.deals.payloads import deal, went

# A Wednesday in the middle of a month and of a quarter.
NOW = "2026-05-13T12:00:00Z"


def at(month: int, day: int, year: int = 2026) -> str:
    return f"{year}-{month:02}-{day:02}T10:00:00Z"


@pytest.fixture
def world(keep: Keep, sales: Pipeline) -> list[Deal]:  # noqa: F811
    """Two were won and two lost, in euros and dollars; three are open, one of them late, one without an amount."""
    begun, won, lost = {"created": at(1, 5), "updated": at(5, 1)}, "Won", "Lost"
    q = went(None, "Qualify", at(1, 5))
    p = went("Qualify", "Propose", at(1, 15))
    with time_machine.travel(NOW, tick=False):
        return keep(
            deal(1, won, **begun, transitions=[q, p, went("Propose", "Won", at(4, 14))],
                 values={"amount": "1000", "actual_close_date": "2026-04-14"}),
            deal(2, won, **begun, transitions=[q, went("Qualify", "Won", at(3, 5))], currency="USD",
                 values={"amount": "500.5", "actual_close_date": "2026-03-05"}),
            deal(3, lost, **begun, transitions=[q, p, went("Propose", "Lost", at(4, 15))],
                 values={"amount": "300", "actual_close_date": "2026-04-15"}, owner={"user_id": "u2", "name": "Paul"}),
            deal(4, lost, created=at(1, 5, 2024), updated=at(2, 5, 2024),
                 transitions=[went(None, "Qualify", at(1, 5, 2024)),
                              went("Qualify", "Lost", at(2, 4, 2024))],
                 values={"amount": "7", "actual_close_date": "2024-02-04"}),
            deal(5, "Qualify", **begun, transitions=[q], values={"amount": "200", "expected_close_date": "2026-05-31"}),
            deal(6, "Propose", **begun, transitions=[q, went("Qualify", "Propose", at(5, 12))],
                 values={"amount": None, "expected_close_date": "2026-04-30"}),
            deal(7, "Qualify", created=at(5, 10), updated=at(5, 10), transitions=[went(None, "Qualify", at(5, 10))],
                 values={"amount": "80", "probability": "50", "expected_close_date": "2026-06-15"}),
        )  # fmt: skip
