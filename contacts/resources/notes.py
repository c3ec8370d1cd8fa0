"""Saving what Nimble says of notes on contacts, and sending one edit of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import mapping, queries
from contacts.models import Contact, ContactNote
from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import clean, twins, when
from sync.clock import database_now
from sync.ids import object_id
from sync.models import Edit
from sync.resource import Found, Parsed, Resource

PREVIEW = 200


class ContactNotes(Resource):
    kind = "contact_note"
    title_of_kind = gettext_lazy("Note on a contact")
    recreatable = True
    model = ContactNote

    def parse(self, payload: dict[str, Any]) -> Parsed:
        return Parsed(*mapping.split_note(payload))

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return {"note": remote.get("note")}

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        body = values.get("note")
        markup = body if isinstance(body, str) else ""
        safe = clean.html(markup)
        found = {"html": safe, "text": clean.plain(safe)[:20_000], "removed": bool(values.get("removed"))}
        if remote:
            found["author_id"] = text_of(remote.get("owner_id"))[:64]
            found["author_name"] = text_of(remote.get("author_name"))[:255]
            found["written_at"] = when.moment(remote.get("created"))
        return found

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        links = ContactNote.contacts.through
        for pk, remote in rows.items():
            note = ContactNote.objects.only("workspace_id").get(pk=pk)
            wanted = set(
                Contact.objects.filter(
                    workspace_id=note.workspace_id, nimble_id__in=mapping.note_contacts(remote)
                ).values_list("pk", flat=True)
            )
            if wanted:
                links.objects.filter(contactnote_id=pk).exclude(contact_id__in=wanted).delete()
            links.objects.bulk_create(
                [links(contactnote_id=pk, contact_id=contact) for contact in wanted], ignore_conflicts=True
            )

    def fetch(self, client: Client, row: ContactNote) -> dict[str, Any]:
        return client.note(row.known_id)

    def create(self, client: Client, row: ContactNote, values: dict[str, Any]) -> dict[str, Any]:
        return client.create_note(row.known_id, self._body(row, values["note"]))

    def update(
        self, client: Client, row: ContactNote, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        return client.update_note(row.known_id, self._body(row, send["note"]))

    def delete(self, client: Client, row: ContactNote) -> None:
        client.delete_note(row.known_id)

    def look_up(self, client: Client, row: ContactNote, edit: Edit) -> Found:
        """By the id that we chose; else by author, time and equal text among the contact's newest notes."""
        try:
            return Found(payload=client.note(row.known_id))
        except errors.NotFound:
            pass
        contact = row.contacts.first()
        if contact is None or contact.nimble_id is None:
            return Found()
        listed = client.contact_notes(contact.nimble_id, per_page=50).get("resources") or []
        since = (edit.sent_at or edit.created_at) - timedelta(minutes=5)
        wanted = clean.plain(clean.html(edit.fields["note"]["new"]))
        same = [
            note
            for note in twins.possible(row, listed)
            if note.get("owner_id") == edit.connection.nimble_user_id
            and (when.moment(note.get("created")) or since) >= since
            and clean.plain(clean.html(note.get("note") or "")) == wanted
        ]
        return Found(payload=same[0]) if len(same) == 1 else Found(candidates=same)

    def candidate(self, payload: dict[str, Any]) -> dict[str, str]:
        text = clean.plain(clean.html(text_of(payload.get("note"))))
        return {**super().candidate(payload), "title": text[:PREVIEW]}

    def successor(self, row: ContactNote, connection: Connection) -> ContactNote:
        return ContactNote(
            workspace_id=row.workspace_id,
            nimble_id=object_id(),
            author_id=connection.nimble_user_id,
            author_name=connection.name,
            written_at=database_now(),
        )

    def relink(self, old: ContactNote, new: ContactNote) -> None:
        new.contacts.set(old.contacts.all())

    def equal(self, one: Any, other: Any) -> bool:
        return clean.plain(clean.html(one or "")) == clean.plain(clean.html(other or ""))

    def adopted(self, row: ContactNote, values: dict[str, Any]) -> dict[str, Any]:
        written = row.written_at.isoformat() if row.written_at else None
        return {**values, "owner_id": row.author_id, "author_name": row.author_name, "created": written}

    def _body(self, row: ContactNote, note: str) -> dict[str, Any]:
        ids = [nimble_id for nimble_id in row.contacts.values_list("nimble_id", flat=True) if nimble_id]
        return {"contact_ids": ids, "note": note, "note_preview": clean.plain(note)[:PREVIEW]}

    def for_user(self, user: Any) -> Any:
        return ContactNote.objects.filter(contacts__in=queries.for_user(user), gone_at=None).distinct()

    def url(self, row: ContactNote) -> str:
        return self._link(row, row.contacts.all())[1] if row.pk else "/"

    def title(self, row: ContactNote) -> str:
        return self._link(row, row.contacts.all())[0] if row.pk else ""

    def link(self, row: ContactNote, user: Any) -> tuple[str, str]:
        return self._link(row, queries.for_user(user).filter(notes=row))

    def remembered(self, pk: int, user: Any) -> str:
        contact = queries.for_user(user).filter(notes=pk).order_by("is_private", "pk").first()
        return _("Note on {name}, removed").format(name=contact.name) if contact else ""

    def links(self, rows: Sequence[ContactNote], user: Any) -> dict[int, tuple[str, str]]:
        on = ContactNote.contacts.through.objects.filter(contactnote__in=rows, contact__in=queries.for_user(user))
        ordered = on.select_related("contact").order_by("contact__is_private", "contact_id")
        first: dict[int, Contact] = {}
        for link in ordered:
            first.setdefault(link.contactnote_id, link.contact)
        return {row.pk: self._titled(row, first.get(row.pk)) for row in rows}

    def label(self, field: str, names: Any) -> str:
        return _("Note")

    def shown(self, field: str, value: Any, names: Any, beside: Mapping[str, Any]) -> str:
        return clean.plain(clean.html(value)) if isinstance(value, str) else super().shown(field, value, names, beside)

    def _link(self, row: ContactNote, contacts: QuerySet[Contact]) -> tuple[str, str]:
        """By one that the note is on: rather one that everybody may see."""
        return self._titled(row, contacts.order_by("is_private", "pk").first())

    def _titled(self, row: ContactNote, contact: Contact | None) -> tuple[str, str]:
        return (contact.name, f"{contact.get_absolute_url()}#note-{row.pk}") if contact else ("", "/")


def text_of(value: Any) -> str:
    """A string, or '' for anything else."""
    return value if isinstance(value, str) else ""
