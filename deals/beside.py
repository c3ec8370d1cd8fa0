"""What hangs on a deal (notes, files, tasks), as far as its edits go; and what this person may see of its contacts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contacts import queries as contacts
from contacts.models import Contact
from deals.models import Deal, DealFile, DealNote, DealSight, DealTask
from deals.queries import ON_ITS_WAY
from sync.models import Edit
from sync.viewer import viewer

KINDS = (DealNote, DealFile, DealTask)


def edits_of(deal: Deal) -> QuerySet[Edit]:
    """The edits of a deal and of what hangs on it."""
    ours = Q(kind=Deal.kind, record_id=deal.pk)
    for model in KINDS:
        ours |= Q(kind=model.kind, record_id__in=model._default_manager.filter(deal=deal).values("pk"))
    return Edit.objects.filter(ours)


def on_their_way(deal: Deal) -> str:
    """The edits that go to Nimble by themselves, and where they are; "" when none do."""
    edits = edits_of(deal).filter(state__in=ON_ITS_WAY).order_by("id").values_list("pk", "state")
    return "-".join(f"{pk}.{state}" for pk, state in edits)


class Person(NamedTuple):
    """A contact that takes part. `contact`: None where this person may not see it; then `name` is all that Nimble shows
    them of it. `key`: Nimble's id.
    """

    key: str
    contact: Contact | None
    name: str
    note: str


def people(deal: Deal, listed: Sequence[dict[str, Any]], user: Any) -> list[Person]:
    """The contacts of a deal, of its values: linked where this person may see them. Two statements."""
    if not listed:
        return []
    visible = contacts.by_nimble_id(user, [one["id"] for one in listed])
    sight = DealSight.objects.filter(record=deal, connection=viewer(user)).first()
    shown = (sight.view.get("hidden_contacts") or {}) if sight else {}
    found = []
    for one in listed:
        contact = visible.get(one["id"])
        name = contact.name if contact else shown.get(one["id"]) or _("Private contact")
        found.append(Person(one["id"], contact, name or _("Unnamed"), one["note"]))
    return found
