"""How fast records come in and edits go out, as ratios within one run. `./run bench` prints them.

The floor of a pull is a bare `requests` loop over the same pages, one after the other, that parses and forgets them.
"""

import json
import time
from collections.abc import Iterator
from statistics import median

import pytest
import requests

from contacts.models import Contact
from deals import actions
from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from sync import outbox, pull, registry
from sync.models import Stream
from tests.people import ADA, Connect
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    """A larger world than the tests' own."""
    server = SandboxServer(contacts=3000, deals=1500)
    yield server
    server.close()


def bare_loop(nimble: SandboxServer, token: str) -> tuple[float, int]:
    """Seconds and records of a loop that only reads: contacts by page, deals by stage."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    read = 0
    started = time.perf_counter()
    query = json.dumps(
        {"updated": {"range": {"start_datetime": "1990-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z"}}}
    )
    page = pages = 1
    while page <= pages:
        contexts = "last_contacted_data,employers_data,leads_data"
        answer = session.get(
            f"{nimble.url}/api/v1/contacts",
            params={"page": page, "per_page": 100, "sort": "updated:asc", "query": query, "contexts": contexts},
            timeout=30,
        ).json()
        read += len(answer["resources"])
        pages, page = answer["meta"]["pages"], page + 1
    for pipeline in session.get(f"{nimble.url}/api/v2/deals/pipelines", timeout=30).json()["pipelines"]:
        url = f"{nimble.url}/api/v2/deals/pipelines/{pipeline['pipeline_id']}/deals?sort=created:asc&limit=100"
        waiting = [url]
        while waiting:
            for group in session.get(waiting.pop(), timeout=30).json()["stages"]:
                read += len(group["deals"])
                if group["meta"]["next_page_url"]:
                    waiting.append(group["meta"]["next_page_url"])
    return time.perf_counter() - started, read


@pytest.mark.parametrize("latency", [0, 50])
def test_first_pull_against_a_bare_loop(nimble: SandboxServer, connect: Connect, latency: int, capsys):
    connection = connect(ADA)
    nimble.set(latency_ms=latency)
    floor, read = bare_loop(nimble, nimble.token_for(ADA))
    pull.ensure_streams(connection)
    Stream.objects.filter(connection=connection).exclude(name__in=["pipelines", "deals", "contacts"]).update(
        paused=True
    )
    started = time.perf_counter()
    runs = pull.pull(connection)
    seconds = time.perf_counter() - started
    nimble.set(latency_ms=0)
    stored = Contact.objects.count() + Deal.objects.count()
    assert {run.state for run in runs or []} == {"done"}
    assert stored == read
    with capsys.disabled():
        print(
            f"\npull, {latency} ms latency: {seconds / floor:.2f} × a bare requests loop "
            f"({stored / seconds:,.0f} records/s against {read / floor:,.0f}; {stored:,} records)"
        )


def test_pull_without_changes_costs_a_handful_of_requests(mirror: Connection, nimble: SandboxServer, capsys):
    each_time = len(requests_of(mirror, nimble, ["deals", "contacts", "notes"]))
    everything = len(requests_of(mirror, nimble, [spec.name for spec in registry.streams()]))
    assert each_time <= 5
    assert everything <= 15
    with capsys.disabled():
        print(f"\npull without changes: {each_time} requests; with every stream, the listing included: {everything}")


def requests_of(connection: Connection, nimble: SandboxServer, streams: list[str]) -> list[str]:
    """What a pull asks Nimble for when these streams are due."""
    since = nimble.state()["log"]["last"]
    Stream.objects.filter(connection=connection, name__in=streams).update(next_run_at=None)
    pull.pull(connection)
    return [one["path"] for one in nimble.log(since) if "/oauth/" not in one["path"]]


def test_drop_to_nimble(mirror: Connection, nimble: SandboxServer, capsys):
    """From the action's begin to Nimble's having it, without the doorbell: what the engine itself costs."""
    pipeline = Pipeline.objects.all()[0]
    stages = list(Stage.objects.filter(pipeline=pipeline, role="open", archived_at=None))
    mine = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)
    deals = list(mine.filter(stage_nimble_id=stages[0].nimble_id)[:30])
    local, arrived = [], []
    for deal in deals:
        started = time.perf_counter()
        actions.move(author=mirror.user, deal=deal, stage=stages[1])
        local.append(time.perf_counter() - started)
        outbox.deliver()
        arrived.append(time.perf_counter() - started)
    assert all(nimble.object("deal", deal.nimble_id or "")["stage_id"] == stages[1].nimble_id for deal in deals)
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {nimble.token_for(ADA)}"
    bare = []
    for deal in deals:
        url = f"{nimble.url}/api/v2/deals/{deal.nimble_id}"
        started = time.perf_counter()
        session.get(url, timeout=30)
        session.put(url, json={"stage_id": stages[0].nimble_id}, timeout=30)
        bare.append(time.perf_counter() - started)
    with capsys.disabled():
        print(
            f"\ndrop to Nimble: {median(arrived) / median(bare):.2f} × a bare GET and PUT "
            f"({median(arrived) * 1000:.1f} ms against {median(bare) * 1000:.1f} ms); saved here after "
            f"{median(local) * 1000:.1f} ms"
        )
