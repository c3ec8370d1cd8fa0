"""What pages read of deals: always through `for_user`, sums and counts by SQL."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from contacts import queries as contacts
from deals.mapping import fold
from deals.models import SEPARATOR, Deal, DealSight, Pipeline
from sync.viewer import viewer

LABELS = {
    "name": _("Name"),
    "amount": _("Amount"),
    "currency": _("Currency"),
    "probability": _("Probability"),
    "description": _("Description"),
    "expected_close_date": _("Expected close"),
    "actual_close_date": _("Closed on"),
    "owner": _("Owner"),
    "stage": _("Stage"),
    "pipeline": _("Pipeline"),
    "tags": _("Tags"),
}


def for_user(user: Any) -> QuerySet[Deal]:
    """The deals that this person may see: what their own connection has not been refused, no private ones of others.

    With `privacy.read` set: the owner and the listed users; for groups, whoever has been shown it with their own token.
    """
    connection = viewer(user)
    if connection is None:
        return Deal.objects.none()
    own_sight = DealSight.objects.filter(record=OuterRef("pk"), connection=connection)
    me = connection.nimble_user_id
    allowed = (
        Q(is_private=False)
        | Q(owner_id=me)
        | Q(reader_index__contains=f"{SEPARATOR}{me}{SEPARATOR}")
        | (Q(has_groups=True) & Exists(own_sight.filter(seen_at__isnull=False)))
    )
    return Deal.objects.filter(
        allowed, ~Exists(own_sight.filter(hidden_at__isnull=False)), workspace_id=connection.workspace_id, gone_at=None
    )


def pipelines(user: Any) -> QuerySet[Pipeline]:
    """The pipelines of the person's workspace, archived ones last."""
    connection = viewer(user)
    if connection is None:
        return Pipeline.objects.none()
    return Pipeline.objects.filter(workspace_id=connection.workspace_id, gone_at=None).order_by(
        "archived_at", "position", "name"
    )


def filtered(deals: QuerySet[Deal], *, owner: str = "", text: str = "", tag: str = "") -> QuerySet[Deal]:
    """The deals that a board's filters leave: by owner's user id, by words, by one tag."""
    if owner:
        deals = deals.filter(owner_id=owner)
    if tag:
        deals = deals.filter(tag_index__contains=f"{SEPARATOR}{tag}{SEPARATOR}")
    for word in fold(text).split()[:8]:
        deals = deals.filter(search__contains=word)
    return deals


@dataclass(frozen=True, slots=True)
class Total:
    """Of one stage and currency: how many deals, and their sum."""

    stage: str
    currency: str
    count: int
    amount: Decimal


def totals(deals: QuerySet[Deal]) -> list[Total]:
    """Counts and sums by stage and currency, over all deals that there are, in one statement."""
    rows = (
        deals.order_by()
        .values_list("stage_nimble_id", "currency")
        .annotate(count=Count("pk"), amount=Sum("amount"))
        .order_by("stage_nimble_id", "-count", "currency")
    )
    return [Total(stage, currency, count, amount or Decimal(0)) for stage, currency, count, amount in rows]


class ContactPanel(NamedTuple):
    """The deals of a contact, for the contact's page."""

    template: str
    deals: list[Deal]


def contact_panel(contact: Any, user: Any) -> ContactPanel | None:
    """The deals in which a contact takes part, as this person may see them."""
    if not contact.nimble_id:
        return None
    related = for_user(user).filter(related__contact_nimble_id=contact.nimble_id).order_by("-updated_in_nimble", "-pk")
    return ContactPanel("deals/contact_panel.html", list(related.distinct()[:50]))


def related_contacts(deal: Deal, user: Any) -> list[dict[str, Any]]:
    """The contacts of a deal: linked where this person may see them, else as Nimble shows them to this person."""
    links = list(deal.related.all())
    visible = contacts.by_nimble_id(user, [link.contact_nimble_id for link in links])
    connection = viewer(user)
    sight = DealSight.objects.filter(record=deal, connection=connection).first() if links else None
    shown = (sight.view.get("hidden_contacts") or {}) if sight else {}
    return [
        {
            "contact": visible.get(link.contact_nimble_id),
            "name": shown.get(link.contact_nimble_id) or _("Private contact"),
            "note": link.note,
        }
        for link in links
    ]
