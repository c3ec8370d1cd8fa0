"""When to repeat a request, and how long to wait before: a predicate and a delay, both pure."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nimble.errors import NimbleError, NoAnswer, Unreachable

READS = frozenset({"GET", "HEAD"})
LONGEST = 900.0
FIRST = 1.0


def repeat_at_once(error: NimbleError, *, method: str, attempt: int) -> bool:
    """Whether the client itself may send this again, right away: a read that got no answer, once.

    Every other failure is the caller's, who has a place to note when to try again.
    """
    return method in READS and attempt == 1 and isinstance(error, NoAnswer | Unreachable)


def delay(attempt: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the given attempt (1 is the first): doubled each time, never less than asked for."""
    backoff = FIRST * 2.0 ** min(max(attempt, 1) - 1, 16)
    return min(max(backoff, retry_after or 0.0), LONGEST)


def jittered(seconds: float) -> float:
    """The same, spread by up to a quarter, so that many who failed together do not come back together."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311 - no secret


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """A `Retry-After` header in seconds: a number or an HTTP date, capped; None for anything else."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), LONGEST)
