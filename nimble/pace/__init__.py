"""How fast Nimble is asked: a budget and two slots for each connection, and one breaker for Nimble as a whole.

`budget`, `slots`, `usage` and `breaker` are pure; `stored` keeps them in the database; a client's `gate` applies them
to each of its requests; `status` says how things are, for pages. docs/adr/0008 says why.
"""

from nimble.pace.holders import take_over
from nimble.pace.status import Health, Pace, State, health, held, outage, paces

__all__ = ["Health", "Pace", "State", "health", "held", "outage", "paces", "take_over"]
