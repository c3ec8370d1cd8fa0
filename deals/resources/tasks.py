"""Saving and sending tasks of deals: made here, and from then on Nimble's."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deals import mapping
from deals.models import DealTask
from deals.names import Names
from deals.resources.beside import Beside
from nimble.client import Client
from sync import when
from sync.models import Edit
from sync.resource import Found, Parsed, Unstorable


class DealTasks(Beside):
    """`subject`, `due` (a day), `text`, `assignee` (a user's id), `contacts` (ids). No operation changes or removes a
    task, and none reads one back as what was sent.
    """

    kind = "deal_task"
    title_of_kind = gettext_lazy("Task of a deal")
    model = DealTask
    readable = False
    references = frozenset({"assignee", "contacts"})
    anchor = "timeline"
    gone = gettext_lazy("Task of {name}, dropped")

    def lasting(self, edit: Edit) -> str:
        return _("Nimble does not let us remove it: do that there.")

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("id"), str):
            raise Unstorable("id is missing")
        return Parsed(payload["id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        due = when.day(remote.get("due_date") or remote.get("due"))
        related = remote.get("related")
        people = mapping.listed(related.get("contacts")) if isinstance(related, dict) else []
        return {
            "subject": mapping.text(remote.get("subject")),
            "due": due.isoformat() if due else None,
            "text": mapping.text(remote.get("notes")),
            "assignee": mapping.user_id(remote.get("assigned_to")) or None,
            "contacts": [one["id"] for one in people if isinstance(one, dict) and isinstance(one.get("id"), str)],
        }

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return {
            "subject": (values.get("subject") or "")[:128],
            "due": when.day(values.get("due")),
            "text": values.get("text") or "",
            "assignee_id": (values.get("assignee") or "")[:64],
            "contact_ids": list(values.get("contacts") or []),
        }

    def adopted(self, row: DealTask, values: dict[str, Any]) -> dict[str, Any]:
        """As Nimble would say it."""
        people = [{"id": one} for one in values.get("contacts") or []]
        return {
            "subject": values.get("subject"),
            "due_date": values.get("due"),
            "notes": values.get("text"),
            "assigned_to": {"user_id": values.get("assignee")},
            "related": {"contacts": people},
        }

    def create(self, client: Client, row: DealTask, values: dict[str, Any]) -> dict[str, Any]:
        body = {
            "subject": values["subject"],
            "due_date": values.get("due"),
            "notes": values.get("text"),
            "assigned_to": values.get("assignee"),
        }
        related = {"contacts": values.get("contacts") or [], "deals": [row.deal.known_id]}
        given = {name: value for name, value in body.items() if value}
        return client.create_task({**given, "related": related})

    def fetch(self, client: Client, row: DealTask) -> None:
        return None

    def look_up(self, client: Client, row: DealTask, edit: Edit) -> Found:
        return Found(readable=False)

    def names(self, workspace_id: int, user: Any) -> Names:
        return Names(workspace_id, user)

    def label(self, field: str, names: Any) -> str:
        labels = {
            "subject": _("Task"),
            "due": _("Due"),
            "text": _("Notes"),
            "assignee": _("Assigned to"),
            "contacts": _("Contacts"),
        }
        return labels.get(field, field)

    def shown(self, field: str, value: Any, names: Names, beside: Mapping[str, Any]) -> str:
        if field == "contacts":
            # Not their names: who reads this may not see all of them.
            return ngettext("%d contact", "%d contacts", len(value or [])) % len(value or [])
        if field == "assignee":
            return names.members.get(value, "") if value else ""
        return super().shown(field, value, names, beside)

    def parse_typed(self, field: str, text: str, row: DealTask) -> Any:
        if field == "due" and text:
            day = when.day(text)
            if day is None:
                raise ValueError(_("Write a date like 2026-03-31."))
            return day.isoformat()
        if field == "subject" and not 2 <= len(text) <= 128:
            raise ValueError(_("A task's name has 2 to 128 characters."))
        return text
