"""What pages read of contacts: always through `for_user`."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from contacts.models import Contact, ContactField, ContactNote, ContactSight, RecordType
from crmportal import statements
from nimble.models import Connection, Member
from sync import overlay, registry, terms
from sync.mirror import Mirrored
from sync.models import Edit, State
from sync.viewer import decided, viewer

# What a list never shows, and what would be most of the bytes that it reads.
HEAVY = ("remote", "digest", "search", "description", "tag_index")
# Tags on offer while one is typed.
MOST_TAGS = 500


def for_user(user: Any) -> QuerySet[Contact]:
    """The people and companies that this person may see: public ones, and those seen in their own listing.

    What is missing from their complete listing, or was answered 403 or 404 to them, is hidden.
    """
    connection = viewer(user)
    return Contact.objects.none() if connection is None else for_connection(connection)


def for_connection(connection: Connection) -> QuerySet[Contact]:
    """The contacts that may be seen through a connection. What it has not been told of is hidden until it has."""
    own_sight = ContactSight.objects.filter(record=OuterRef("pk"), connection=connection)
    seen = Exists(own_sight.filter(seen_at__isnull=False))
    public = Q(is_private=False) & (Q(pk__lte=decided(connection, "listing")) | Q(nimble_id=None))
    return Contact.objects.filter(
        public | seen,
        ~Exists(own_sight.filter(hidden_at__isnull=False)),
        workspace_id=connection.workspace_id,
        gone_at=None,
    )


def could_see(connection: Connection, pks: Iterable[int]) -> set[int]:
    """Which of these contacts, private now, may have been shown through a connection when everybody could see them."""
    sights = ContactSight.objects.filter(connection=connection, record_id__in=pks)
    shown = Q(pk__lte=decided(connection, "listing")) | Q(pk__in=sights.exclude(seen_at=None).values("record_id"))
    never = sights.filter(seen_at=None, hidden_at__isnull=False).values("record_id")
    here = Contact.objects.filter(shown, workspace_id=connection.workspace_id, pk__in=pks)
    return set(here.exclude(pk__in=never).values_list("pk", flat=True))


def by_nimble_id(user: Any, ids: Sequence[str]) -> dict[str, Contact]:
    """Of some of Nimble's ids the contacts that this person may see."""
    if not ids:
        return {}
    return {contact.nimble_id or "": contact for contact in for_user(user).filter(nimble_id__in=ids).defer(*HEAVY)}


def filtered(
    contacts: QuerySet[Contact], *, record_type: str = "", text: str = "", tag: str = "", owner: str = ""
) -> QuerySet[Contact]:
    """The contacts that a list's filters leave."""
    if record_type in RecordType.values:
        contacts = contacts.filter(record_type=record_type)
    if tag:
        contacts = contacts.filter(tag_index__contains=terms.item(tag))
    if owner:
        contacts = contacts.filter(owner_id=owner)
    for word in terms.fold(text).split()[:8]:
        contacts = contacts.filter(search__contains=word)
    return contacts


def notes(contact: Contact) -> QuerySet[ContactNote]:
    """A contact's notes, newest first; the ones on their way out of Nimble are left out."""
    return contact.notes.filter(gone_at=None, removed=False).order_by(F("written_at").desc(nulls_last=True), "-pk")


def members(user: Any) -> dict[str, str]:
    """The team's names by Nimble's user id."""
    connection = viewer(user)
    if connection is None:
        return {}
    workspace = connection.workspace_id

    def composed() -> QuerySet[Member, Any]:
        return Member.objects.filter(workspace_id=workspace).order_by("name").values_list("nimble_user_id", "name")

    return {user_id: name or user_id for user_id, name in statements.rows(("members", workspace), composed)}


def tag_names(user: Any) -> list[str]:
    """The tags of what this person may see, for picking one."""
    found: dict[str, None] = {}
    for index in for_user(user).exclude(tag_index="").values_list("tag_index", flat=True).distinct().order_by():
        found.update(dict.fromkeys(terms.unpack(index)))
    return sorted(found, key=terms.fold)[:MOST_TAGS]


def fields(contact: Contact) -> list[ContactField]:
    """What Nimble says of the fields of such a contact, in the order in which it lays them out."""
    return list(
        ContactField.objects.filter(
            workspace_id=contact.workspace_id, record_type__in=["", contact.record_type]
        ).order_by("position")
    )


def people_of(company: Contact, user: Any) -> QuerySet[Contact]:
    """Who works for a company, as far as this person may see them."""
    if not company.nimble_id:
        return Contact.objects.none()
    return (
        for_user(user)
        .filter(company_nimble_id=company.nimble_id, record_type=RecordType.PERSON)
        .order_by("sort_name", "pk")
        .defer(*HEAVY)
    )


def company_of(contact: Contact, user: Any) -> Contact | None:
    """The company that a person works for, if this person may see it."""
    if not contact.company_nimble_id:
        return None
    return by_nimble_id(user, [contact.company_nimble_id]).get(contact.company_nimble_id)


def shown(row: Mirrored) -> dict[str, Any]:
    """A record's fields as they are shown: Nimble's values with the open edits over them."""
    return overlay.overlaid(registry.resource(row.kind).values(row.remote), overlay.over(row))


# An edit in one of these states is over, and says nothing of the field any more.
OVER = (State.SUPERSEDED, State.DISCARDED, State.UNDONE)


def unsettled(row: Mirrored, user: Any) -> dict[str, Edit]:
    """By field, the last edit of a record that is not in Nimble yet, or needs this person.

    What Nimble refused is its author's alone, and over once the field was changed again.
    """
    latest: dict[str, Edit] = {}
    for edit in Edit.objects.filter(kind=row.kind, record_id=row.pk).exclude(state__in=OVER).order_by("-id")[:100]:
        for name in edit.fields:
            latest.setdefault(name, edit)
    return {name: edit for name, edit in latest.items() if _is_unsettled(edit, user)}


def unsettled_of(kind: str, record_ids: Sequence[int], user: Any) -> dict[int, Edit]:
    """By record, its last edit, where that is not in Nimble yet, or needs this person."""
    latest = {
        edit.record_id: edit
        for edit in Edit.objects.filter(kind=kind, record_id__in=record_ids).exclude(state__in=OVER).order_by("id")
    }
    return {record_id: edit for record_id, edit in latest.items() if _is_unsettled(edit, user)}


def _is_unsettled(edit: Edit, user: Any) -> bool:
    return edit.is_open or (edit.needs_person and edit.author_id == user.pk)
