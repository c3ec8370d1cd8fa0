"""Sending one edit of a tag of deals: Nimble changes it on every deal at once, of those that the author may edit."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deals import mapping, queries
from deals.models import DealTag
from deals.tags import ALL, SOME
from nimble.client import Client
from sync import bell, pull
from sync.merge import Rule
from sync.models import Edit
from sync.resource import Parsed, Resource, Unstorable
from sync.viewer import viewer

# What `removed` says of a tag that Nimble does not list any more.
GONE = "gone"


class DealTags(Resource):
    kind = "deal_tag"
    title_of_kind = gettext_lazy("Tag of deals")
    model = DealTag

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("id"), str):
            raise Unstorable("id is missing")
        return Parsed(payload["id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return {"name": remote.get("name"), "removed": remote.get("removed")}

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return {"name": mapping.text(values.get("name"))[:255]}

    def rules(self, row: DealTag, names: Iterable[str]) -> dict[str, Rule]:
        return {"removed": Rule(content=bool)}

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        for pk, remote in sorted(rows.items()):
            row = DealTag.objects.filter(pk=pk)
            try:
                with transaction.atomic():
                    row.update(known_as=None if remote.get("removed") else remote.get("name"))
            except IntegrityError:
                # Renamed to one that there is: that one stands for both.
                row.update(known_as=None)

    def fetch(self, client: Client, row: DealTag) -> dict[str, Any]:
        """What Nimble lists of it: under its name, or under the one that it was to get, after a lost answer."""
        for name in dict.fromkeys([str(row.remote.get("name")), row.name]):
            listed = mapping.listed(client.deal_tags(starts_with=name).get("tags"))
            if name in [one.get("name") for one in listed if isinstance(one, dict)]:
                return {"id": row.nimble_id, "name": name}
        return {**row.remote, "removed": GONE}

    def update(
        self, client: Client, row: DealTag, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        name = str((current or row.remote)["name"])
        if "removed" in send:
            client.delete_deal_tag(name, preflight=send["removed"] == ALL)
            told: Mapping[str, Any] = {"name": name, "removed": GONE}
        else:
            client.rename_deal_tag(name, send["name"])
            told = {"name": send["name"]}
        # The deals themselves come with the next pull of what changed: now.
        pull.sync_now(client.connection, "deals")
        bell.ring_pull()
        return {"id": row.nimble_id, **told}

    def lasting(self, edit: Edit) -> str:
        return _("Nimble cannot bring back what was deleted.") if "removed" in edit.fields else ""

    def for_user(self, user: Any) -> Any:
        """Those of deals that this person sees, and those that they have changed themselves."""
        connection = viewer(user)
        if connection is None:
            return DealTag.objects.none()
        own = Edit.objects.filter(kind=self.kind, author=user).values("record_id")
        seen = Q(name__in=queries.tag_names(user)) | Q(pk__in=own)
        return DealTag.objects.filter(seen, workspace_id=connection.workspace_id)

    def url(self, row: DealTag) -> str:
        return reverse("deals:deal_tags")

    def label(self, field: str, names: Any) -> str:
        return {"name": _("Name"), "removed": _("Deleted")}.get(field, field)

    def shown(self, field: str, value: Any, names: Any, beside: Mapping[str, Any]) -> str:
        if field == "removed" and value:
            return {ALL: _("From all deals"), SOME: _("From the deals that may be edited")}.get(value, _("Yes"))
        return str(value or "")

    def parse_typed(self, field: str, text: str, row: DealTag) -> Any:
        if not 0 < len(text) <= 255:
            raise ValueError(_("Write a tag of at most 255 characters."))
        return text
