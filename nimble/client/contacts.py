"""People and companies, their fields and their notes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nimble.client.calls import Calls
from nimble.errors import NotFound
from nimble.transport import segment

MOST_IDS = 30


class ContactCalls(Calls):
    # list-contacts
    def list_contacts(
        self,
        *,
        page: int = 1,
        per_page: int = 100,
        sort: str | None = None,
        query: Mapping[str, Any] | None = None,
        contexts: Iterable[str] | None = None,
        record_type: str | None = None,
        keyword: str | None = None,
    ) -> dict[str, Any]:
        """`sort` is like `updated:asc`; `query` excludes `keyword` and `record_type`."""
        params = {
            "page": page,
            "per_page": per_page,
            "sort": sort,
            "query": _query(query),
            "contexts": _joined(contexts),
            "record_type": record_type,
            "keyword": keyword,
        }
        return self.call("list-contacts", "GET", "/api/v1/contacts", params=params)

    # list-contacts-ids
    def list_contact_ids(
        self, *, page: int = 1, per_page: int = 1000, sort: str | None = None, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        params = {"page": page, "per_page": per_page, "sort": sort, "query": _query(query)}
        return self.call("list-contacts-ids", "GET", "/api/v1/contacts/ids", params=params)

    # list-contacts-for-identifiers
    def contacts_by_ids(self, ids: Iterable[str], *, contexts: Iterable[str] | None = None) -> dict[str, Any]:
        """Up to 30 at once; those that are gone or hidden are missing from the answer."""
        wanted = list(ids)
        if not 1 <= len(wanted) <= MOST_IDS:
            raise ValueError(f"between 1 and {MOST_IDS} ids, not {len(wanted)}")
        params = {"id": ",".join(wanted), "contexts": _joined(contexts)}
        return self.call("list-contacts-for-identifiers", "GET", "/api/v1/contact", params=params)

    # get-contact
    def contact(self, contact_id: str, *, contexts: Iterable[str] | None = None) -> dict[str, Any]:
        """The contact itself, out of the listing of one that Nimble answers with."""
        path = f"/api/v1/contact/{segment(contact_id)}"
        answer = self.call("get-contact", "GET", path, params={"contexts": _joined(contexts)})
        resources = answer.get("resources")
        if isinstance(resources, list) and resources and isinstance(resources[0], dict):
            return resources[0]
        request_id = self.last.request_id if self.last else ""
        raise NotFound(status=200, operation="get-contact", request_id=request_id)

    # post-contact
    def create_contact(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-contact", "POST", "/api/v1/contact", body=body)

    # put-contact
    def update_contact(
        self, contact_id: str, body: Mapping[str, Any], *, replace: bool = False, legacy: bool = False
    ) -> dict[str, Any]:
        """Extends the fields that are sent; with `replace`, puts the values sent in place of all that they hold.

        `legacy` asks for the replacement by the older name of the parameter, too, for a server that knows it alone.
        """
        path = f"/api/v1/contact/{segment(contact_id)}"
        params = {"type": "1" if replace else None, "replace": "1" if replace and legacy else None}
        return self.call("put-contact", "PUT", path, params=params, body=body)

    # delete-contact
    def delete_contact(self, contact_id: str) -> dict[str, Any]:
        return self.call("delete-contact", "DELETE", f"/api/v1/contact/{segment(contact_id)}")

    # put-contact-tags
    def set_contact_tags(self, contact_id: str, tags: Iterable[str]) -> dict[str, Any]:
        """Sets the whole list."""
        path = f"/api/v1/contacts/{segment(contact_id)}/tags"
        return self.call("put-contact-tags", "PUT", path, body={"tags": list(tags)})

    # list-company-contacts-fields
    def contact_fields(self) -> dict[str, Any]:
        return self.call("list-company-contacts-fields", "GET", "/api/v1/contacts/fields")

    # list-contacts-fields-metadata
    def contact_fields_metadata(self) -> dict[str, Any]:
        return self.call("list-contacts-fields-metadata", "GET", "/api/v1/contacts/metadata")

    # list-contacts-contact-notes
    def contact_notes(self, contact_id: str, *, page: int = 1, per_page: int = 50) -> dict[str, Any]:
        path = f"/api/v1/contacts/{segment(contact_id)}/notes"
        return self.call("list-contacts-contact-notes", "GET", path, params={"page": page, "per_page": per_page})

    # get-contact-note
    def note(self, note_id: str) -> dict[str, Any]:
        return self.call("get-contact-note", "GET", f"/api/v1/contacts/notes/{segment(note_id)}")

    # post-contact-note-with-id
    def create_note(self, note_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Creates the note under an id that the caller chose, so that a lost answer can be asked after."""
        path = f"/api/v1/contacts/notes/{segment(note_id)}"
        return self.call("post-contact-note-with-id", "POST", path, body=body)

    # put-contact-note
    def update_note(self, note_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-contact-note", "PUT", f"/api/v1/contacts/notes/{segment(note_id)}", body=body)

    # delete-contact-note
    def delete_note(self, note_id: str) -> dict[str, Any]:
        return self.call("delete-contact-note", "DELETE", f"/api/v1/contacts/notes/{segment(note_id)}")


def _query(query: Mapping[str, Any] | None) -> str | None:
    return None if query is None else json.dumps(query)


def _joined(items: Iterable[str] | None) -> str | None:
    return None if items is None else ",".join(items) or None
