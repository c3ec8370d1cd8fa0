"""Making a contact: the body of the create, and telling what a create whose answer was lost has made. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from contacts import mapping
from contacts.bodies import field_body
from sync import merge, when
from sync.resource import Found

# What a contact that is gone leaves to one that is made in its place.
LEFT = ("record_type", "fields", "tags", "owner_id", "privacy")
MOST_TAGS = 5
# Written by way of the employment; Nimble keeps them for old programs.
DEPRECATED = (mapping.TITLE, mapping.PARENT)
NAMES = tuple(mapping.FIELD + name for name in (mapping.FIRST, mapping.LAST, mapping.COMPANY))


def legacy(remote: Mapping[str, Any], read_only: Collection[str]) -> dict[str, Any]:
    """What is known of a contact as far as a create, and a change that mends one, takes it."""
    left = {key: remote[key] for key in LEFT if remote.get(key) is not None}
    fields = left.get("fields") or {}
    dropped = {*read_only, *(DEPRECATED if fields.get(mapping.EMPLOYMENT) else ())}
    return {**left, "fields": {name: items for name, items in fields.items() if name not in dropped}}


def body(values: Mapping[str, Any], left: Mapping[str, Any], read_only: Collection[str]) -> dict[str, Any]:
    """The body of `post-contact`. `left`: what `legacy` kept; `read_only`: names of fields that Nimble fills itself."""
    fields = {}
    for name, wanted in values.items():
        bare = name.removeprefix(mapping.FIELD)
        replaced = bare in DEPRECATED and values.get(mapping.FIELD + mapping.EMPLOYMENT)
        if name.startswith(mapping.FIELD) and wanted and bare not in read_only and not replaced:
            fields[bare] = field_body(bare, wanted, left)
    made: dict[str, Any] = {"record_type": left.get("record_type") or "person", "fields": fields}
    if tags := list(values.get("tags") or [])[:MOST_TAGS]:
        made["tags"] = ",".join(tag.replace(",", "\\,") for tag in tags)
    made.update({name: left[name] for name in ("owner_id", "privacy") if left.get(name)})
    return made


def found(
    listed: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any], *, author: Collection[str], since: Any
) -> Found:
    """Of the newest contacts the ones that a create by this author since then may have made.

    `author`: their id and their name; Nimble gives a contact's creator by name, which somebody may have changed. One of
    theirs that has all that was wanted is it; where there are several, or only the name is the same, a person decides.
    """
    names = {name: wanted.get(name) for name in NAMES}
    named = [one for one in listed if (when.moment(one.get("created")) or since) >= since and _has(one, names)]
    whole = [one for one in named if (one.get("creator") or one.get("owner_id")) in author and _has(one, wanted)]
    return Found(payload=dict(whole[0])) if len(whole) == 1 else Found(candidates=[dict(one) for one in named])


def _has(one: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a contact has these values; more tags than a create takes come later, and read-only ones never."""
    values = mapping.values(one)
    return all(
        _pairs(value) <= _pairs(values.get(name))
        for name, value in wanted.items()
        if name != "tags" and not merge.same(value, None) and (name in values or name in NAMES)
    )


def _pairs(value: Any) -> set[tuple[str, str]]:
    return {mapping.identity(item) for item in value or []}
