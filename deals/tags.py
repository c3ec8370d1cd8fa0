"""Tags of deals as a whole: how many deals have each, and changing one everywhere."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from deals import holding, queries
from deals.models import DealTag, Pipeline
from sync import edits, events, ids, terms
from sync.models import OVERLAID, Edit, State
from sync.viewer import viewer

# Whether a tag goes only if every deal that has it may be edited, or from those that may.
ALL, SOME = "all", "some"
REFUSED = (State.REJECTED, State.FAILED)


@dataclass
class Tag:
    """A tag, the number of deals that this person sees, in all and by pipeline, and its edit that is not in Nimble."""

    name: str
    count: int = 0
    pipelines: list[tuple[Pipeline, int]] = field(default_factory=list)
    edit: Edit | None = None

    @property
    def mend_url(self) -> str:
        """Where what Nimble refused of it comes back."""
        route = "deals:remove_tag" if self.edit and "removed" in self.edit.fields else "deals:rename_tag"
        return f"{reverse(route)}?{urlencode({'tag': self.name})}"

    @property
    def becomes(self) -> str:
        """What it is renamed to, on the way."""
        wanted = self.edit.fields.get("name") if self.edit and self.edit.is_open else None
        return str(wanted["new"]) if wanted else ""


def listed(user: Any) -> list[Tag]:
    """The tags of the deals that this person sees, by name. Three statements."""
    known = {one.nimble_id: one for one in queries.pipelines(user).defer("remote")}
    counted: dict[str, Counter[str]] = {}
    rows = queries.for_user(user).exclude(tag_index="").order_by().values_list("tag_index", "pipeline_nimble_id")
    for index, pipeline, count in rows.annotate(count=Count("pk")):
        for name in terms.unpack(index):
            counted.setdefault(name, Counter())[pipeline] += count
    found = {
        name: Tag(name, counts.total(), [(known[one], n) for one, n in counts.most_common() if one in known])
        for name, counts in counted.items()
    }
    for name, edit in unsettled(user).items():
        if name in found:
            found[name].edit = edit
    return sorted(found.values(), key=lambda tag: terms.fold(tag.name))


def unsettled(user: Any) -> dict[str, Edit]:
    """By the tag's name in Nimble: its latest edit that is not there yet, or that was refused this person."""
    connection = viewer(user)
    if connection is None:
        return {}
    names = {
        pk: remote.get("name", "")
        for pk, remote in DealTag.objects.filter(workspace_id=connection.workspace_id).values_list("pk", "remote")
    }
    found = Edit.objects.filter(kind=DealTag.kind, record_id__in=names).order_by("id")
    waiting = [*found.filter(state__in=OVERLAID), *found.filter(state__in=REFUSED, author=user)]
    return {names[edit.record_id]: edit for edit in sorted(waiting, key=lambda edit: edit.pk)}


def rename(*, author: Any, name: str, new: str) -> Edit | None:
    """Give a tag another name on every deal; where there is one of that name, both become one."""
    return _change(author, name, {"name": new})


def remove(*, author: Any, name: str, how: str = ALL) -> Edit | None:
    """Take a tag from every deal: `ALL` or none, or from `SOME`, those that Nimble lets this person edit.

    It goes out when `holding.HELD` is over.
    """
    with events.atomic():
        edit = _change(author, name, {"removed": how})
        return holding.hold(edit) if edit else None


def _change(author: Any, name: str, values: dict[str, Any]) -> Edit | None:
    """Raises `CannotEdit`."""
    connection = viewer(author)
    if connection is None:
        raise edits.CannotEdit(_("Connect your Nimble account to change records."))
    if any(one in name for one in "/\\") or name.strip(". ") == "":
        # The name is a part of the operation's address.
        raise edits.CannotEdit(_("Nimble's API cannot name this tag: change it on each deal, or in Nimble itself."))
    with events.atomic():
        token = ids.object_id()
        row, _made = DealTag.objects.get_or_create(
            workspace_id=connection.workspace_id,
            known_as=name,
            defaults={"nimble_id": token, "remote": {"id": token, "name": name}, "name": name},
        )
        for edit in Edit.objects.filter(kind=DealTag.kind, record_id=row.pk, author=author, state__in=REFUSED):
            edits.discard(edit)
        return edits.record(author=author, row=row, new=values)
