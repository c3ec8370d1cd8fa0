"""What a list of contacts shows, as its address says it: search, type, tag, owner, sort. All of it is in the URL."""

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from contacts import queries
from contacts.models import Contact, RecordType

# What `sort` may say → the column; a leading "-" turns it round.
SORTS = {"name": "sort_name", "updated": "updated_in_nimble"}


class Chip(NamedTuple):
    """A filter that is on: what it says, and the address without it."""

    text: str
    without: str


@dataclass(frozen=True)
class Filters:
    """The filters of a list. `fixed_type`: the page shows this type alone, and its address does not say so."""

    q: str = ""
    type: str = ""
    tag: str = ""
    owner: str = ""
    sort: str = "name"
    fixed_type: str = ""

    @classmethod
    def of(cls, query: QueryDict, fixed_type: str = "") -> "Filters":
        """The address's filters; what makes no sense counts as absent."""
        record_type, sort = query.get("type", ""), query.get("sort", "name")
        return cls(
            q=query.get("q", "").replace("\x00", "").strip()[:200],
            type=record_type if record_type in RecordType.values else "",
            tag=query.get("tag", "").replace("\x00", "").strip()[:255],
            owner=query.get("owner", "").replace("\x00", "")[:64],
            sort=sort if sort.removeprefix("-") in SORTS else "name",
            fixed_type=fixed_type,
        )

    @property
    def column(self) -> str:
        return SORTS[self.sort.removeprefix("-")]

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def narrowing(self) -> bool:
        """Whether any filter hides something."""
        return bool(self.q or self.type or self.tag or self.owner)

    def apply(self, contacts: QuerySet[Contact]) -> QuerySet[Contact]:
        """The contacts that the filters leave, not yet sorted."""
        return queries.filtered(
            contacts, record_type=self.fixed_type or self.type, text=self.q, tag=self.tag, owner=self.owner
        )

    def query(self, **place: str) -> str:
        """The query string ("" or "?…") of these filters, and of a place in the list."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fixed_type"} | place
        kept = {name: value for name, value in said.items() if value and (name, value) != ("sort", "name")}
        return f"?{urlencode(kept)}" if kept else ""

    def but(self, path: str, **changes: str) -> str:
        """The address with some filters changed, from the first page on."""
        return path + replace(self, **changes).query()

    def sorted_by(self, path: str, name: str) -> str:
        """The address that a column's head leads to: sorted by it, or turned round if it is already."""
        first = "-updated" if name == "updated" else name
        other = "updated" if name == "updated" else f"-{name}"
        return self.but(path, sort=other if self.sort == first else first)

    def chips(self, path: str, owners: dict[str, str]) -> list[Chip]:
        """The filters that are on, each with the way to take it off."""
        said: list[tuple[str, dict[str, Any]]] = []
        if self.q:
            said.append((f"“{self.q}”", {"q": ""}))
        if self.tag:
            said.append((_("Tag: {tag}").format(tag=self.tag), {"tag": ""}))
        if self.owner:
            said.append((_("Owner: {owner}").format(owner=owners.get(self.owner, self.owner)), {"owner": ""}))
        return [Chip(text, self.but(path, **change)) for text, change in said]
