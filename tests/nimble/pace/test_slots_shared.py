"""At most two requests of a connection in flight, in whatever processes, and people before readers."""

import threading
import time

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from nimble import errors, pace
from nimble.client import Client
from nimble.models import Connection, Pace
from nimble.pace import holders, stored
from tests.nimble.conftest import BJORN
from tests.nimble.pace.callers import callers, patiently
from tests.nimble.pace.conftest import asked, let_pass, most_at_once
from tests.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def nobody_waits() -> bool:
    return False


def three_times(client: Client) -> None:
    for _ in range(3):
        client.myself()


def once(client: Client) -> None:
    client.myself()


def test_two_at_once_of_six_processes(ada, nimble):
    nimble.set(latency_ms=150)
    with callers(6, ada, patiently(three_times)) as crowd:
        for caller in crowd:
            caller.go()
        assert {caller.hear() for caller in crowd} == {"done"}
    requests = asked(nimble)
    assert len(requests) == 18
    assert most_at_once(requests, 0.15) == 2
    nimble.set(latency_ms=0)
    figures = pace.paces([ada])[ada.pk]
    assert (figures.in_flight, figures.hour, figures.day) == (0, 18, 18)


def test_readers_in_the_background_take_turns(ada, nimble):
    nimble.set(latency_ms=150)
    with callers(3, ada, patiently(once), give_way=nobody_waits) as crowd:
        for caller in crowd:
            caller.go()
        assert {caller.hear() for caller in crowd} == {"done"}
    assert most_at_once(asked(nimble), 0.15) == 1


def test_person_is_served_beside_a_reader(ada, nimble):
    nimble.fault(path="/api/v1/contacts/fields", delay_ms=60_000)
    with callers(1, ada, lambda client: client.contact_fields(), give_way=nobody_waits) as [reader]:
        reader.go()
        wait_for(lambda: asked(nimble), "the reader has begun")
        assert Client(ada).myself()["user_id"]
        assert [one["status"] for one in asked(nimble)] == [0, 200], "the reader still waits for its answer"


def test_reader_gives_way_while_an_edit_waits_and_is_not_starved(ada, nimble):
    waiting = threading.Event()
    waiting.set()
    with Client(ada, give_way=waiting.is_set) as reader:
        began = time.monotonic()
        reader.myself()
        assert time.monotonic() - began >= 1.0
        waiting.clear()
        began = time.monotonic()
        reader.myself()
        assert time.monotonic() - began < 0.9


def test_reader_that_gives_way_leaves_both_slots(ada, nimble):
    with Client(ada, give_way=nobody_waits) as reader:
        reader.myself()
        assert pace.paces([ada])[ada.pk].in_flight == 1
        seen = []

        def somebody_waits() -> bool:
            seen.append(pace.paces([ada])[ada.pk].in_flight)
            return len(seen) < 3

        reader._gate._give_way = somebody_waits
        reader.myself()
    assert seen == [1, 0, 0]


def test_third_is_told_to_come_back(ada, nimble):
    with Client(ada) as one, Client(ada) as other:
        one.myself()
        other.myself()
        began = time.monotonic()
        with pytest.raises(errors.Paced) as caught:
            Client(ada).myself()
        assert 0.8 < time.monotonic() - began < 5
        assert (caught.value.retryable, caught.value.ambiguous, caught.value.retry_after) == (True, False, 1.0)
    assert Client(ada).myself()["user_id"]


def test_slots_are_one_connections_own(ada, nimble, connect):
    bjorn = connect(BJORN)
    with Client(ada) as one, Client(ada) as other:
        one.myself()
        other.myself()
        assert Client(bjorn).myself()["user_id"]


def test_killed_worker_frees_its_slots_when_they_lapse_or_when_it_is_back(ada, nimble, monkeypatch):
    monkeypatch.setattr(holders, "_holder", "")
    nimble.fault(path="/api/v1/myself", hang_ms=60_000, times=2)
    with callers(2, ada, once, timeout=(5.0, 15.0)) as crowd:
        for caller in crowd:
            caller.go()
        wait_for(lambda: len(asked(nimble)) == 2, "both have begun")
        for caller in crowd:
            caller.kill()
    assert pace.paces([ada])[ada.pk].in_flight == 2
    client = Client(ada)
    with pytest.raises(errors.Paced):
        client.myself()
    holders.take_over("worker-1-")
    assert pace.paces([ada])[ada.pk].in_flight == 1
    assert client.myself()["user_id"]
    let_pass(ada, 100)
    assert pace.paces([ada])[ada.pk].in_flight == 0


def test_kept_slot_costs_no_write_per_request(ada, nimble):
    with Client(ada) as client:
        client.myself()
        with CaptureQueriesContext(
            database,
        ) as queries:
            client.myself()
            client.myself()
        written = [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]
    assert written == []
    assert Pace.objects.get().slots == []


def test_read_that_is_under_way_when_its_run_ends_gives_the_slot_back(ada, nimble):
    nimble.fault(path="/api/v1/myself", delay_ms=600)
    client = Client(ada, give_way=nobody_waits)
    client.__enter__()

    def read() -> None:
        client.myself()
        database.close()

    ahead = threading.Thread(target=read)
    ahead.start()
    wait_for(lambda: asked(nimble), "the read has begun")
    client.__exit__()
    assert pace.paces([ada])[ada.pk].in_flight == 1
    ahead.join(10)
    assert pace.paces([ada])[ada.pk].in_flight == 0


def test_pace_goes_with_its_connection(ada, nimble):
    Client(ada).myself()
    Connection.objects.all().delete()
    assert not Pace.objects.exists()
    assert stored.breaker()[0].is_open is False
