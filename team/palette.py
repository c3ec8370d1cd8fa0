"""What the palette finds: deals, people and companies that this person may see, by the words that are typed."""

from typing import Any, NamedTuple

from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from contacts import queries as contacts
from contacts.models import RecordType
from deals import queries as deals
from deals.models import Stage

MOST = 6
# One letter would find everything.
SHORTEST = 2


class Found(NamedTuple):
    """A record: the id of its option, what it is called, what tells it from its like, and where it is."""

    id: str
    title: str
    about: str
    url: str


class Group(NamedTuple):
    label: str
    glyph: str
    found: list[Found]


def find(user: Any, text: str) -> list[Group]:
    """The few that were changed last of each kind; nothing for less than two letters."""
    if len(text.strip()) < SHORTEST:
        return []
    groups = [
        Group(_("Deals"), "kanban", _deals(user, text)),
        Group(_("Contacts"), "user", _contacts(user, text, RecordType.PERSON)),
        Group(_("Companies"), "building-2", _contacts(user, text, RecordType.COMPANY)),
    ]
    return [group for group in groups if group.found]


def _deals(user: Any, text: str) -> list[Found]:
    stage = Stage.objects.filter(
        pipeline__workspace_id=OuterRef("workspace_id"),
        pipeline__nimble_id=OuterRef("pipeline_nimble_id"),
        nimble_id=OuterRef("stage_nimble_id"),
    )
    named = deals.filtered(deals.for_user(user), user, text=text).annotate(stage=Subquery(stage.values("name")[:1]))
    latest = named.order_by(F("updated_in_nimble").desc(nulls_last=True), "-pk").only("pk", "name")[:MOST]
    return [Found(f"palette-deal-{one.pk}", one.name, one.stage or "", one.get_absolute_url()) for one in latest]


def _contacts(user: Any, text: str, kind: str) -> list[Found]:
    named = contacts.filtered(contacts.for_user(user), record_type=kind, text=text).defer(*contacts.HEAVY)
    latest = named.order_by(F("updated_in_nimble").desc(nulls_last=True), "-pk")[:MOST]
    return [
        Found(f"palette-contact-{one.pk}", one.name, one.company_name or one.email, one.get_absolute_url())
        for one in latest
    ]
