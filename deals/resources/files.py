"""Saving and sending what is done to files of deals. Nimble reads them back as a part of their deal alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deals import files
from deals.models import DealFile
from deals.resources.beside import Beside
from nimble import errors
from nimble.client import Client
from sync import when
from sync.models import Edit
from sync.resource import Found, Parsed, Unstorable


class DealFiles(Beside):
    """`name`, `link` and `source`: of an external file. Only the name changes, and only where Nimble has the bytes."""

    kind = "deal_file"
    title_of_kind = gettext_lazy("File of a deal")
    model = DealFile
    references = frozenset({"source"})
    anchor = "files"
    gone = gettext_lazy("File of {name}, removed")

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("file_id"), str):
            raise Unstorable("file_id is missing")
        return Parsed(payload["file_id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return {"name": files.name_of(remote), "link": files.link_of(remote), "source": files.source_of(remote)}

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": (values.get("name") or "")[:255],
            "link": values.get("link") or "",
            "source": values.get("source") or "",
            "removed": bool(values.get("removed")),
        }

    def fetch(self, client: Client, row: DealFile) -> dict[str, Any]:
        listed = files.listed(client.deal(row.deal.known_id))
        found = next((one for one in listed if one.get("file_id") == row.known_id), None)
        if found is None:
            raise errors.NotFound(operation="get-deal")
        return found

    def create(self, client: Client, row: DealFile, values: dict[str, Any]) -> dict[str, Any]:
        """Nimble answers nothing: what it made of it stands in the deal."""
        metadata = {"source": values["source"], "file_url": values["link"], "icon_url": ""}
        client.store_deal_file(row.deal.known_id, {"metadata": metadata, "file_name": values["name"]})
        try:
            made = self._made(client, row, values)
        except errors.NimbleError as cause:
            raise errors.NoAnswer(str(cause)) from None
        if made is None:
            raise errors.BadAnswer(_("Nimble does not list the file that it took."))
        return made

    def look_up(self, client: Client, row: DealFile, edit: Edit) -> Found:
        """By name and link, among the files of the deal that came since."""
        wanted = {name: change["new"] for name, change in edit.fields.items()}
        found = self._made(client, row, wanted)
        since = (edit.sent_at or edit.created_at) - timedelta(minutes=5)
        is_later = found is not None and (when.moment(found.get("uploaded_at")) or since) >= since
        return Found(payload=found if is_later else None)

    def _made(self, client: Client, row: DealFile, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """The latest file like this one that no other row stands for."""
        same = [one for one in files.listed(client.deal(row.deal.known_id)) if self.values(one) == wanted]
        others = DealFile.objects.filter(deal_id=row.deal_id, nimble_id__isnull=False).exclude(pk=row.pk)
        taken = set(others.values_list("nimble_id", flat=True))
        free = [one for one in same if one.get("file_id") not in taken]
        return max(free, key=lambda one: str(one.get("uploaded_at") or ""), default=None)

    def update(
        self, client: Client, row: DealFile, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        client.rename_deal_file(row.deal.known_id, row.known_id, send["name"])
        return {**(current or {}), "file_name": send["name"]}

    def delete(self, client: Client, row: DealFile) -> None:
        client.delete_deal_file(row.deal.known_id, row.known_id)

    def label(self, field: str, names: Any) -> str:
        return {"name": _("File name"), "link": _("Link"), "source": _("Kept at")}.get(field, field)

    def shown(self, field: str, value: Any, names: Any, beside: Mapping[str, Any]) -> str:
        sources = dict(DealFile.Source.choices)
        return str(sources.get(value, value)) if field == "source" else super().shown(field, value, names, beside)

    def parse_typed(self, field: str, text: str, row: DealFile) -> Any:
        try:
            return files.checked_link(text) if field == "link" else files.checked_name(text)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from None
