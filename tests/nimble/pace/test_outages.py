"""Nimble answers nobody: few probes, nothing else, and all goes on when it is back."""

import pytest

from nimble import errors, pace
from nimble.client import Client
from nimble.models import Connection
from nimble.pace.breaker import FIRST, State
from tests.nimble.conftest import BJORN, expire, person
from tests.nimble.pace.callers import callers
from tests.nimble.pace.conftest import asked, let_pass, soon
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.broken_answers]

DOWN = {"status": 500, "body": {"code": 107, "message": "internal"}, "times": 0}


def fail_three_times(client: Client) -> None:
    for ask in (client.contact_fields, client.pipelines, client.deal_fields):
        with pytest.raises(errors.NimbleError):
            ask()


def test_outage_is_noticed_and_nothing_more_is_sent(ada, nimble, connect):
    bjorn = connect(BJORN)
    nimble.fault(**DOWN)
    fail_three_times(Client(ada))
    sent = len(asked(nimble))
    assert sent == 3
    for connection in (ada, bjorn):
        with pytest.raises(errors.Outage) as caught:
            Client(connection).create_contact(person())
        assert (caught.value.retryable, caught.value.ambiguous) == (True, False)
        assert 0 < caught.value.retry_after <= FIRST
    assert len(asked(nimble)) == sent
    health = pace.health()
    assert health.state is State.OPEN
    assert soon(health.since, 0)
    assert soon(health.next_probe, FIRST)


def test_server_that_is_away_is_an_outage_too(ada, nimble, settings):
    client = Client(ada)
    client.myself()
    settings.NIMBLE_BASE_URL = "http://127.0.0.1:1"
    fail_three_times(client)
    with pytest.raises(errors.Outage):
        client.myself()


def test_probe_reads_who_we_are_and_lets_the_request_follow(ada, nimble):
    nimble.fault(**DOWN)
    client = Client(ada)
    fail_three_times(client)
    nimble.clear_faults()
    let_pass(ada, FIRST)
    since = nimble.state()["log"]["last"]
    client.create_contact(person("After", "Outage"))
    assert [(one["method"], one["path"]) for one in asked(nimble, since)] == [
        ("GET", "/api/v1/myself"),
        ("POST", "/api/v1/contact"),
    ]
    assert pace.health().state is State.CLOSED
    assert pace.outage() == 0


def test_failed_probe_waits_longer(ada, nimble):
    nimble.fault(**DOWN)
    client = Client(ada)
    fail_three_times(client)
    let_pass(ada, FIRST)
    since = nimble.state()["log"]["last"]
    with pytest.raises(errors.Outage):
        client.create_contact(person())
    assert [one["path"] for one in asked(nimble, since)] == ["/api/v1/myself"]
    assert soon(pace.health().next_probe, 2 * FIRST)


def test_one_probe_of_eight_processes(ada, nimble):
    nimble.fault(**DOWN)
    fail_three_times(Client(ada))
    nimble.clear_faults()
    nimble.fault(path="/api/v1/myself", delay_ms=700)
    let_pass(ada, FIRST)
    since = nimble.state()["log"]["last"]
    with callers(8, ada, lambda client: client.deal_fields()) as crowd:
        for caller in crowd:
            caller.go()
        heard = [caller.hear() for caller in crowd]
    assert heard.count("done") >= 1
    assert set(heard) <= {"done", "Outage", "Paced"}
    probes = [one for one in asked(nimble, since) if one["path"] == "/api/v1/myself"]
    assert len(probes) == 1


def test_probe_that_was_killed_is_followed_by_another(ada, nimble):
    nimble.fault(**DOWN)
    fail_three_times(Client(ada))
    nimble.clear_faults()
    nimble.fault(path="/api/v1/myself", hang_ms=60_000)
    let_pass(ada, FIRST)
    with callers(1, ada, lambda client: client.deal_fields(), timeout=(5.0, 15.0)) as [caller]:
        caller.go()
        wait_for(lambda: [one for one in asked(nimble) if one["path"] == "/api/v1/myself"], "the probe is under way")
        assert pace.health().state is State.PROBING
    with pytest.raises(errors.Outage):
        Client(ada).deal_fields()
    let_pass(ada, 60)
    assert Client(ada).deal_fields()


def test_probe_by_someone_without_a_token_leaves_it_to_others(ada, nimble, connect):
    bjorn = connect(BJORN)
    nimble.fault(**DOWN)
    fail_three_times(Client(ada))
    nimble.clear_faults()
    let_pass(ada, FIRST)
    Connection.objects.filter(pk=bjorn.pk).update(state=Connection.State.RECONNECT)
    with pytest.raises((errors.Outage, errors.NeedsReconnect)):
        Client(bjorn).myself()
    assert Client(ada).myself()["user_id"]


def test_record_that_always_fails_stops_nobody(ada, nimble, connect):
    contact = Client(ada).list_contacts(per_page=1)["resources"][0]["id"]
    nimble.fault(path=f"/api/v1/contact/{contact}", **DOWN)
    client = Client(ada)
    for _ in range(12):
        with pytest.raises(errors.ServerError):
            client.contact(contact)
    assert pace.health().state is State.CLOSED
    assert Client(connect(BJORN)).myself()["user_id"]


def test_records_that_fail_between_answers_stop_nobody(ada, nimble):
    nimble.fault(method="PUT", **DOWN)
    client = Client(ada)
    for contact in client.list_contacts(per_page=6)["resources"]:
        client.contact(contact["id"])
        with pytest.raises(errors.ServerError):
            client.set_contact_tags(contact["id"], ["x"])
    assert pace.health().state is State.CLOSED


def test_refusals_are_no_outage(ada, nimble):
    client = Client(ada)
    for answer in (400, 402, 404, 406, 409, 429):
        nimble.fault(path="/api/", status=answer, body={}, headers={"Retry-After": "0"})
        with pytest.raises(errors.NimbleError):
            client.contact(f"{answer}" * 8)
        let_pass(ada, 1000)
    assert pace.health().state is State.CLOSED


def test_failing_renewal_of_tokens_counts(ada, nimble):
    expire(ada)
    nimble.fault(**DOWN)
    client = Client(ada)
    fail_three_times(client)
    assert pace.health().state is State.CLOSED, "one thing failed three times"
