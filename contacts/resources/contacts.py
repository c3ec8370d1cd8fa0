"""Saving what Nimble says of contacts, and sending one edit of them."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import creation, layout, mapping, queries
from contacts.bodies import field_body, misread, tags_body
from contacts.forms import FORMS
from contacts.forms.base import FieldForm
from contacts.models import Contact, ContactField, ContactSight
from contacts.names import Names
from contacts.record import Record
from contacts.rules import TAGS, Known, rule
from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import twins
from sync.merge import Rule
from sync.models import Edit
from sync.resource import Audience, Editor, Found, Misunderstood, Parsed, Resource

CONTEXTS = ("last_contacted_data", "employers_data", "leads_data")


class Contacts(Resource):
    kind = "contact"
    title_of_kind = gettext_lazy("Contact")
    recreatable = True
    names_people = True
    model = Contact
    sight = ContactSight

    def parse(self, payload: dict[str, Any]) -> Parsed:
        return Parsed(*mapping.split(payload))

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return mapping.values(remote)

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return mapping.columns(remote, values)

    def rules(self, row: Contact, names: Iterable[str]) -> dict[str, Rule]:
        bare = {name: name.removeprefix(mapping.FIELD) for name in names}
        told = ContactField.objects.filter(workspace_id=row.workspace_id, name__in=bare.values())
        known = {
            name: Known(kind, multiples) for name, kind, multiples in told.values_list("name", "kind", "multiples")
        }
        return {name: TAGS if name == "tags" else rule(bare[name], known.get(bare[name])) for name in bare}

    def audience(self, remote: dict[str, Any]) -> Audience | None:
        return mapping.audience(remote)

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        # A contact that changed may have a new note.
        Contact.objects.filter(pk__in=rows, notes_due=False).update(notes_due=True)

    def fetch(self, client: Client, row: Contact) -> dict[str, Any]:
        return client.contact(row.known_id, contexts=CONTEXTS)

    def update(
        self, client: Client, row: Contact, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer = current or {}
        fields = {
            name.removeprefix(mapping.FIELD): field_body(name.removeprefix(mapping.FIELD), wanted or [], current)
            for name, wanted in send.items()
            if name != "tags"
        }
        if fields:
            answer = client.update_contact(row.known_id, {"fields": fields}, replace=True)
            wrong = misread(fields, current, answer)
            if wrong:
                # `type=1` is what the specification asks for; some servers listen to the older `replace=1` alone.
                again = {"fields": {name: fields[name] for name in wrong}}
                answer = client.update_contact(row.known_id, again, replace=True, legacy=True)
            if wrong and misread(fields, current, answer):
                raise Misunderstood(answer)
        if "tags" in send:
            wanted = tags_body(send["tags"] or [], current)
            answer = client.set_contact_tags(row.known_id, wanted)
        return answer

    def create(self, client: Client, row: Contact, values: dict[str, Any]) -> dict[str, Any]:
        made = client.create_contact(creation.body(values, row.remote, read_only(row.workspace_id)))
        if len(values.get("tags") or []) > creation.MOST_TAGS:
            try:
                return client.set_contact_tags(made["id"], values["tags"])
            except errors.NimbleError:
                # It is made, whatever this failed of: the look-up finds it and gives it what it lacks.
                raise errors.NoAnswer from None
        return made

    def look_up(self, client: Client, row: Contact, edit: Edit) -> Found:
        """By author, time and equal values, among the newest contacts."""
        listed = twins.possible(row, client.list_contacts(sort="created:desc", per_page=100)["resources"])
        since = (edit.sent_at or edit.created_at) - timedelta(minutes=5)
        wanted = {name: change["new"] for name, change in edit.fields.items()}
        author = {edit.connection.nimble_user_id, edit.connection.name}
        return creation.found(listed, wanted, author=author, since=since)

    def last_touch(self, payload: dict[str, Any]) -> dict[str, str]:
        """Of contacts Nimble says the name."""
        found = super().last_touch(payload)
        return {**found, "name": found["by"]} if found.get("by") else found

    def candidate(self, payload: dict[str, Any]) -> dict[str, str]:
        return {**super().candidate(payload), "title": str(mapping.columns(payload, mapping.values(payload))["name"])}

    def successor(self, row: Contact, connection: Connection) -> Contact:
        remote = creation.legacy(row.remote, read_only(row.workspace_id))
        return Contact(workspace_id=row.workspace_id, remote=remote)

    def relink(self, old: Contact, new: Contact) -> None:
        new.notes.set(old.notes.all())

    def join(self, twin: Contact, row: Contact) -> None:
        row.notes.add(*twin.notes.all())
        twin.notes.clear()

    def nimble_url(self, nimble_id: str) -> str:
        return f"{settings.NIMBLE_BASE_URL}/#app/contacts/view?id={quote(nimble_id, safe='')}"

    def delete(self, client: Client, row: Contact) -> None:
        client.delete_contact(row.known_id)

    def for_user(self, user: Any) -> Any:
        return queries.for_user(user)

    def typed_title(self, values: dict[str, Any]) -> str:
        names = (mapping.first(values, name).strip() for name in (mapping.FIRST, mapping.LAST))
        return " ".join(filter(None, names)) or mapping.first(values, mapping.COMPANY).strip()

    def url(self, row: Contact) -> str:
        return row.get_absolute_url()

    def names(self, workspace_id: int, user: Any) -> Names:
        return Names(workspace_id)

    def label(self, field: str, names: Names) -> str:
        name = field.removeprefix(mapping.FIELD)
        return _("Tags") if field == "tags" else layout.label(name, names.fields(name))

    def shown(self, field: str, value: Any, names: Names, beside: Mapping[str, Any]) -> str:
        if not isinstance(value, list):
            return super().shown(field, value, names, beside)
        if field == "tags":
            return "\n".join(value)
        name = field.removeprefix(mapping.FIELD)
        known = names.fields(name)
        members = names.members if any(one.kind == "user" for one in known) else {}
        entries = layout.entries(name, value, known, members)
        return "\n".join(" · ".join(filter(None, (entry.text, entry.modifier))) for entry in entries)

    def editor(self, row: Contact, user: Any) -> Editor:
        record = Record(row, user)

        def form(field: str, *, begun: Any, prefix: str, data: Any = None) -> FieldForm | None:
            name = field.removeprefix(mapping.FIELD)
            kind = record.editor(name)
            return FORMS[kind](record, name, data, begun, prefix) if kind else None

        return form


def read_only(workspace_id: int) -> set[str]:
    """The names of the fields that Nimble fills by itself."""
    known = ContactField.objects.filter(workspace_id=workspace_id, read_only=True)
    return set(known.values_list("name", flat=True))
