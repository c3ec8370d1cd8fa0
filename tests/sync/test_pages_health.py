"""The sync page's streams, questions and figures: what they say, to whom, and what their buttons do."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble.models import Connection, ConnectionState
from nimble.pace import breaker as breakers
from nimble.pace import stored
from sync.clock import database_now
from sync.models import Brake, Check, Heartbeat, Run, Stream, Vanished
from tests import factories
from tests.people import BJORN
from tests.sync.pages import signed_in, text, workers_alive

HTMX = {"HX-Request": "true"}
# Of the page of a person with a brake, for any number of streams, runs and figures.
PAGE_QUERIES = 15


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    workers_alive()
    return factories.mirrored(ada)


@pytest.fixture
def hold(mirror: Connection) -> Callable[..., Brake]:
    """Makes a brake that holds these contacts."""

    def make(contacts: list[Contact], **values: Any) -> Brake:
        now = database_now()
        stream = Stream.objects.get(connection=mirror, name="listing")
        found = {"missing": len(contacts), "known": 60, "mark": "mark-1", "began_at": now, "listed_at": now}
        brake = Brake.objects.create(stream=stream, kind="contact", **(found | values))
        Vanished.objects.bulk_create([Vanished(brake=brake, record_id=contact.pk) for contact in contacts])
        return brake

    return make


@pytest.fixture
def operator(db: None) -> Client:
    user = get_user_model().objects.create_superuser("root")
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    client = Client()
    client.force_login(user)
    return client


def check(connection: Connection, **values: Any) -> Check:
    stream = Stream.objects.get(connection=connection, name="deals")
    figures: dict[str, Any] = {
        "key": "s/EUR",
        "name": "Sales · Won",
        "unit": "EUR",
        "theirs": 100,
        "ours": 112,
        "walks": 2,
    }
    now = database_now()
    figures |= {"compared_at": now, "differs_since": now}
    return Check.objects.create(stream=stream, **(figures | values))


# --- the brake ---


def test_page_asks_about_vanished_records_by_the_names_their_person_may_see(
    mirror: Connection, hold: Callable[..., Brake]
):
    other = factories.private_contact(mirror, "Kestrelwood person")
    seen = list(Contact.objects.filter(is_private=False)[:3])
    Contact.objects.filter(pk=other.pk).update(owner_id="somebody else", gone_at=database_now())
    hold([*seen, other], missing=40)
    page = text(signed_in(mirror).get("/sync/"))
    assert "40 of 60 records vanished from Nimble at once" in page
    assert "They are gone: go on" in page
    assert all(contact.name in page for contact in seen)
    assert "and 37 more" in page
    assert "Kestrelwood" not in page
    assert page.index("until you say whether they are gone") < page.index("40 of 60")


def test_chip_says_that_the_brake_holds(mirror: Connection, hold: Callable[..., Brake]):
    hold([], missing=40)
    assert "Needs you: records vanished" in text(signed_in(mirror).get("/sync/chip/"))


def test_operator_is_asked_without_names(mirror: Connection, hold: Callable[..., Brake], operator: Client):
    contact = Contact.objects.filter(is_private=False)[0]
    brake = hold([contact], missing=40)
    page = text(operator.get("/sync/"))
    assert "40 of 60 records vanished from Nimble at once" in page
    assert contact.name not in page
    assert operator.post(f"/sync/brakes/{brake.pk}/refuse/", {"mark": brake.mark}).status_code == 302
    brake.refresh_from_db()
    assert (brake.state, brake.decided_by.username) == (Brake.State.REFUSED, "root")


def test_colleague_is_neither_asked_nor_heard(mirror: Connection, hold: Callable[..., Brake], connect):
    brake = hold([], missing=40)
    client = signed_in(connect(BJORN))
    assert "vanished" not in text(client.get("/sync/"))
    assert client.post(f"/sync/brakes/{brake.pk}/approve/", {"mark": brake.mark}).status_code == 404
    brake.refresh_from_db()
    assert brake.state == Brake.State.HELD


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        ("approve", Brake.State.APPROVED, "said now that they are gone"),
        ("refuse", Brake.State.REFUSED, "said now that they stay"),
    ],
)
def test_decision_is_written_down_and_shown(
    mirror: Connection, hold: Callable[..., Brake], action: str, state: str, words: str
):
    Stream.objects.update(next_run_at=database_now(), cursor={"walked": "x"})
    brake = hold([], missing=40)
    client = signed_in(mirror)
    path = f"/sync/brakes/{brake.pk}/{action}/"
    assert client.post(path, {"mark": "mark-0"}, headers=HTMX).status_code == 409
    assert client.post(path, {"mark": brake.mark}, headers=HTMX).status_code == 204
    brake.refresh_from_db()
    assert (brake.state, brake.decided_by) == (state, mirror.user)
    assert words.split(" now ")[1] in text(client.get("/sync/"))
    due = Stream.objects.get(name="listing").next_run_at is None
    assert due == (action == "approve")
    # Whoever has decided may think again.
    other = {"approve": "refuse", "refuse": "approve"}[action]
    assert client.post(f"/sync/brakes/{brake.pk}/{other}/", {"mark": brake.mark}).status_code == 302
    brake.refresh_from_db()
    assert brake.state != state


def test_operator_sees_everybodys_states_and_no_record(mirror: Connection, operator: Client):
    deal = Deal.objects.filter(is_private=False)[0]
    actions.change(author=mirror.user, deal=deal, field="name", value="Kestrelwood")
    Stream.objects.filter(connection=mirror, name="notes").update(paused=True)
    answer = operator.get("/sync/")
    row = re.search(rf"{mirror.name}</th>(.*?)</tr>", answer.content.decode())
    assert row
    assert re.findall(r"data-number>(\d+)<", row[1])[:4] == ["1", "0", "0", "1"]
    assert "The sending worker was last seen" in text(answer)
    assert "The clock (beat) has not been seen yet" in text(answer)
    Heartbeat.objects.create(name="beat", at=database_now())
    assert "Everything runs, and Nimble answers." in text(operator.get("/sync/"))
    assert deal.name not in text(answer)
    assert "Kestrelwood" not in text(answer)
    assert "Everybody's sync" not in text(signed_in(mirror).get("/sync/"))


# --- Nimble's pace ---


def test_page_says_how_long_nimble_has_had_trouble_and_what_waits(mirror: Connection):
    deal = Deal.objects.filter(is_private=False)[0]
    actions.change(author=mirror.user, deal=deal, field="amount", value="31337")
    for what in ("one", "two", "three"):
        stored.change_breaker(lambda breaker, now, what=what: breakers.failed(breaker, what, now))
    page = text(signed_in(mirror).get("/sync/"))
    assert re.search(r"Nimble has had trouble since \d\d:\d\d\. It is (asked again in|being asked again)", page)
    assert "1 edit waits and goes out by itself." in page
    assert "Nimble has trouble" in text(signed_in(mirror).get("/sync/chip/"))


def test_page_says_how_fast_nimble_is_asked(mirror: Connection):
    page = text(signed_in(mirror).get("/sync/"))
    assert re.search(
        r"\d+ requests? to Nimble in the last hour, \d+ in 24 hours · 0 in flight · at most [\d.]+ a second", page
    )


# --- streams ---


@pytest.mark.parametrize("name", ["deals", "notes"])
def test_stream_is_paused_resumed_and_made_due_alone(mirror: Connection, name: str):
    later = database_now()
    Stream.objects.update(next_run_at=later, cursor={"walked": "x"}, checkpoint={"page": 3})
    client = signed_in(mirror)
    stream = Stream.objects.get(connection=mirror, name=name)
    others = Stream.objects.exclude(pk=stream.pk)

    def press(action: str) -> Stream:
        answer = client.post(f"/sync/streams/{name}/{action}/", headers=HTMX)
        assert (answer.status_code, "sync-changed" in answer["HX-Trigger"]) == (200, True)
        stream.refresh_from_db()
        return stream

    assert press("pause").paused
    assert press("now").next_run_at == later
    assert "Partly paused" in text(client.get("/sync/chip/"))
    assert "Paused by a person:" in text(client.get("/sync/"))
    resumed = press("resume")
    assert (resumed.paused, resumed.next_run_at, resumed.checkpoint) == (False, None, {"page": 3})
    assert (press("full").checkpoint, stream.cursor) == (None, {})
    assert not others.filter(paused=True).exists()
    assert not others.filter(next_run_at=None).exists()


def test_reading_a_stream_anew_says_first_what_it_costs(mirror: Connection):
    stream = Stream.objects.get(connection=mirror, name="deals")
    now = database_now()
    for requests in (7, 312, 9):
        Run.objects.create(
            stream=stream, state=Run.State.DONE, started_at=now, moved_at=now, finished_at=now, requests=requests
        )
    client = signed_in(mirror)
    page = client.get("/sync/streams/deals/full/")
    assert "It took 312 requests" in text(page)
    assert "<html" in page.content.decode()
    dialog = client.get("/sync/streams/deals/full/", headers=HTMX)
    assert "<html" not in dialog.content.decode()
    assert 'method="post"' in dialog.content.decode()


def test_buttons_of_streams_need_a_connection_and_a_stream(mirror: Connection):
    client = signed_in(mirror)
    assert client.post("/sync/streams/nothing/pause/").status_code == 404
    Connection.objects.filter(pk=mirror.pk).update(state=ConnectionState.RECONNECT)
    assert signed_in(mirror).post("/sync/streams/deals/pause/", headers=HTMX).status_code == 409
    assert not Stream.objects.filter(paused=True).exists()


# --- figures ---


def test_page_says_that_figures_agree_or_differ(mirror: Connection):
    check(mirror, ours=100, walks=0, differs_since=None)
    check(mirror, key="deals", name="", unit="", theirs=7, ours=7, walks=0, differs_since=None)
    client = signed_in(mirror)
    assert "Deals: all 2 figures agree" in text(client.get("/sync/"))
    Check.objects.filter(key="s/EUR").update(ours=112, walks=1)
    page = text(client.get("/sync/"))
    assert "Deals: 1 figure differs" in page
    assert "compared again with the next listing" in page
    assert "Everything is in step" in page, "one difference may be a change under way"
    Check.objects.filter(key="s/EUR").update(walks=2)
    page = text(client.get("/sync/"))
    assert "1 of Nimble's own figures differs from ours" in page
    assert "Figures differ from Nimble's" in page


def test_figures_are_listed_with_their_difference(mirror: Connection):
    check(mirror, theirs=Decimal("1234567.5"), ours=Decimal("1234579.5"))
    page = text(signed_in(mirror).get("/sync/figures/"))
    assert "Sales · Won" in page
    for amount in ("€1,234,567.50", "€1,234,579.50", "€12"):
        assert amount in page


def test_figures_of_others_are_not_shown(mirror: Connection, connect):
    check(mirror)
    client = signed_in(connect(BJORN))
    assert "Sales · Won" not in text(client.get("/sync/figures/"))
    assert "Nothing was compared yet" in text(client.get("/sync/figures/"))


def test_repair_reads_what_differs_anew(mirror: Connection):
    Stream.objects.update(next_run_at=database_now(), cursor={"walked": "x"})
    check(mirror)
    client = signed_in(mirror)
    assert client.post("/sync/figures/deals/repair/", headers=HTMX).status_code == 200
    assert list(Stream.objects.filter(cursor={}).values_list("name", flat=True)) == ["deals"]
    assert client.post("/sync/figures/notes/repair/").status_code == 404


def test_page_runs_the_same_queries_however_much_there_is(mirror: Connection, hold: Callable[..., Brake]):
    hold(list(Contact.objects.all()[:2]), missing=40)
    client = signed_in(mirror)
    now = database_now()
    counts = []
    for round_ in range(2):
        with CaptureQueriesContext(database) as captured:
            assert client.get("/sync/").status_code == 200
        counts.append(len(captured))
        for stream in Stream.objects.filter(connection=mirror):
            Run.objects.create(stream=stream, state=Run.State.DONE, started_at=now, moved_at=now, finished_at=now)
        for number in range(5):
            check(mirror, key=f"{round_}-{number}")
    assert counts == [PAGE_QUERIES, PAGE_QUERIES]
