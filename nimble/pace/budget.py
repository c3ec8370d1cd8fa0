"""How many requests a second a connection may send: additive increase, multiplicative decrease. Pure.

Nimble publishes no limit, so the budget begins near what two requests in flight can use anyway, and learns. Times are
seconds since 1970 by the database's clock, rates requests a second.
"""

from dataclasses import dataclass, replace

from nimble.pace.slots import LIMIT
from nimble.retry import LONGEST, delay

START = 50.0
CEILING = 100.0
FLOOR = 0.2
# What is added to the rate by each second of using it fully.
INCREASE = 1.0
# Requests may be sent this long before their time, so that a read and its write are not spaced out.
BURST = 0.25
# As far as the next request can be ahead of its time: at the slowest rate, shared by all who may have one in flight.
FARTHEST = BURST + LIMIT / FLOOR


@dataclass(frozen=True)
class Budget:
    """`due`: when the next request is in time at this rate. `slowed_at`: when Nimble last asked to slow down, and
    `strikes` how often in a row it did.
    """

    rate: float = START
    due: float = 0.0
    paused_until: float = 0.0
    slowed_at: float = 0.0
    strikes: int = 0


def timely(budget: Budget, now: float, due: float = 0.0) -> Budget:
    """The budget with the later of its own `due` and another one. What is later than can be was dated before the clock
    was set back: nobody waits for that.
    """
    paused_until = budget.paused_until if budget.paused_until <= now + LONGEST else 0.0
    latest = max(now + FARTHEST, paused_until)
    return replace(
        budget, paused_until=paused_until, due=max((one for one in (budget.due, due) if one <= latest), default=0.0)
    )


def wait(budget: Budget, now: float) -> float:
    """Seconds before the next request may be sent."""
    return max(budget.paused_until - now, budget.due - BURST - now, 0.0)


def spent(budget: Budget, now: float, sharers: int = 1) -> Budget:
    """One request is sent by one of `sharers`, who each keep to their share of the rate."""
    return replace(budget, due=max(budget.due, now) + sharers / budget.rate)


def raised(budget: Budget, succeeded: int) -> Budget:
    """So many requests went well: each adds `INCREASE` divided by the rate, which is `INCREASE` for a full second."""
    if succeeded <= 0:
        return budget
    rate = (budget.rate**2 + 2 * INCREASE * succeeded) ** 0.5
    return replace(budget, rate=min(rate, max(CEILING, budget.rate)), strikes=0)


def slowed(budget: Budget, now: float, *, asked: float | None, seen: float, used: float | None = None) -> Budget:
    """Nimble asked us to slow down, and to come back in `asked` seconds (None: it did not say).

    The rate is halved, or half of what was really `used` where that is known and less; only once for the requests that
    were under way together: `seen` is the `slowed_at` that the request was sent under. A pause never becomes shorter.
    """
    strikes, rate = budget.strikes, budget.rate
    if seen >= budget.slowed_at:
        strikes += 1
        rate = max(min(rate, rate if used is None else used) / 2, FLOOR)
    until = now + (delay(strikes) if asked is None else delay(1, asked))
    return replace(
        budget, rate=rate, strikes=strikes, slowed_at=max(now, budget.slowed_at),
        paused_until=max(budget.paused_until, until), due=max(budget.due, until),
    )  # fmt: skip
