"""What somebody looks at is read first and often; who is away is asked about seldom."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from deals.models import Deal
from nimble.models import Connection
from sync import interest, opened, pull, registry, rhythm, runs
from sync.clock import database_now
from sync.models import Interest, Stream
from tests.people import ADA, BJORN, Connect
from tests.processes import wait_for
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

Asked = Callable[[], list[str]]


@pytest.fixture
def asked(requests_since: Callable[[], list[dict[str, Any]]]) -> Asked:
    """What Nimble has been asked since the last time, tokens aside: method and path without the query."""
    return lambda: [f"{one['method']} {one['path'].split('?')[0]}" for one in requests_since()]


@pytest.fixture
def page(mirror: Connection) -> Iterator[Client]:
    """Ada's browser. What was noted in earlier tests is forgotten."""
    interest._noted.clear()
    client = Client()
    client.force_login(mirror.user, backend="django.contrib.auth.backends.ModelBackend")
    yield client
    interest._thread.submit(lambda: None).result(10)


@pytest.fixture
def person(mirror: Connection) -> Contact:
    """A contact that everybody sees, read a while ago."""
    person = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    stale(person)
    return person


def stale(row: Contact | Deal) -> None:
    """Let it have been read a minute ago, so that opening it is a reason to read it again."""
    row.sights.update(seen_at=database_now() - timedelta(minutes=1))
    Contact.objects.update(notes_read_at=database_now() - timedelta(minutes=2))


def written(what: str) -> Interest:
    """The interest, once the thread beside the requests has written it."""
    return wait_for(lambda: Interest.objects.filter(what=what).first(), f"{what} is noted", timeout=10)


def earlier(connection: Connection, seconds: float) -> None:
    """Let so much time pass for the streams of a connection, and for what its person did."""
    by = timedelta(seconds=seconds)
    for stream in Stream.objects.filter(connection=connection):
        for name in ("next_run_at", "settled_at"):
            if at := getattr(stream, name):
                setattr(stream, name, at - by)
        stream.save()
    for one in Interest.objects.filter(connection=connection):
        Interest.objects.filter(pk=one.pk).update(at=one.at - by)


def seen(connection: Connection, pages: str = "") -> None:
    interest.record(connection, pages)


def due(connection: Connection) -> list[str]:
    return [spec.name for spec, _stream in pull.due(connection, database_now())]


# --- opened records -------------------------------------------------------------------------------------------------


def test_opened_contact_is_read_before_any_stream(
    page: Client, person: Contact, mirror: Connection, nimble: SandboxServer, asked: Asked
):
    name = nimble.object("contact", person.nimble_id)["fields"]["first name"][0]
    fields = {"first name": [name | {"value": "Zuzana"}]}
    nimble.edit(BJORN, "contact", person.nimble_id, set={"fields": fields})
    nimble.edit(BJORN, "note", set={"contact_ids": [person.nimble_id], "note": "Just now"})
    asked()
    earlier(mirror, 3600)
    assert page.get(person.get_absolute_url()).status_code == 200
    written("contact")
    pull.pull(mirror)
    paths = asked()
    assert paths[0] == f"GET /api/v1/contact/{person.nimble_id}"
    assert paths[1] == f"GET /api/v1/contacts/{person.nimble_id}/notes"
    assert len(paths) > 2
    person.refresh_from_db()
    assert person.first_name == "Zuzana"
    assert person.notes.filter(text="Just now").exists()
    assert not Interest.objects.filter(what="contact").exists()


def test_notes_of_an_opened_contact_are_read_at_most_once_a_minute(mirror: Connection, person: Contact, asked: Asked):
    for _again in range(2):
        interest.record(mirror, "contact", person.pk)
        opened.read(mirror)
    paths = asked()
    assert paths == [f"GET /api/v1/contact/{person.nimble_id}", f"GET /api/v1/contacts/{person.nimble_id}/notes"]


def test_opened_deal_is_read_with_what_is_overdue_and_nothing_else(
    page: Client, deal: Deal, mirror: Connection, nimble, asked: Asked
):
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Changed there"})
    earlier(mirror, 8)
    stale(deal)
    asked()
    page.get(deal.get_absolute_url() + "?drawer=1")
    written("deal")
    assert opened.read(mirror) == 1
    assert asked() == [f"GET /api/v2/deals/{deal.nimble_id}", f"GET /api/v2/deals/{deal.nimble_id}/overdue"]
    deal.refresh_from_db()
    assert deal.name == "Changed there"


def test_many_openings_are_one_read_and_a_fresh_record_none(page: Client, deal: Deal, mirror: Connection, asked: Asked):
    stale(deal)
    for _again in range(5):
        page.get(deal.get_absolute_url())
    written("deal")
    interest.record(mirror, "deal", deal.pk)
    assert Interest.objects.filter(what="deal").count() == 1
    asked()
    opened.read(mirror)
    interest.record(mirror, "deal", deal.pk)
    opened.read(mirror)
    assert asked() == [f"GET /api/v2/deals/{deal.nimble_id}", f"GET /api/v2/deals/{deal.nimble_id}/overdue"]


def test_page_itself_writes_nothing(page: Client, deal: Deal):
    with CaptureQueriesContext(database) as captured:
        page.get(deal.get_absolute_url())
    written("deal")
    assert not [one for one in captured if "INSERT" in one["sql"] or "interest" in one["sql"]]


@pytest.mark.parametrize("switch", ["404", "403"])
def test_record_that_nimble_refuses_to_who_opens_it_is_hidden_from_them_at_once(
    page: Client, deal: Deal, mirror: Connection, connect: Connect, nimble: SandboxServer, switch: str
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    nimble.switch(hidden_record=switch)
    nimble.edit(BJORN, "deal", deal.nimble_id, hide_from=[ADA], silent=True)
    stale(deal)
    page.get(deal.get_absolute_url())
    written("deal")
    opened.read(mirror)
    resource = registry.resource("deal")
    assert not resource.for_user(mirror.user).filter(pk=deal.pk).exists()
    assert resource.for_user(bjorn.user).filter(pk=deal.pk).exists()
    deal.refresh_from_db()
    assert deal.gone_at is None
    assert page.get(deal.get_absolute_url()).status_code == 404


def test_record_opened_during_a_long_listing_does_not_wait_for_its_end(
    mirror: Connection, deal: Deal, nimble: SandboxServer, asked: Asked, monkeypatch
):
    monkeypatch.setattr(runs, "ATTEND_SECONDS", 0.0)
    stale(deal)
    Stream.objects.filter(connection=mirror, name="contacts").update(next_run_at=None, cursor={})
    nimble.fault(method="GET", path=r"/api/v1/contacts\?", nth=1, times=1, delay_ms=500)
    noted = interest._thread.submit(lambda: (time.sleep(0.2), interest.record(mirror, "deal", deal.pk)))
    asked()
    pull.pull(mirror)
    noted.result()
    paths = asked()
    read = paths.index(f"GET /api/v2/deals/{deal.nimble_id}")
    assert paths[0] == "GET /api/v1/contacts"
    assert read > 0


@pytest.mark.broken_answers
def test_opened_record_that_cannot_be_read_is_tried_again_until_it_is_too_old(
    mirror: Connection, deal: Deal, nimble: SandboxServer, asked: Asked
):
    stale(deal)
    interest.record(mirror, "deal", deal.pk)
    fault = nimble.fault(method="GET", path=f"/api/v2/deals/{deal.nimble_id}", times=0, status=500, body={"code": 107})
    opened.read(mirror)
    assert pull.connections_due() == [mirror]
    nimble.control("DELETE", f"faults/{fault['id']}")
    assert opened.read(mirror) == 1
    assert pull.connections_due() == []
    interest.record(mirror, "deal", deal.pk)
    earlier(mirror, 11 * 60)
    seen(mirror)
    asked()
    assert opened.read(mirror) == 0
    assert asked() == []


# --- rhythm ---------------------------------------------------------------------------------------------------------


def test_what_is_looked_at_is_due_soon_and_goes_first(mirror: Connection):
    seen(mirror)
    earlier(mirror, 13)
    assert due(mirror) == []
    seen(mirror, "contacts")
    assert due(mirror) == ["contacts"]
    earlier(mirror, 70)
    assert due(mirror) == ["contacts", "deals", "notes"]
    earlier(mirror, 30)
    assert due(mirror) == ["deals", "contacts", "notes"], "nobody looks any more"


def test_who_is_away_is_asked_about_seldom_and_at_once_when_they_are_back(mirror: Connection):
    seen(mirror)
    earlier(mirror, 3 * 3600)
    pull.pull(mirror)
    assert due(mirror) == []
    earlier(mirror, 14 * 60)
    assert due(mirror) == []
    assert pull.connections_due() == []
    seen(mirror, "deals")
    assert due(mirror)[0] == "deals"
    assert pull.connections_due() == [mirror]
    Interest.objects.all().delete()
    earlier(mirror, 2 * 60)
    assert due(mirror) == ["deals", "contacts", "notes"], "even with nobody there, each quarter of an hour"


@pytest.mark.broken_answers
def test_a_failing_stream_is_not_hurried(mirror: Connection, nimble: SandboxServer):
    seen(mirror, "deals")
    nimble.fault(method="GET", path=r"/api/v2/deals\?", times=0, status=500, body={"code": 107})
    earlier(mirror, 13)
    pull.pull(mirror)
    earlier(mirror, 13)
    assert due(mirror) == []
    earlier(mirror, 8)
    assert due(mirror) == ["deals"]


@pytest.mark.parametrize(
    ("away", "seconds"),
    [(0, 60), (4, 60), (12, 60), (60, 300), (180, 900), (9 * 60, 900)],
)
def test_pauses_grow_with_the_time_away(away: int, seconds: int):
    assert rhythm.LIVE.seconds(looking=False, away=timedelta(minutes=away)) == seconds


def test_poll_of_an_open_page_is_looking_at_it_and_writes_at_most_once_a_minute(page: Client, mirror: Connection):
    at = {"HX-Request": "true", "HX-Current-URL": "http://testserver/deals/"}
    assert page.get("/sync/chip/", headers=at).status_code == 200
    first = written("deals")
    for _poll in range(5):
        page.get("/sync/chip/", headers=at)
    # Another web process does not know what this one has noted.
    interest._noted.clear()
    page.get("/sync/chip/", headers=at)
    interest._thread.submit(lambda: None).result(10)
    assert Interest.objects.get() == first
    assert Interest.objects.get().at == first.at


def test_page_that_nobody_sees_is_not_looked_at(page: Client):
    hidden = {"HX-Request": "true", "HX-Current-URL": "http://testserver/deals/", "X-Page-Hidden": "1"}
    page.get("/sync/chip/", headers=hidden)
    page.get("/no-such-page/")
    interest._thread.submit(lambda: None).result(10)
    assert not Interest.objects.exists()


def test_stranger_and_operator_look_at_nothing(page: Client, django_user_model):
    operator = Client()
    operator.force_login(
        django_user_model.objects.create_user("operator"), backend="django.contrib.auth.backends.ModelBackend"
    )
    operator.get("/deals/")
    Client().get("/deals/")
    interest._thread.submit(lambda: None).result(10)
    assert not Interest.objects.exists()


# --- what it costs --------------------------------------------------------------------------------------------------


def test_run_without_changes_costs_a_handful_of_requests(mirror: Connection, asked: Asked):
    seen(mirror, "deals")
    earlier(mirror, 61)
    asked()
    pull.pull(mirror)
    assert sorted(asked()) == ["GET /api/v1/contacts", "GET /api/v2/deals"]


HOUR = 3600


@pytest.mark.parametrize(("pages", "away", "most"), [("deals", 0, 400), ("", 0, 140), ("", 10 * HOUR, 12)])
def test_hour_without_changes_costs_what_the_manual_says(
    mirror: Connection, asked: Asked, pages: str, away: int, most: int
):
    """Each stream runs once as a sample; how often it would in an hour, its rhythm says."""
    now = database_now()
    attention = rhythm.Attention(frozenset({pages} if pages else ()), now - timedelta(seconds=away))
    cost = 0.0
    for spec in registry.streams():
        Stream.objects.filter(connection=mirror).update(paused=True)
        Stream.objects.filter(connection=mirror, name=spec.name).update(paused=False, next_run_at=None)
        asked()
        pull.pull(mirror)
        cost += len(asked()) * HOUR / attention.seconds(spec.rhythm, spec.pages, now)
    assert 0 < cost <= most, cost


@pytest.mark.parametrize("offset", [-HOUR, HOUR])
def test_clock_an_hour_apart_leaves_no_gap_and_costs_no_listing(
    mirror: Connection, deal: Deal, person: Contact, nimble: SandboxServer, asked: Asked, offset: int
):
    """The cursors follow Nimble's own stamps, whatever its clock says, also when that is put right in between."""
    name = nimble.object("contact", person.nimble_id)["fields"]["first name"][0]
    for number, now in enumerate((offset, 0, offset)):
        nimble.set(clock_offset=now)
        fields = {"first name": [name | {"value": f"Zuzana {number}"}]}
        nimble.edit(BJORN, "contact", person.nimble_id, set={"fields": fields})
        nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": f"Changed {number}"})
        pull.sync_now(mirror, "contacts", "deals")
        asked()
        pull.pull(mirror)
        # By that clock the token may have run out: then one is asked for twice.
        assert set(asked()) == {"GET /api/v1/contacts", "GET /api/v2/deals"}
        person.refresh_from_db()
        deal.refresh_from_db()
        assert (person.first_name, deal.name) == (f"Zuzana {number}", f"Changed {number}")
