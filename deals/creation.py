"""Making a deal: the body of the create, and telling what a create whose answer was lost has made. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deals import mapping
from deals.bodies import edit_body
from sync import when
from sync.resource import Found

# What a deal that is gone leaves to one that is made in its place.
LEFT = (
    "owner", "privacy", "currency", "tags", "fields_values", "fields_values_with_names", "related_external_contacts",
)  # fmt: skip


def legacy(remote: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a deal as far as a create takes it; related contacts that are known by name."""
    left = {key: remote[key] for key in LEFT if remote.get(key) is not None}
    related = [
        item
        for item in mapping.listed(remote.get("related_contacts"))
        if isinstance(item, dict) and isinstance(item.get("contact"), dict) and item["contact"].get("name")
    ]
    if related:
        left["related_contacts"] = related
    left["stage_transitions"] = {"pipeline_id": mapping.pipeline_of(remote)}
    left[mapping.LISTED_STAGE] = mapping.current_stage(remote)
    return left


def begun(author: str, at: datetime) -> dict[str, Any]:
    """What is known of a deal that was made here, until Nimble has answered: who made it, and when."""
    return {"creator": author, "created": at.isoformat(), "updated": at.isoformat()}


def body(values: Mapping[str, Any], left: Mapping[str, Any], author: str) -> dict[str, Any]:
    """The body of `create-new-deal`. `left`: what `legacy` kept; `author`: the owner where no other is known."""
    made = edit_body({name: value for name, value in values.items() if value not in (None, "", [])}, left)
    owner = made.get("owner_id") or author
    # The specification asks for `owner` without saying what it is: the same id.
    made |= {"owner": owner, "owner_id": owner}
    for name in ("privacy", "related_external_contacts"):
        if left.get(name):
            made[name] = left[name]
    return made


def found(listed: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any], *, author: str, since: Any) -> Found:
    """Of the newest deals the ones that a create by this author since then may have made."""
    own = [
        one
        for one in listed
        if mapping.user_id(one.get("creator")) == author and (when.moment(one.get("created")) or since) >= since
    ]
    named = [one for one in own if _says(one, "name") == (wanted.get("name") or "")]
    whole = [one for one in named if mapping.canonical_amount(_says(one, "amount")) == wanted.get("amount")]
    return Found(payload=dict(whole[0])) if len(whole) == 1 else Found(candidates=[dict(one) for one in named])


def _says(one: Mapping[str, Any], name: str) -> Any:
    items = mapping.field_map(one.get("fields_values_with_names"), "field_name").get(name) or [None]
    return items[0] if items[0] is not None else ""
