"""Who may read and who may edit a record. Null means everyone in the company; both lists empty, its owner alone."""

from collections.abc import Iterable
from typing import Any

EVERYONE: dict[str, Any] = {"read": None, "edit": None}


def _members(principals: dict[str, Any], users: Iterable[dict[str, Any]]) -> set[str]:
    groups = set(principals.get("group_ids") or [])
    named = set(principals.get("user_ids") or [])
    return named | {user["user_id"] for user in users if groups & set(user["group_ids"])}


def readers(record: dict[str, Any], users: list[dict[str, Any]]) -> list[str] | None:
    """The ids of those who may read, None for everyone. Who may edit may also read."""
    privacy = record.get("privacy") or EVERYONE
    hidden_from = set(record.get("hidden_from") or [])
    if privacy["read"] is None and not hidden_from:
        return None
    allowed = {user["user_id"] for user in users}
    if privacy["read"] is not None:
        allowed = _members(privacy["read"], users) | {record["owner_id"]}
        if privacy["edit"] is not None:
            allowed |= _members(privacy["edit"], users)
    return sorted(allowed - hidden_from)


def may_read(record: dict[str, Any], user: dict[str, Any]) -> bool:
    if record["company_id"] != user["company_id"]:
        return False
    return record["readers"] is None or user["user_id"] in record["readers"]


def may_edit(record: dict[str, Any], user: dict[str, Any]) -> bool:
    if not may_read(record, user):
        return False
    edit = (record.get("privacy") or EVERYONE)["edit"]
    return edit is None or user["user_id"] == record["owner_id"] or user["user_id"] in _members(edit, [user])
