"""Every shape of timestamp that Nimble sends, as an aware datetime or None; never an exception.

Seen: `2012-09-07T16:49:56+0300`, fractions, `Z`, no zone (UTC is meant), a date alone, empty, null, year 1 and 9999.
"""

import re
from datetime import UTC, date, datetime, timedelta

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def moment(value: object) -> datetime | None:
    """An aware datetime in UTC for any published shape, else None (the raw value stays in `remote`)."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # The ends of the calendar overflow as soon as somebody shows them in another time zone.
    return parsed if EARLIEST <= parsed <= LATEST else None


def day(value: object) -> date | None:
    """The calendar day of a date or date-time as it is written, without moving it between zones."""
    if not isinstance(value, str):
        return None
    match = re.match(r"\s*(\d{4})-(\d{2})-(\d{2})", value)
    if not match:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def stamp(value: datetime) -> str:
    """RFC 3339 in UTC with whole seconds: what a `range` of Nimble's query language takes."""
    return value.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def overlap(value: datetime, seconds: int) -> datetime:
    """The same moment `seconds` earlier, for windows that must not leave a gap."""
    return value - timedelta(seconds=seconds)
