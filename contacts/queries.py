"""What pages read of contacts: always through `for_user`."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from contacts.mapping import fold
from contacts.models import SEPARATOR, Contact, ContactNote, ContactSight, RecordType
from sync.viewer import viewer


def for_user(user: Any) -> QuerySet[Contact]:
    """The people and companies that this person may see: public ones, and those seen in their own listing.

    What is missing from their complete listing, or was answered 403 or 404 to them, is hidden.
    """
    connection = viewer(user)
    if connection is None:
        return Contact.objects.none()
    own_sight = ContactSight.objects.filter(record=OuterRef("pk"), connection=connection)
    return Contact.objects.filter(
        Q(is_private=False) | Exists(own_sight.filter(seen_at__isnull=False)),
        ~Exists(own_sight.filter(hidden_at__isnull=False)),
        workspace_id=connection.workspace_id,
        gone_at=None,
    )


def by_nimble_id(user: Any, ids: Sequence[str]) -> dict[str, Contact]:
    """Of some of Nimble's ids the contacts that this person may see."""
    if not ids:
        return {}
    return {contact.nimble_id or "": contact for contact in for_user(user).filter(nimble_id__in=ids).defer("remote")}


def filtered(
    contacts: QuerySet[Contact], *, record_type: str = "", text: str = "", tag: str = "", owner: str = ""
) -> QuerySet[Contact]:
    """The contacts that a list's filters leave."""
    if record_type in RecordType.values:
        contacts = contacts.filter(record_type=record_type)
    if tag:
        contacts = contacts.filter(tag_index__contains=f"{SEPARATOR}{tag}{SEPARATOR}")
    if owner:
        contacts = contacts.filter(owner_id=owner)
    for word in fold(text).split()[:8]:
        contacts = contacts.filter(search__contains=word)
    return contacts


def notes(contact: Contact) -> QuerySet[ContactNote]:
    """A contact's notes, newest first; the ones on their way out of Nimble are left out."""
    return contact.notes.filter(gone_at=None, removed=False).order_by("-written_at", "-pk")
