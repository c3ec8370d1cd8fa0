"""Saving and sending notes on deals."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from markdown_it import MarkdownIt

from deals import queries
from deals.models import Deal, DealNote
from nimble.client import Client
from nimble.models import Connection
from sync import clean
from sync.clock import database_now
from sync.models import Edit
from sync.resource import Found, Parsed, Resource, Unstorable


class DealNotes(Resource):
    """Notes on deals. Nothing reads them back, so what this product wrote is all it can show."""

    kind = "deal_note"
    title_of_kind = gettext_lazy("Note on a deal")
    recreatable = True
    model = DealNote
    readable = False
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})

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

    def for_user(self, user: Any) -> Any:
        return DealNote.objects.filter(deal__in=queries.for_user(user), gone_at=None)

    def url(self, row: DealNote) -> str:
        return f"{row.deal.get_absolute_url()}#note-{row.pk}"

    def remembered(self, pk: int, user: Any) -> str:
        note = DealNote.objects.filter(pk=pk, deal__in=queries.for_user(user)).select_related("deal").first()
        return _("Note on {name}, removed").format(name=note.deal.name) if note else ""

    def title(self, row: DealNote) -> str:
        return row.deal.name

    def links(self, rows: Sequence[DealNote], user: Any) -> dict[int, tuple[str, str]]:
        deals = Deal.objects.in_bulk({row.deal_id for row in rows})
        for row in rows:
            row.deal = deals[row.deal_id]
        return super().links(rows, user)
