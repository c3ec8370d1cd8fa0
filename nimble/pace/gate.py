"""What each request of a client passes: the breaker, the pause, the rate, and one of the connection's slots.

A client that is used as a context manager keeps its slot from one request to the next, and writes to the database only
to take it, to prolong it and to give it back: on SQLite a reader that runs ahead of the one who stores must not wait
for the write lock. Any other client takes and gives back a slot with each request.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError

from nimble.errors import NimbleError, NoAnswer, Outage, Paced, RateLimited, ServerError, Throttled, Unreachable
from nimble.pace import breaker as breakers
from nimble.pace import budget as budgets
from nimble.pace import holders, stored, usage
from nimble.pace import slots as slotting
from nimble.pace.slots import Slot
from nimble.pace.stored import Contended, Pace

# What a request waits for its turn by itself; a longer wait is the caller's, who has a place to note it.
PATIENCE = 1.0
POLL = 0.05
# How long a turn that was taken is good for without another look.
FRESH = 1.0
# Time for renewing a token, on top of the request's own.
MARGIN = 25.0
# Over less time than this nothing is said about how many requests a second were used.
MEASURED = 1.0
TROUBLE = (ServerError, NoAnswer, Unreachable)

log = structlog.get_logger(__name__)


class Gate:
    """The gate of one client. `longest`: seconds that one of its requests may take. `probe` sends a small read, to see
    whether Nimble answers. `give_way` makes its requests background reads: it says whether a person's write waits.
    """

    def __init__(
        self,
        connection_id: int,
        *,
        longest: float,
        probe: Callable[[], object],
        give_way: Callable[[], bool] | None = None,
    ) -> None:
        self._connection_id = connection_id
        self._life = longest + MARGIN
        self._probe = probe
        self._give_way = give_way
        # As it was when the last turn was taken.
        self.grant: stored.Grant | None = None
        self.taken_at = 0.0
        # A read that runs ahead may still be under way when the run that it belongs to ends.
        self._lock = threading.RLock()
        self._token = holders.token()
        self._keep = False
        self._held = False
        self._turn = 0.0  # the local time at which the present turn was taken; 0 without one
        self._due = 0.0
        self._seen = 0.0
        self._suspicion = False
        self._succeeded = self._uncounted = 0
        self._sent, self._since = 0, time.monotonic()

    def keep(self) -> None:
        """Keep the slot between requests, until `close`."""
        self._keep = True
        self._sent, self._since = 0, time.monotonic()

    def close(self, *, unused: bool = False) -> None:
        """Give the slot back; a request that is still under way does so when it ends. `unused`: a turn was taken, and
        nothing was sent.
        """
        with self._lock:
            self._keep = False
            if unused:
                self._turn = 0.0
            if not self._turn:
                self._give_back()

    def admit(self) -> None:
        """Wait until the next request may be sent, for about a second at most; what was admitted is sent at once.

        Raises `Outage`, `Throttled` or `Paced`, whose `retry_after` says in how many seconds to ask again.
        """
        if self._turn and time.monotonic() - self._turn < FRESH:
            return
        if self._give_way is not None:
            self._step_aside(self._give_way)
        deadline = time.monotonic() + PATIENCE
        while (seconds := self._try()) > 0:
            if time.monotonic() + seconds > deadline:
                raise Paced(retry_after=max(seconds, PATIENCE))
            time.sleep(seconds)

    def settle(self, what: str, error: BaseException | None) -> None:
        """The admitted request is over: `what` was asked, and how it failed, if it did. Never fails itself."""
        with self._lock:
            self._turn = 0.0
            self._sent += 1
            self._uncounted += 1
            try:
                self._learn(what, error)
            except (DatabaseError, Contended) as failure:
                # Nimble has answered: that counts, whatever becomes of our figures.
                log.warning("the pace could not be stored", error=type(failure).__name__)
            if not self._keep:
                self._give_back()

    def _learn(self, what: str, error: BaseException | None) -> None:
        if isinstance(error, RateLimited):
            self._slow_down(error.retry_after)
        elif isinstance(error, TROUBLE):
            stored.change_breaker(lambda seen, now: breakers.failed(seen, what, now))
        elif error is None or (isinstance(error, NimbleError) and error.status):
            self._succeeded += 1
            if self._suspicion:
                stored.change_breaker(lambda seen, _now: breakers.answered(seen))

    def _step_aside(self, give_way: Callable[[], bool]) -> None:
        """While somebody's write waits: for a moment only, so that the reader is never starved."""
        deadline = time.monotonic() + PATIENCE
        while give_way() and time.monotonic() < deadline:
            self._give_back()
            time.sleep(POLL)

    def _try(self) -> float:
        """Take a turn; returns 0, or how many seconds to wait before trying again."""
        pace, breaker, self.grant, now = stored.look(self._connection_id)
        if (seconds := breakers.wait(breaker, now)) > 0:
            raise Outage(retry_after=seconds)
        ours = budgets.timely(pace.budget, now, self._due)
        if ours.paused_until - now > PATIENCE:
            raise Throttled(retry_after=ours.paused_until - now)
        # A turn that was taken and has become old is looked at again, and not paid for again.
        if not self._turn and (seconds := budgets.wait(ours, now)) > 0:
            return seconds
        with self._lock:
            if not self._hold(pace, now):
                return POLL
            if breaker.is_open:
                self._look()
            if not self._turn:
                self._due = budgets.spent(ours, now, sharers=1 + self._others(pace, now)).due
            self._seen = pace.budget.slowed_at
            self._suspicion = bool(breaker.suspects)
            self._turn, self.taken_at = time.monotonic(), now
        return 0.0

    def _others(self, pace: Pace, now: float) -> int:
        return len(slotting.live(slotting.freed(pace.slots, self._token), now))

    def _hold(self, pace: Pace, now: float) -> bool:
        """Have a slot that lasts as long as a request can; False if there is none, or somebody else was faster."""
        if any(slot.token == self._token and slot.until - now >= self._life for slot in pace.slots):
            return True
        slot = Slot(self._token, now + 2 * self._life, self._give_way is not None)
        slots = slotting.taken(pace.slots, slot, now)
        if slots is None or stored.swap(pace, slots=slots, **self._figures(pace, now)) is None:
            return False
        self._succeeded = self._uncounted = 0
        self._held = True
        return True

    def _look(self) -> None:
        """The breaker is open and a probe is due: send it, unless somebody else does. Raises `Outage` if all is not
        well.
        """
        token = holders.token()
        if stored.change_breaker(lambda seen, now: breakers.probing(seen, token, now, self._life)) is None:
            self._refuse(POLL)
        healthy: bool | None = None
        try:
            self._probe()
            healthy = True
        except TROUBLE:
            healthy = False
        except NimbleError as error:
            # Any answer will do. Without one (no usable token) somebody else may look.
            healthy = True if error.status else None
        finally:
            known = stored.change_breaker(lambda seen, now: breakers.probed(seen, token, now, healthy=healthy))
        if known is not None and known.is_open:
            self._refuse(known.interval if healthy is False else POLL)

    def _refuse(self, seconds: float) -> None:
        if not self._keep:
            self._give_back()
        raise Outage(retry_after=seconds)

    def _slow_down(self, asked: float | None) -> None:
        elapsed = time.monotonic() - self._since

        def decide(pace: Pace, now: float) -> dict[str, Any]:
            used = self._sent / elapsed * (1 + self._others(pace, now)) if elapsed > MEASURED else None
            budget = budgets.timely(pace.budget, now)
            return {"budget": budgets.slowed(budget, now, asked=asked, seen=self._seen, used=used)}

        stored.change(self._connection_id, decide)
        self._succeeded = self._sent = 0
        self._since = time.monotonic()

    def _give_back(self) -> None:
        with self._lock:
            if not self._held:
                return
            self._held = False
            try:
                stored.change(
                    self._connection_id,
                    lambda pace, now: {"slots": slotting.freed(pace.slots, self._token), **self._figures(pace, now)},
                )
            except (DatabaseError, Contended) as failure:
                log.warning("a slot is not given back, and lapses", error=type(failure).__name__)
            self._succeeded = self._uncounted = 0

    def _figures(self, pace: Pace, now: float) -> dict[str, Any]:
        """What is to be stored of the requests since the last time."""
        budget = budgets.raised(pace.budget, self._succeeded)
        return {
            "budget": budgets.timely(budget, now, self._due),
            "usage": usage.counted(pace.usage, now, self._uncounted),
        }
