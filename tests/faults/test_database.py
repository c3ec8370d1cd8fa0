"""The database is locked, has no room left, or is restarted: nothing is half written, and the next try succeeds."""

import contextlib
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ContactNote
from deals import actions
from nimble.models import Connection
from sync import edits, events, outbox, pull
from sync.models import Edit, Run, State, Stream
from tests import servers
from tests.faults.conftest import state_of
from tests.faults.crew import Worker
from tests.people import ADA
from tests.processes import wait_for
from tests.sandboxes import SandboxServer


@contextmanager
def locked() -> Iterator[None]:
    """Somebody else holds what every writer needs; who waits here gives up after a moment instead of half a minute."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        other: Any = sqlite3.connect(values["NAME"], isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        impatient, patient = "PRAGMA busy_timeout = 300", "PRAGMA busy_timeout = 30000"
    else:
        other = psycopg.connect(host=values["HOST"], user=values["USER"], dbname=values["NAME"])
        other.execute("LOCK TABLE sync_edit, contacts_contact, sync_stream IN EXCLUSIVE MODE")
        impatient, patient = "SET lock_timeout = '300ms'", "SET lock_timeout = 0"
    with connection.cursor() as cursor:
        cursor.execute(impatient)
    try:
        yield
    finally:
        other.rollback()
        other.close()
        with connection.cursor() as cursor:
            cursor.execute(patient)


def browser(person: Connection) -> Client:
    """A browser that is shown the page for what went wrong."""
    client = Client(raise_request_exception=False)
    client.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_form_sent_while_the_database_is_locked_saves_all_or_nothing(mirror, contact, nimble: SandboxServer):
    page, address = browser(mirror), reverse("contacts:write_note", args=[contact.pk])
    kept = ContactNote.objects.count()
    with locked():
        answer = page.post(address, {"text": "Typed meanwhile"}, headers={"HX-Request": "true"})
        # Nothing is swapped for an answer like this: what was typed stays where it was typed.
        assert answer.status_code == 500
        assert page.get(contact.get_absolute_url()).status_code == 200, "reading works"
    assert (ContactNote.objects.count(), Edit.objects.count()) == (kept, 0)
    assert page.post(address, {"text": "Typed meanwhile"}, headers={"HX-Request": "true"}).status_code == 200
    assert (ContactNote.objects.count(), Edit.objects.count()) == (kept + 1, 1)
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED


def test_edit_that_waits_while_the_database_is_locked_is_sent_afterwards(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    with locked(), pytest.raises(DatabaseError):
        outbox.deliver()
    assert (state_of(edit), edit.attempts) == (State.PENDING, 0)
    assert nimble.writes() == []
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED


def test_answer_that_comes_while_the_database_is_locked_is_found_again(mirror, deal, nimble: SandboxServer):
    """Nimble has done it, and that cannot be written down."""
    nimble.fault(method="PUT", path="/api/v2/deals/", hang_ms=1500)
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="19")
    over = threading.Event()

    def hold() -> None:
        wait_for(nimble.writes, "Nimble has done it")
        with locked():
            over.wait(20)
        connection.close()

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 300" if connection.vendor == "sqlite" else "SET lock_timeout = '300ms'")
    holder = threading.Thread(target=hold)
    holder.start()
    try:
        # Not even the next edit can be looked for.
        with contextlib.suppress(DatabaseError):
            outbox.deliver()
    finally:
        over.set()
        holder.join(30)
    assert state_of(edit) == State.SENDING
    connection.close()
    Edit.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    outbox.deliver()
    assert state_of(edit) == State.CONFIRMED
    assert len(nimble.writes()) == 1


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of the database's can grow any more, as its own engine is told by the system."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA page_count")
            pages = cursor.fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            yield
            cursor.execute("PRAGMA max_page_count = 1073741823")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    # A segment of the log has 16 MB, and must still fit.
    limit_files(backend, str(17 << 20))
    yield
    limit_files(backend, "unlimited")


def limit_files(process: int, size: str) -> None:
    """As the user that PostgreSQL runs as, who may."""
    command = ["prlimit", "--pid", str(process), f"--fsize={size}:"]
    subprocess.run(command, check=True, **servers.as_owner(servers.postgres().folder))


@pytest.mark.broken_answers
def test_page_that_finds_the_disk_full_is_stored_whole_by_the_next_run(mirror, nimble: SandboxServer):
    people = list(Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[:20])
    for number, one in enumerate(people):
        text = os.urandom(9_300_000 if number == 10 else 20_000).hex()
        fields = {"description": [{"value": text, "modifier": "", "field_id": "1"}]}
        nimble.edit(ADA, "contact", one.nimble_id, set={"fields": fields})
    digests = dict(Contact.objects.values_list("pk", "digest"))
    cursor = Stream.objects.get(connection=mirror, name="contacts").cursor
    Stream.objects.exclude(name="contacts").update(paused=True)
    pull.sync_now(mirror, "contacts")
    # Not even the failure may find room.
    with full_disk(), contextlib.suppress(DatabaseError):
        assert [run.state for run in pull.pull(mirror) or []] == [Run.State.FAILED]
    connection.close()
    assert dict(Contact.objects.values_list("pk", "digest")) == digests, "no half page"
    stream = Stream.objects.get(connection=mirror, name="contacts")
    assert stream.cursor == cursor
    pull.sync_now(mirror, "contacts")
    assert [run.state for run in pull.pull(mirror) or []] == [Run.State.DONE]
    changed = {pk for pk, digest in Contact.objects.values_list("pk", "digest") if digests[pk] != digest}
    assert changed >= {one.pk for one in people}


@pytest.mark.integration
def test_restarted_postgresql_costs_no_edit(sender: Worker, mirror, deal, nimble: SandboxServer):
    if connection.vendor != "postgresql":
        pytest.skip("only on PostgreSQL")
    page, server = browser(mirror), servers.postgres()
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="41")
    sender.until(lambda: state_of(edit) == State.CONFIRMED, "it is sent")
    server.stop()
    answer = page.post(reverse("deals:write_note", args=[deal.pk]), {"title": "A", "body": "B"})
    assert answer.status_code == 500
    connection.close()
    server.start()
    assert Edit.objects.count() == 1
    assert page.get(deal.get_absolute_url()).status_code == 200
    after = actions.change(author=mirror.user, deal=deal, field="amount", value="42")
    sender.until(lambda: state_of(after) == State.CONFIRMED, "the same worker sends it", timeout=60)


def noted_meanwhile(page: Client, contact: Contact, noted: "Future[Any]") -> None:
    """Write a note on a contact, in a thread of its own; `noted` gets the answer."""
    try:
        noted.set_result(page.post(reverse("contacts:write_note", args=[contact.pk]), {"text": "Called"}).status_code)
    finally:
        connection.close()


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("key_changes", [True, False])
def test_note_on_a_contact_that_is_being_stored_waits_for_nobody_in_a_circle(
    mirror: Connection, contact: Contact, key_changes: bool
):
    if connection.vendor != "postgresql":
        pytest.skip("only on PostgreSQL")
    page, noted = browser(mirror), Future[Any]()
    writer = threading.Thread(target=noted_meanwhile, args=[page, contact, noted])
    with events.atomic():
        if key_changes:
            # As a create does, which learns its record's id.
            Contact.objects.select_for_update().get(pk=contact.pk)
            events.note(contact.workspace_id, Contact.kind, [contact.pk])
        else:
            edits.record(author=mirror.user, row=contact, new={"tags": ["met"]})
        writer.start()
        wait_for(lambda: waits_for_a_lock() or noted.done(), "the note meets the lock")
        assert noted.done() is not key_changes
    writer.join(10)
    assert noted.result(0) in (200, 302)
    assert Edit.objects.filter(kind=ContactNote.kind, operation=Edit.Operation.CREATE).count() == 1
