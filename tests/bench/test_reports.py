"""What each report costs the server at 25,000 deals with a past of 75,000 moves, as ratios within one run.

The floor: the same view's SQL, run as it is by a cursor, and a view that says hello behind the same middlewares.
"""

import time
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deals import metadata
from deals.models import Deal, StageMove
from deals.streams import save_fields
from nimble.models import Connection, Member
from reports.figures import REPORTS
from sync import pull, registry, store
from sync.clock import database_now
from sync.models import Stream
from tests.bench import test_board
from tests.bench.test_board import DEALS, server
from tests.deals.payloads import METADATA, deal, stage, went

pytestmark = pytest.mark.django_db(transaction=True)

OPEN = [f"Stage{n}" for n in range(6)]
STAGES = [*OPEN, "Won", "Lost"]
ROUNDS = 5
PATHS = {name: reverse("reports:report", args=[name]) for name in REPORTS}
PATHS |= {name: reverse(f"reports:{name}") for name in ("index", "deals", "past", "changes")}


def moment(n: int, later: int = 0) -> str:
    """Some moment of two years, so many days later."""
    day = n * 7919 % 600 + later
    return f"{2025 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}T10:00:00Z"


def payload(n: int) -> dict[str, Any]:
    way = [*OPEN[: n % 6 + 1], *(STAGES[6 + n % 2 :][:1] if n % 3 else [])][-3:]
    steps = [
        went(before, after, moment(n, 9 * at))
        for at, (before, after) in enumerate(zip([None, *way], way, strict=False))
    ]
    closed = moment(n, 9 * len(way))[:10] if way[-1] in ("Won", "Lost") else None
    return deal(
        n,
        way[-1],
        created=moment(n),
        values={
            "name": test_board.name(n),
            "amount": str(n * 7919 % 99_991),
            "expected_close_date": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}",
            "actual_close_date": closed,
        },
        owner={"user_id": f"u{n % 50}", "name": ""},
        transitions=steps,
        currency=("EUR", "USD", "JPY")[n % 3],
    )


@pytest.fixture
def page(ada: Connection, settings: Any) -> Client:
    settings.ROOT_URLCONF = "tests.bench.test_board"
    save_fields(ada.workspace_id, metadata.fields(METADATA))
    stages = [stage(name, {"Won": "won", "Lost": "lost"}.get(name, "in_progress"), expected_days=9) for name in STAGES]
    pipeline = {"pipeline_id": "p-sales", "name": "Sales", "is_default": True, "stages": stages}
    store.save_page(registry.resource("pipeline"), ada, [pipeline], read_at=database_now())
    Member.objects.remember(ada.workspace, [{"user_id": f"u{n}", "name": f"Person Number{n}"} for n in range(50)])
    for first in range(0, DEALS, 500):
        payloads = [payload(n) for n in range(first, first + 500)]
        store.save_page(registry.resource("deal"), ada, payloads, read_at=database_now())
    pull.ensure_streams(ada)
    Stream.objects.filter(connection=ada).update(completed_at=database_now(), decided=2**60)
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")
    assert Deal.objects.count() == DEALS
    assert StageMove.objects.count() > 2 * DEALS
    client = Client()
    client.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def best(run: Any) -> float:
    """The fastest of some rounds, as this process's own time; with a database of its own, on the wall."""
    clock = time.process_time if database.vendor == "sqlite" else time.perf_counter
    taken = []
    for _round in range(ROUNDS):
        started = clock()
        run()
        taken.append(clock() - started)
    return min(taken)


def test_reports_against_their_sql(page: Client, capsys: pytest.CaptureFixture[str]):
    served = server(page)
    hi = best(lambda: served("/hello/"))
    ratios = {}
    for name, path in PATHS.items():
        address = path + "?period=all&at=2026-03-01&from=2026-02-01"
        page.get(address)
        with CaptureQueriesContext(database) as asked:
            page.get(address)
        statements = [one["sql"] for one in asked]

        def floor(statements: list[str] = statements) -> None:
            with database.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                    cursor.fetchall()

        took, raw = best(lambda address=address: served(address)), best(floor)
        ratios[name] = took / (raw + hi)
        with capsys.disabled():
            print(
                f"\n{name}: {took * 1000:.0f} ms, {len(statements)} statements; {took / raw:.1f} × its raw SQL "
                f"({raw * 1000:.0f} ms), {ratios[name]:.1f} × that and a hello-world view",
                end="",
            )
    with capsys.disabled():
        print()
    # Composing the statements and rendering the page, some 20 to 40 ms, do not grow with the deals.
    assert all(ratio < 4 for ratio in ratios.values()), ratios
