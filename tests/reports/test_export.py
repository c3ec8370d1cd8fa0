"""The reports of a real sales export, against figures that are made of its files alone, in plain Python."""

import csv
import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.http import QueryDict

from deals.models import Deal
from nimble.models import Connection
from reports.figures import REPORTS
from reports.report import Section
from reports.scope import Scope
from sync import pull
from tests.people import Connect
from tests.sandboxes import ROOT, SandboxServer

EXPORT = Path(os.environ.get("CRM_EXPORT_DIR") or ROOT.parent / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not (EXPORT / "sales_pipeline.csv").exists(), reason=f"no sales export in {EXPORT}: set CRM_EXPORT_DIR"
)


class Opportunity(NamedTuple):
    agent: str
    stage: str
    engaged: date | None
    closed: date | None
    value: Decimal | None


def day(text: str) -> date | None:
    if not text:
        return None
    return datetime.strptime(text, "%m/%d/%Y" if "/" in text else "%Y-%m-%d").date()  # noqa: DTZ007 a day


@pytest.fixture(scope="module")
def rows() -> list[Opportunity]:
    with open(EXPORT / "sales_pipeline.csv", newline="", encoding="utf-8-sig") as file:
        return [
            Opportunity(
                row["sales_agent"],
                row["deal_stage"],
                day(row["engage_date"]),
                day(row["close_date"]),
                Decimal(row["close_value"]) if row["close_value"] else None,
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture
def by_contract() -> None:
    """So many answers of one kind are not held to the specification: others are."""


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[SandboxServer]:
    """Filled from the export, and telling the moment of each move."""
    server = SandboxServer(data=str(EXPORT), switch=["transition_when=datetime"])
    yield server
    server.close()


@pytest.fixture
def someone(transactional_db: None, connect: Connect, nimble: SandboxServer) -> Connection:
    """A connected agent, after the first pull of everything."""
    connection = connect(sorted(email for email in nimble.users if email.endswith("@export.test"))[0])
    runs = pull.pull(connection) or []
    assert {run.state for run in runs} == {"done"}
    return connection


def table(section: Section) -> dict[str, list[Any]]:
    return {row[0].text: [cell.plain for cell in row[1:]] for row in section.rows}


def total(rows: list[Opportunity]) -> Decimal:
    return sum((row.value for row in rows if row.value is not None), Decimal(0))


def rate(won: int, lost: int) -> float | str:
    return round(won / (won + lost), 4) if won + lost else ""


def test_reports_of_a_real_export_are_what_its_files_say(someone: Connection, rows: list[Opportunity]):
    assert Deal.objects.count() == len(rows) > 1000

    def sections(name: str, query: str = "period=all") -> list[Section]:
        return REPORTS[name].make(Scope.of(someone.user, QueryDict(query))).sections

    won = [row for row in rows if row.stage == "Won"]
    lost = [row for row in rows if row.stage == "Lost"]
    going = [row for row in rows if row.stage not in ("Won", "Lost")]
    engaged = [row for row in rows if row.stage != "Prospecting"]

    # --- funnel ---
    [funnel] = sections("funnel")
    n = len(rows)
    assert table(funnel) == {
        "Prospecting": [n, 1.0, 1.0, total(rows)],
        "Engaging": [len(engaged), round(len(engaged) / n, 4), round(len(engaged) / n, 4), total(engaged)],
        "Won": [len(won), round(len(won) / len(engaged), 4), round(len(won) / n, 4), total(won)],
    }

    # --- won and lost, by month ---
    [closed] = sections("won")
    by_month: dict[date, list[list[Opportunity]]] = defaultdict(lambda: [[], []])
    for row in [*won, *lost]:
        assert row.closed
        by_month[row.closed.replace(day=1)][row.stage == "Lost"].append(row)
    expected = {
        f"{first:%b %Y}": [len(a), total(a), len(b), total(b), rate(len(a), len(b))]
        for first, (a, b) in sorted(by_month.items())
    }
    assert table(closed) == expected
    assert closed.foot
    assert [cell.plain for cell in closed.foot[1:]] == [
        len(won), total(won), len(lost), total(lost), rate(len(won), len(lost)),
    ]  # fmt: skip

    # --- one quarter, of one agent ---
    agent, _count = Counter(row.agent for row in won).most_common(1)[0]
    owner = next(pk for pk, name in Scope.of(someone.user, QueryDict("")).members.items() if name == agent)
    within = [row for row in [*won, *lost] if row.agent == agent and row.closed and (4 <= row.closed.month <= 6)]
    within = [row for row in within if row.closed and row.closed.year == 2017]
    [quarter] = sections("won", f"owner={owner}&from=2017-04-01&to=2017-06-30")
    assert quarter.foot
    mine = [row for row in within if row.stage == "Won"]
    assert [cell.plain for cell in quarter.foot[1:4]] == [len(mine), total(mine), len(within) - len(mine)]

    # --- by owner ---
    [owners] = sections("owners")
    agents = {row.agent for row in rows}
    said = table(owners)
    assert set(said) == agents
    for name in agents:
        of = [[row for row in those if row.agent == name] for those in (won, lost, going)]
        assert said[name][:4] == [len(of[0]), total(of[0]), len(of[1]), rate(len(of[0]), len(of[1]))]
        assert said[name][5:] == [len(of[2]), total(of[2])]
    assert next(row[0].text for row in owners.rows) == max(
        agents, key=lambda one: total([r for r in won if r.agent == one])
    )

    # --- time in stage: from engaging until the end ---
    [stays] = sections("stays")
    lengths = [(row.closed - row.engaged).days for row in [*won, *lost] if row.closed and row.engaged]
    quarters = statistics.quantiles(lengths, n=4, method="inclusive")
    count, of_stays, median, p75, expected_days, in_time = table(stays)["Engaging"]
    assert (count, of_stays, expected_days) == (len(lengths), len(lengths), 90)
    assert median == pytest.approx(statistics.median(lengths), abs=0.01)
    assert p75 == pytest.approx(quarters[2], abs=0.01)
    # A stay ends a moment before a whole number of days is full.
    assert in_time == round(sum(length <= 90 for length in lengths) / len(lengths), 4)

    # --- what is open ---
    [forecast] = sections("forecast")
    assert table(forecast)["No date"] == [len(going), total(going), 0]
    [ageing] = sections("ageing")
    ages = table(ageing)
    assert sum(ages["Prospecting"][1:-1]) == sum(row.stage == "Prospecting" for row in rows)
    assert sum(ages["Engaging"][1:-1]) == sum(row.stage == "Engaging" for row in rows)

    # --- why deals were lost: the export does not say ---
    [losses] = sections("losses")
    assert table(losses) == {"No reason given": [len(lost), 1.0, total(lost)]}
