"""What a board shows, as its address says it: owner, text, tag."""

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from deals import queries
from deals.models import Deal


class Chip(NamedTuple):
    """A filter that is on: what it says, and the address without it."""

    text: str
    without: str


@dataclass(frozen=True)
class Filters:
    """The filters of a board."""

    q: str = ""
    owner: str = ""
    tag: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "Filters":
        """The filters of an address, or of what a form sent along."""
        return cls(
            q=query.get("q", "").replace("\x00", "").strip()[:200],
            owner=query.get("owner", "").replace("\x00", "")[:64],
            tag=query.get("tag", "").replace("\x00", "").strip()[:255],
        )

    @property
    def narrowing(self) -> bool:
        """Whether any filter hides something."""
        return bool(self.q or self.owner or self.tag)

    def apply(self, deals: QuerySet[Deal], user: Any) -> QuerySet[Deal]:
        """The deals that the filters leave."""
        return queries.filtered(deals, user, owner=self.owner, text=self.q, tag=self.tag)

    def query(self, **more: Any) -> str:
        """The query string ("" or "?…") of these filters, and of whatever else the address says."""
        kept = {name: value for name, value in {**asdict(self), **more}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def chips(self, path: str, owners: dict[str, str]) -> list[Chip]:
        """The filters that are on, each with the way to take it off."""
        texts = {
            "q": f"“{self.q}”" if self.q else "",
            "owner": _("Owner: {owner}").format(owner=owners.get(self.owner, self.owner)) if self.owner else "",
            "tag": _("Tag: {tag}").format(tag=self.tag) if self.tag else "",
        }
        return [Chip(text, path + replace(self, **{name: ""}).query()) for name, text in texts.items() if text]
