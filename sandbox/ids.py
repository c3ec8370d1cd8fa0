"""Object ids and timestamps as Nimble shows them: ids are 24 hex digits, stamps come in several shapes."""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta, timezone

OBJECT_ID = re.compile(r"[0-9a-f]{24}\Z")
# Every generated date hangs on this moment, so that a world is the same whenever it is made.
WORLD_TIME = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))


def object_id(*parts: object) -> str:
    """The id that belongs to these parts, always the same."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "replace"), digest_size=12).hexdigest()


def is_object_id(text: object) -> bool:
    return isinstance(text, str) and bool(OBJECT_ID.match(text))


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def stamp(micros: int, key: str = "") -> str:
    """A timestamp in one of Nimble's shapes; `key` (an id) decides which, so that a record keeps its own."""
    when = moment(micros)
    match int(key[-1], 16) % 4 if is_object_id(key) else 1:
        case 0:
            return when.astimezone(MOSCOW).strftime("%Y-%m-%dT%H:%M:%S%z")
        case 1:
            return when.strftime("%Y-%m-%dT%H:%M:%S+0000")
        case 2:
            return when.isoformat(timespec="microseconds")
        case _:
            return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def zulu(micros: int) -> str:
    return moment(micros).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: object) -> datetime | None:
    """A date-time or a date as Nimble accepts it; without an offset it is UTC. None where it is neither."""
    if not isinstance(text, str) or not text:
        return None
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def parse_date(text: object) -> date | None:
    when = parse_moment(text)
    return when.date() if when else None
