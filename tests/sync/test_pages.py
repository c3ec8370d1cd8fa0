"""The page of sync: what it says, to whom, and what its buttons do."""

import logging
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from kombu import Connection as Broker
from kombu import pools

from contacts import actions as contact_actions
from contacts.models import Contact
from crmportal.celery import app as celery
from deals import actions
from deals.models import Deal
from nimble.models import Connection, ConnectionState
from sync import bell, outbox, pull
from sync.clock import database_now
from sync.models import Edit, Heartbeat, State, Stream
from tests import factories
from tests.people import BJORN, ZOE
from tests.sandboxes import SandboxServer
from tests.sync.pages import signed_in, text, workers_alive

HTMX = {"HX-Request": "true"}


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    return factories.mirrored(ada)


def test_index_says_that_everything_is_in_step(mirror: Connection):
    workers_alive()
    page = text(signed_in(mirror).get("/sync/"))
    assert "Everything is in step: Nimble as of" in page
    assert "The sending worker was last seen" in page
    assert "Nothing waits: all that you changed here is in Nimble." in page


def test_index_says_what_was_never_read_to_its_end(mirror: Connection):
    workers_alive()
    Stream.objects.filter(connection=mirror, name="notes").update(completed_at=None)
    page = text(signed_in(mirror).get("/sync/"))
    assert "Still being read for the first time: Notes. The rest is Nimble as of" in page
    assert "Everything is in step" not in page


def test_index_says_which_worker_is_missing_and_how_to_start_it(mirror: Connection, deal: Deal):
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    page = text(signed_in(mirror).get("/sync/"))
    assert "1 edit waits here: the sending worker is not running." in page
    assert "The sending worker has not been seen yet: start it with ./run start worker" in page


def test_index_tells_how_long_a_worker_has_been_silent(mirror: Connection):
    workers_alive()
    Heartbeat.objects.filter(name="pull").update(at=database_now() - timedelta(seconds=130))
    page = text(signed_in(mirror).get("/sync/"))
    assert page.count("The fetching worker has not been seen for 2 min: start it with ./run start worker") == 2
    assert "See Sync" not in page
    # Where the clock stands still as well, no worker hears the bell: it is not the worker that has to be started.
    Heartbeat.objects.update_or_create(name="beat", defaults={"at": database_now() - timedelta(seconds=130)})
    page = text(signed_in(mirror).get("/sync/"))
    assert page.count("The fetching worker has not been seen for 2 min: start it with ./run start") == 2
    assert "./run start worker" not in page


def test_index_lists_an_edit_with_its_record_and_fields_in_words(mirror: Connection, deal: Deal):
    workers_alive()
    actions.change(author=mirror.user, deal=deal, field="expected_close_date", value="2027-01-31")
    answer = signed_in(mirror).get("/sync/")
    page = text(answer)
    assert f'href="{deal.get_absolute_url()}"' in answer.content.decode()
    assert deal.name in page
    assert "Expected close" in page
    assert "Saved here" in page
    assert "1 edit is on its way" in page


def test_index_shows_nobody_the_edits_of_others(mirror: Connection, deal: Deal, connect):
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    for other in (connect(BJORN), connect(ZOE)):
        page = text(signed_in(other).get("/sync/"))
        assert deal.name not in page
        assert "Nothing waits" in page


def test_record_that_is_no_longer_seen_is_called_what_its_author_typed(mirror: Connection, deal: Deal, connect):
    bjorn = factories.caught_up(connect(BJORN))
    actions.change(author=bjorn.user, deal=deal, field="name", value="What Björn calls it")
    actions.change(author=mirror.user, deal=deal, field="name", value="What I call it")
    actions.change(author=mirror.user, deal=deal, field="amount", value="7")
    Connection.objects.filter(pk=mirror.pk).update(state=ConnectionState.RECONNECT)
    page = text(signed_in(mirror).get("/sync/"))
    assert page.count("What I call it") >= 2
    assert (deal.name in page, "Björn" in page) == (False, False)


@pytest.mark.parametrize("state", [ConnectionState.RECONNECT, ConnectionState.DISCONNECTED, ConnectionState.LEFT])
def test_index_shows_a_lost_person_their_edits_without_the_record(mirror: Connection, deal: Deal, state: str):
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="what I typed")
    Connection.objects.filter(pk=mirror.pk).update(state=state)
    client = signed_in(mirror)
    page = text(client.get("/sync/"))
    assert deal.name not in page
    assert "A record that you no longer see" in page
    assert "Reconnect Nimble" in page
    detail = text(client.get(f"/sync/edits/{edit.pk}/"))
    assert deal.name not in detail
    assert "what I typed" in detail


def test_index_runs_the_same_queries_for_one_edit_and_for_three(mirror: Connection, deal: Deal):
    workers_alive()
    client = signed_in(mirror)
    others = Deal.objects.filter(gone_at=None, is_private=False).exclude(pk=deal.pk)[:2]
    counts = []
    for batch in ([deal], others):
        for each in batch:
            actions.change(author=mirror.user, deal=each, field="amount", value="31337")
        with CaptureQueriesContext(
            database,
        ) as captured:
            assert client.get("/sync/").status_code == 200
        counts.append(len(captured))
    assert counts == [INDEX_QUERIES, INDEX_QUERIES]


# Two of them for the currencies that amounts had.
INDEX_QUERIES = 17


def test_index_counts_quarantined_records_by_cause_without_their_payload(mirror: Connection):
    for number, reason in enumerate(["Unstorable: a canary", "Unstorable: another canary", "TypeError: canary"]):
        factories.quarantined(mirror, "contact", f"5f0c{number}", reason, secret="canary")
    answer = signed_in(mirror).get("/sync/")
    assert "2 Contact It lacks what every such record has. 1 Contact It is not shaped as" in text(answer)
    assert 'href="/inbox/#quarantined"' in answer.content.decode()
    assert b"canary" not in answer.content


@pytest.mark.django_db(transaction=True)
def test_index_says_why_a_stream_failed(mirror: Connection, nimble: SandboxServer):
    workers_alive()
    nimble.fault(path=r"/api/v1/contacts\?", status=500, times=100)
    pull.sync_now(mirror)
    pull.pull(mirror)
    page = text(signed_in(mirror).get("/sync/"))
    assert "Not in step:" in page
    assert "Failed once" in page
    assert "Nimble had an internal error." in page


def test_index_answers_htmx_with_the_part_that_changes(mirror: Connection):
    answer = signed_in(mirror).get("/sync/", headers=HTMX)
    assert "<html" not in answer.content.decode()
    assert 'id="standing"' in answer.content.decode()


def test_sync_now_makes_every_stream_due(mirror: Connection):
    client = signed_in(mirror)
    answer = client.post("/sync/now/", headers=HTMX)
    assert (answer.status_code, "Looking for changes in Nimble." in text(answer)) == (200, True)
    assert not Stream.objects.filter(connection=mirror, next_run_at__isnull=False).exists()
    assert client.get("/sync/now/").status_code == 405


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/sync/now/", "/sync/full/"])
def test_sync_now_and_full_answer_at_once_without_a_broker(
    mirror: Connection, monkeypatch: pytest.MonkeyPatch, path: str
):
    dead = Broker("redis://127.0.0.1:1", transport_options={"socket_connect_timeout": 2})
    monkeypatch.setattr(celery.amqp, "_producer_pool", pools.producers[dead])
    client = signed_in(mirror)
    began = time.monotonic()
    assert client.post(path).status_code == 302
    took = time.monotonic() - began
    bell._thread.submit(int).result()  # it gives up while its log is still there
    assert took < 1.5
    assert not Stream.objects.filter(connection=mirror, next_run_at__isnull=False).exists()


def test_full_reads_everything_anew(mirror: Connection):
    assert signed_in(mirror).post("/sync/full/").status_code == 302
    assert {tuple(stream.cursor) for stream in Stream.objects.filter(connection=mirror)} == {()}


def test_sync_now_without_a_connection_is_refused(mirror: Connection):
    Connection.objects.filter(pk=mirror.pk).update(state=ConnectionState.RECONNECT)
    answer = signed_in(mirror).post("/sync/now/", headers=HTMX)
    assert (answer.status_code, "Connect your Nimble account first." in text(answer)) == (409, True)


def test_chip_is_a_fragment_that_tells_the_state(mirror: Connection, deal: Deal):
    workers_alive()
    client = signed_in(mirror)
    assert "Synced" in text(client.get("/sync/chip/"))
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    chip = client.get("/sync/chip/")
    assert "1 edit of yours waiting" in text(chip)
    assert 'hx-trigger="every 2s"' in chip.content.decode()
    assert "<html" not in chip.content.decode()
    assert "no-store" in chip["Cache-Control"]


def silent(seconds: int, *names: str) -> None:
    Heartbeat.objects.filter(name__in=names).update(at=database_now() - timedelta(seconds=seconds))


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING, State.SENDING])
def test_chip_is_never_synced_while_an_edit_waits(mirror: Connection, deal: Deal, state: str):
    workers_alive()
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    Edit.objects.filter(pk=edit.pk).update(state=state)
    chip = text(signed_in(mirror).get("/sync/chip/"))
    assert ("1 edit of yours waiting" in chip, "Synced" in chip) == (True, False)


@pytest.mark.parametrize("state", [State.REJECTED, State.CONFLICT, State.FAILED, State.AMBIGUOUS, State.BLOCKED])
def test_chip_says_that_an_edit_needs_its_author(mirror: Connection, deal: Deal, state: str):
    workers_alive()
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    Edit.objects.filter(pk=edit.pk).update(state=state)
    chip = signed_in(mirror).get("/sync/chip/")
    assert ("Needs you: 1 edit of yours" in text(chip), "Synced" in text(chip)) == (True, False)
    assert 'data-state="stalled"' in chip.content.decode()
    # A page that is open shows it beside the link to where it is decided.
    brought = '<span class="badge" id="count-{}"{} hx-swap-oob="true">{}</span>'
    assert brought.format("inbox", "", 1) in chip.content.decode()
    assert brought.format("notifications", " hidden", 0) in chip.content.decode()


def test_chip_brings_the_banner_of_a_dead_worker_and_takes_it_away(mirror: Connection, deal: Deal):
    workers_alive()
    silent(21, "push")
    actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    client = signed_in(mirror)
    chip = client.get("/sync/chip/", headers=HTMX | {"HX-Current-URL": "http://testserver/deals/"})
    assert "1 edit of yours waiting: nothing is sent" in text(chip)
    assert "1 edit waits here: the sending worker is not running. The sending worker has not been seen" in text(chip)
    assert "See Sync" in text(chip)
    assert '<div id="banners" hx-swap-oob="true">' in chip.content.decode()
    workers_alive()
    chip = client.get("/sync/chip/", headers=HTMX)
    assert '<div id="banners" hx-swap-oob="true">' in chip.content.decode()
    assert "banner" not in chip.content.decode().partition('id="banners"')[2]


def test_banner_is_one_for_both_workers_and_leads_nobody_to_where_they_are(mirror: Connection):
    workers_alive()
    silent(130, "push", "pull")
    client = signed_in(mirror)
    chip = client.get("/sync/chip/", headers=HTMX | {"HX-Current-URL": "http://testserver/sync/"})
    assert chip.content.decode().count('class="banner"') == 1
    assert "The sending and the fetching worker have not been seen for 2 min" in text(chip)
    assert "See Sync" not in text(chip)


def test_worker_that_waits_for_an_answer_is_not_dead(mirror: Connection, deal: Deal):
    workers_alive()
    silent(30, "push")
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    sent_at = database_now() - timedelta(seconds=30)
    Edit.objects.filter(pk=edit.pk).update(state=State.SENDING, sent_at=sent_at)
    chip = text(signed_in(mirror).get("/sync/chip/"))
    assert ("nothing is sent" in chip, "not been seen" in chip) == (False, False)


def test_arrived_edits_can_be_undone_from_the_history(mirror: Connection, deal: Deal, nimble: SandboxServer):
    before = deal.amount
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="31337")
    outbox.deliver()
    client = signed_in(mirror)
    assert "Arrived lately" in text(client.get("/sync/"))
    assert client.post(f"/sync/edits/{edit.pk}/undo/").status_code == 302
    outbox.deliver()
    deal.refresh_from_db()
    assert deal.amount == before
    edit.refresh_from_db()
    assert (edit.state, edit.undone_by.get().state) == (State.CONFIRMED, State.CONFIRMED)


def test_removed_notes_are_named_for_their_author(mirror: Connection, deal: Deal):
    workers_alive()
    contact = Contact.objects.filter(record_type="person", gone_at=None, is_private=False)[0]
    on_deal = actions.write_note(author=mirror.user, deal=deal, title="Call", body="Called them")
    on_contact = contact_actions.write_note(author=mirror.user, contact=contact, text="Once")
    outbox.deliver()
    for note in (on_deal, on_contact):
        note.refresh_from_db()
    actions.remove_note(author=mirror.user, note=on_deal)
    contact_actions.remove_note(author=mirror.user, note=on_contact)
    outbox.deliver()
    page = text(signed_in(mirror).get("/sync/"))
    assert f"Note on {deal.name}, removed" in page
    assert f"Note on {contact.name}, removed" in page
    assert "A record that you no longer see" not in page
    Deal.objects.filter(pk=deal.pk).update(gone_at=database_now())
    assert deal.name not in text(signed_in(mirror).get("/sync/"))


@pytest.mark.django_db(transaction=True)
def test_pull_draws_its_bar_without_logs_between(mirror: Connection, capfd: pytest.CaptureFixture[str], caplog):
    level = logging.root.level
    call_command("pull", full=True)
    assert [each for each in caplog.records if each.name.startswith("sync") and each.levelno < logging.WARNING] == []
    assert "Pulled" in capfd.readouterr().out
    assert logging.root.level == level
