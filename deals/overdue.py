"""What is overdue of a deal, as Nimble tells each person: read with their own token when they open the deal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contacts import queries as contacts
from contacts.models import Contact
from deals import mapping
from deals.models import Deal, Overdue
from sync import clean, events, when
from sync.clock import database_now
from sync.reader import Reader
from sync.upsert import upsert

MOST = 20
# What was told so short a time ago is not asked for again.
FRESH = timedelta(seconds=60)


@dataclass(frozen=True)
class Activity:
    """`due`: when it should have been done. `people`: the contacts that this person may see."""

    name: str
    kind: str
    text: str
    due: datetime | None
    assignee: str
    people: list[Contact]
    is_important: bool


def read(reader: Reader, deal: Deal) -> None:
    """Ask Nimble, and keep what it says for this person. Raises what Nimble does."""
    known = Overdue.objects.filter(deal=deal, connection=reader.connection).first()
    if known and known.read_at > database_now() - FRESH:
        return
    answer, read_at = reader.read(lambda: reader.client.overdue_activities(deal.known_id, limit=MOST))
    listed = mapping.listed(clean.payload(answer).get("activities"))
    told = [one for one in listed if isinstance(one, dict)]
    changed_at = known.changed_at if known and known.activities == told else read_at
    row = {"deal_id": deal.pk, "connection_id": reader.connection.pk, "activities": told}
    with events.atomic():
        upsert(Overdue, [{**row, "read_at": read_at, "changed_at": changed_at}], ["deal_id", "connection_id"])


def of(kept: Overdue | None, user: Any) -> list[Activity]:
    """What is kept for this person, the longest overdue first, as Nimble lists it. One statement at most."""
    if kept is None or not kept.activities:
        return []
    told: Sequence[dict[str, Any]] = kept.activities
    people = {one["id"]: one for activity in told for one in _contacts(activity)}
    visible = contacts.by_nimble_id(user, list(people))
    return [
        Activity(
            name=mapping.text(one.get("name")),
            kind=_kind(one.get("activity_type")),
            text=mapping.text(one.get("description")),
            due=when.moment(one.get("scheduled_tstamp") or one.get("feed_tstamp")),
            assignee=_name(one.get("assigned_to")),
            people=[visible[each["id"]] for each in _contacts(one) if each["id"] in visible],
            is_important=one.get("is_important") is True,
        )
        for one in told
    ]


def _contacts(activity: dict[str, Any]) -> list[dict[str, Any]]:
    listed = mapping.listed(activity.get("related_contacts"))
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]


def _kind(told: Any) -> str:
    return mapping.text(told.get("type_name") if isinstance(told, dict) else told)


def _name(person: Any) -> str:
    found = person if isinstance(person, dict) else {}
    return mapping.text(found.get("name")) or mapping.text(found.get("email"))
