"""Saving and sending notes on deals."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from markdown_it import MarkdownIt

from deals.models import DealNote
from deals.resources.beside import Beside
from nimble.client import Client
from nimble.models import Connection
from sync import clean
from sync.clock import database_now
from sync.models import Edit
from sync.resource import Found, Parsed, Unstorable


class DealNotes(Beside):
    """Notes on deals. Nothing reads them back, so what this product wrote is all it can show."""

    kind = "deal_note"
    title_of_kind = gettext_lazy("Note on a deal")
    recreatable = True
    model = DealNote
    readable = False
    gone = gettext_lazy("Note on {name}, removed")
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})

    def label(self, field: str, names: Any) -> str:
        return {"title": _("Title"), "body": _("Note")}.get(field, field)

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("note_id"), str):
            raise Unstorable("note_id is missing")
        return Parsed(payload["note_id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return {"title": remote.get("title"), "body": remote.get("body")}

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        body = values.get("body") or ""
        return {
            "title": (values.get("title") or "")[:256],
            "body": body,
            "html": clean.html(self.markdown.render(body)),
            "removed": bool(values.get("removed")),
        }

    def fetch(self, client: Client, row: DealNote) -> None:
        return None

    def create(self, client: Client, row: DealNote, values: dict[str, Any]) -> dict[str, Any]:
        return client.create_deal_note(row.deal.known_id, title=values["title"], body=values["body"])

    def update(
        self, client: Client, row: DealNote, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        # The row's columns show later edits, too, which may yet be discarded.
        wanted = self.values(row.remote) | send
        return client.update_deal_note(
            row.deal.known_id, row.known_id, title=wanted["title"] or "", body=wanted["body"] or ""
        )

    def delete(self, client: Client, row: DealNote) -> None:
        client.delete_deal_note(row.deal.known_id, row.known_id)

    def successor(self, row: DealNote, connection: Connection) -> DealNote:
        return DealNote(
            workspace_id=row.workspace_id,
            deal=row.deal,
            author_id=connection.nimble_user_id,
            written_at=database_now(),
        )

    def look_up(self, client: Client, row: DealNote, edit: Edit) -> Found:
        return Found(readable=False)

    def url(self, row: DealNote) -> str:
        return f"{row.deal.get_absolute_url()}#note-{row.pk}"

    def typed_title(self, values: dict[str, Any]) -> str:
        return str(values.get("title") or "")
