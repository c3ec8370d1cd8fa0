"""The files of a deal: what Nimble lists, with what was done here over it. The bytes never pass through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts import queries as contacts
from deals import mapping
from deals.models import Deal, DealFile
from sync import when
from sync.models import Edit

Source = DealFile.Source
# Where an external file may be.
EXTERNAL = [(one.value, one.label) for one in Source if one != Source.UPLOADED]
LONGEST_NAME = 255
LONGEST_LINK = 2000
# Whose links these are.
HOSTS = {
    "drive.google.com": Source.GOOGLE_DRIVE,
    "docs.google.com": Source.GOOGLE_DRIVE,
    "dropbox.com": Source.DROPBOX,
    "db.tt": Source.DROPBOX,
    "onedrive.live.com": Source.ONE_DRIVE,
    "1drv.ms": Source.ONE_DRIVE,
    "sharepoint.com": Source.ONE_DRIVE,
}


# --- Nimble's JSON, pure --------------------------------------------------------------------------------------------


def listed(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files that a deal's JSON lists."""
    return [one for one in mapping.listed(payload.get("files")) if isinstance(one, dict)]


def name_of(payload: Mapping[str, Any]) -> str:
    return mapping.text(payload.get("file_name"))


def link_of(payload: Mapping[str, Any]) -> str:
    """Where an external file is; "" for one that Nimble keeps."""
    metadata = payload.get("metadata")
    return mapping.text(metadata.get("file_url")) if isinstance(metadata, dict) else ""


def source_of(payload: Mapping[str, Any]) -> str:
    metadata = payload.get("metadata")
    found = metadata.get("source") if isinstance(metadata, dict) else None
    return found if found in Source.values else ""


# --- what is typed --------------------------------------------------------------------------------------------------


def checked_name(text: str) -> str:
    """A file's name. Raises ValidationError."""
    if not 1 <= len(text) <= LONGEST_NAME:
        raise ValidationError(_("A file's name has 1 to 255 characters."))
    return text


def is_web_address(text: str, schemes: Sequence[str] = ("https", "http")) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def checked_link(text: str) -> str:
    """A link that Nimble takes. Raises ValidationError."""
    if not is_web_address(text, ["https"]) or len(text) > LONGEST_LINK or any(map(str.isspace, text)):
        raise ValidationError(_("Write a link that begins with https://."))
    return text


def source_by(link: str) -> str:
    """Whose link it is, by its host; "" for none that Nimble knows."""
    host = urlsplit(link).hostname or ""
    return next((source for name, source in HOSTS.items() if host == name or host.endswith("." + name)), "")


# --- as the deal's page shows them ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """`file_id`: Nimble's, "" until it has one. `link`: where an external file is. `edit`: not in Nimble yet."""

    file_id: str
    row: DealFile | None
    name: str
    source: str
    link: str
    size: int | None
    by: str
    at: datetime | None
    edit: Edit | None = None

    @property
    def key(self) -> str:
        """What names it in an address."""
        return self.file_id or f"-{self.row.pk if self.row else 0}"

    @property
    def is_kept_by_nimble(self) -> bool:
        """Only such a file is opened by a short-lived link, and only such a file has a name that can be changed."""
        return bool(self.file_id) and not self.link

    @property
    def kept_at(self) -> str:
        return str(Source(self.source).label) if self.source else ""


def of(deal: Deal, user: Any, rows: Sequence[DealFile] | None = None) -> list[File]:
    """The files as they are now, with the edits over them. `rows`: those that something was done to, where these are
    read already. Two statements, and one where nothing was done here.
    """
    rows = list(deal.edited_files.all()) if rows is None else rows
    edits = contacts.unsettled_of(DealFile.kind, [row.pk for row in rows], user) if rows else {}
    by_id = {row.nimble_id: row for row in rows if row.nimble_id}
    found = []
    for payload in listed(deal.remote):
        row = by_id.pop(str(payload.get("file_id")), None)
        edit = edits.get(row.pk) if row else None
        if row and (row.removed or _is_later(row.gone_at, deal)):
            continue
        is_newer = row is not None and (edit is not None or _is_later(row.fetched_at, deal))
        found.append(_file({**payload, "file_name": row.name} if row and is_newer else payload, row, edit))
    # Added here, and not in what was read of the deal so far.
    waiting = [row for row in rows if row.nimble_id is None and row.gone_at is None]
    arrived = [row for row in by_id.values() if row.gone_at is None and _is_later(row.fetched_at, deal)]
    for row in [*arrived, *waiting]:
        if not row.removed:
            metadata = {"source": row.source, "file_url": row.link}
            payload = row.remote or {"file_name": row.name, "metadata": metadata}
            found.append(_file(payload, row, edits.get(row.pk)))
    return found


def _is_later(at: datetime | None, deal: Deal) -> bool:
    """Whether it was learnt after the deal was read last."""
    return at is not None and (deal.fetched_at is None or at >= deal.fetched_at)


def _file(payload: Mapping[str, Any], row: DealFile | None, edit: Edit | None) -> File:
    size, uploader = payload.get("file_size"), payload.get("uploader")
    link, file_id = link_of(payload), mapping.text(payload.get("file_id"))
    return File(
        # It is a part of addresses, here and in Nimble.
        file_id="" if "/" in file_id else file_id,
        row=row,
        name=name_of(payload) or _("File"),
        source=source_of(payload),
        # Nothing but a web address is ever followed.
        link=link if is_web_address(link) else "",
        size=int(size) if isinstance(size, int | float) and size > 0 else None,
        by=mapping.text(uploader.get("name")) if isinstance(uploader, dict) else "",
        at=when.moment(payload.get("uploaded_at")),
        edit=edit,
    )
