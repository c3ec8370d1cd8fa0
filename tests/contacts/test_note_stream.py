"""The stream of notes: what was deleted in Nimble goes, what is marked meanwhile is read again."""

from typing import Any

import pytest
from django.test import Client

from contacts import streams
from contacts.models import Contact, ContactNote
from nimble import client, errors
from nimble.models import Connection
from sync import leases
from sync.models import Run, Stream
from sync.reader import Reader
from sync.runs import Pull, lease_name
from tests import factories
from tests.people import ADA
from tests.sandboxes import SandboxServer


@pytest.fixture
def row(transactional_db: None, ada: Connection, nimble: SandboxServer) -> Contact:
    """A contact with two notes in Nimble, whose notes were read."""
    factories.mirrored(ada, contacts=3)
    row = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    Contact.objects.exclude(pk=row.pk).update(notes_due=False)
    for text in ("First", "Second"):
        nimble.edit(ADA, "note", set={"contact_ids": [row.nimble_id], "note": text})
    read(ada)
    assert {"First", "Second"} <= texts(row)
    return row


def running(connection: Connection, kind: type[Pull] = Pull) -> Pull:
    """A run of the stream, as a worker begins one."""
    token = leases.acquire(lease_name(connection), 60)
    assert token is not None
    stream = Stream.objects.get(connection=connection, name="notes")
    run = Run.objects.create(stream=stream, started_at=stream.completed_at, moved_at=stream.completed_at)
    return kind(connection, stream, run, client.Client(connection), token)


def read(connection: Connection, kind: type[Pull] = Pull) -> None:
    begun = running(connection, kind)
    try:
        streams.pull_notes(begun)
    finally:
        leases.release(lease_name(connection), begun.token)


def texts(row: Contact) -> set[str]:
    return set(row.notes.filter(gone_at=None).values_list("text", flat=True))


def again(row: Contact) -> None:
    Contact.objects.filter(pk=row.pk).update(notes_due=True)


def test_note_that_was_deleted_in_nimble_is_gone(row: Contact, ada: Connection, nimble: SandboxServer):
    nimble.edit(ADA, "note", row.notes.get(text="First").nimble_id, delete=True)
    again(row)
    read(ada)
    assert "First" not in texts(row)
    assert "Second" in texts(row)


def test_note_that_is_gone_is_not_brought_back_by_a_page_that_was_read_before(
    row: Contact, ada: Connection, nimble: SandboxServer
):
    note = row.notes.get(text="First")
    reader = Reader(ada, client.Client(ada))
    payload, read_at = reader.read(lambda: reader.client.note(note.known_id))
    nimble.edit(ADA, "note", note.nimble_id, delete=True)
    again(row)
    read(ada)
    reader.page("contact_note", [payload], read_at=read_at)
    assert "First" not in texts(row)


def test_note_is_kept_where_the_listing_failed(row: Contact, ada: Connection, nimble: SandboxServer):
    nimble.edit(ADA, "note", row.notes.get(text="First").nimble_id, delete=True)
    nimble.fault(method="GET", path=f"/contacts/{row.nimble_id}/notes", status=403, times=1)
    again(row)
    read(ada)
    assert {"First", "Second"} <= texts(row)


def test_note_with_an_unsent_edit_is_kept_for_its_author(row: Contact, ada: Connection, nimble: SandboxServer):
    note = row.notes.get(text="First")
    visitor = Client()
    visitor.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")
    assert visitor.post(f"/contacts/{row.pk}/notes/{note.pk}/", {"text": "Mine"}).status_code == 302
    nimble.edit(ADA, "note", note.nimble_id, delete=True)
    again(row)
    read(ada)
    assert {"Mine", "Second"} <= texts(row)


def test_note_that_nimble_still_has_is_kept_though_no_listing_shows_it(row: Contact, ada: Connection):
    """Nimble has the note, on another contact: it leaves this one, and stays."""
    other = Contact.objects.exclude(pk=row.pk).filter(is_private=False)[0]
    note = row.notes.get(text="First")
    note.contacts.add(other)
    again(other)
    Contact.objects.filter(pk=row.pk).update(notes_due=False)
    read(ada)
    assert ContactNote.objects.get(pk=note.pk).gone_at is None


class Interrupted(Pull):
    """Somebody marks the contact while its notes are being read."""

    def read(self, fetch: Any) -> Any:
        answer = super().read(fetch)
        if isinstance(answer[0], dict):
            Contact.objects.filter(notes_read_at__isnull=False).update(notes_due=True)
        return answer


def test_mark_that_was_set_during_the_read_is_kept(row: Contact, ada: Connection):
    again(row)
    read(ada, Interrupted)
    row.refresh_from_db()
    assert row.notes_due


def test_read_that_failed_is_due_again(row: Contact, ada: Connection, nimble: SandboxServer):
    nimble.fault(method="GET", path=f"/contacts/{row.nimble_id}/notes", status=503, times=50)
    again(row)
    with pytest.raises(errors.NimbleError):
        read(ada)
    row.refresh_from_db()
    assert row.notes_due
