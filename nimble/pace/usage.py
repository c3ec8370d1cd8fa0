"""Requests by the hour, for the last day. Pure."""

from collections.abc import Mapping

HOUR = 3600
KEPT = 24

Usage = Mapping[int, int]


def counted(usage: Usage, now: float, requests: int) -> dict[int, int]:
    """The usage with so many requests of now; hours that nobody asks for any more are forgotten."""
    hour = int(now // HOUR)
    kept = {at: count for at, count in usage.items() if at > hour - KEPT - 1}
    if requests:
        kept[hour] = kept.get(hour, 0) + requests
    return kept


def within(usage: Usage, now: float, hours: int) -> int:
    """Requests in the last hours: whole ones, and the right share of the one that the span begins in."""
    hour, passed = divmod(now, HOUR)
    whole = sum(count for at, count in usage.items() if hour - hours < at <= hour)
    return whole + round(usage.get(int(hour) - hours, 0) * (1 - passed / HOUR))
