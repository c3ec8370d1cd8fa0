"""What was updated since a stamp, page by page, in parts where an answer is too large."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from contacts.resources.contacts import CONTEXTS
from nimble import errors
from sync import when
from sync.resource import Oversized
from sync.runs import Pull

PAGE = 100
# Each size divides the one before, so that pages of the one are whole pages of the other.
SMALLER = {100: 25, 25: 5, 5: 1}


@dataclass(frozen=True)
class Page:
    """A page of what was updated: its records, how many of them the page before had not, when its read began, how many
    follow `start` in all, its latest stamp, and where to go on once it is stored.
    """

    listed: list[Any]
    new: int
    read_at: datetime
    total: int | None
    last: datetime
    checkpoint: dict[str, Any]


def pages(pull: Pull, start: datetime, page: int) -> Iterator[Page]:
    """What was updated since, page by page, as many records as there are at first.

    Not on and on: while Nimble changes more than is read, what is changed again meanwhile is for the next run.
    """
    left = math.inf
    first = True
    before: set[str] = set()
    while True:
        answer, read_at = pull.read(partial(listing, pull, start, page))
        listed = answer.get("resources") or []
        meta = answer.get("meta") or {}
        total = meta.get("total")
        last = max((m for m in map(updated, listed) if m), default=start)
        # More than a page with one and the same stamp can only be told apart by the page number.
        following, page = (last, 1) if last.replace(microsecond=0) > start.replace(microsecond=0) else (start, page + 1)
        checkpoint = {"reached": following.isoformat(), "page": page}
        # What has the same stamp as the last record of a page comes again with the next.
        ids = {one["id"] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)}
        yield Page(listed, len(listed) - len(ids & before), read_at, total, last, checkpoint)
        if first and isinstance(total, int):
            left = total
        left -= len(ids - before)
        start, before, first = following, ids, False
        if not listed or left <= 0 or int(meta.get("page") or 1) >= int(meta.get("pages") or 1):
            return


def listing(pull: Pull, start: datetime, page: int) -> dict[str, Any]:
    """One page of the window that begins at `start`, in parts down to one record where the answer is too large."""
    end = datetime.now(UTC) + timedelta(days=2)
    query = {"updated": {"range": {"start_datetime": when.stamp(start), "end_datetime": when.stamp(end)}}}
    return sized(pull, query, page, PAGE)


def sized(pull: Pull, query: dict[str, Any], page: int, size: int) -> dict[str, Any]:
    """A page of a size, put together from smaller ones where needed. One record alone too large is named by its id."""
    try:
        return pull.client.list_contacts(page=page, per_page=size, sort="updated:asc", query=query, contexts=CONTEXTS)
    except errors.AnswerTooLarge:
        if size == 1:
            ids = pull.client.list_contact_ids(page=page, per_page=1, query=query, sort="updated:asc")
            return {"meta": ids.get("meta"), "resources": [Oversized(one) for one in ids.get("resources") or []]}
    smaller = SMALLER[size]
    times = size // smaller
    parts = [sized(pull, query, (page - 1) * times + part, smaller) for part in range(1, times + 1)]
    total = (parts[0].get("meta") or {}).get("total") or 0
    return {
        "meta": {"page": page, "pages": -(-total // size), "total": total},
        "resources": [one for part in parts for one in part.get("resources") or []],
    }


def updated(payload: Any) -> datetime | None:
    """Nimble's stamp of a contact's last change."""
    return when.moment(payload.get("updated")) if isinstance(payload, dict) else None
