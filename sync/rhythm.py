"""How often Nimble is asked for what: the one place where this is settled. docs/operations.md has it as a table.

Nimble tells nobody of a change, so it has to be asked: every few seconds for what somebody is looking at, each minute
while a person is here, and ever more seldom the longer they are away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Who asked for a page, or whose open page asked for news, not longer ago than this is looking at it now. Pages say so
# at most once a minute.
LOOKING = timedelta(seconds=90)
# Who was not seen for longer than this is away.
HERE = timedelta(minutes=5)
# Away, the pauses are those of somebody who is here times the time away over this: an hour makes five of one.
GROWTH = timedelta(minutes=12)


@dataclass(frozen=True)
class Rhythm:
    """Seconds between two runs: while its records are looked at, while the person is here, and at most."""

    looking: int
    here: int
    away: int

    def seconds(self, *, looking: bool, away: timedelta) -> float:
        """The pause for somebody who was last seen `away` ago, and who is `looking` at these records or not."""
        if looking:
            return self.looking
        if away <= HERE:
            return self.here
        return min(max(self.here, self.here * (away / GROWTH)), self.away)


# Records that people work on.
LIVE = Rhythm(looking=12, here=60, away=900)
# What hangs on records, one request each: it costs nothing where nothing is due.
BESIDE = Rhythm(looking=60, here=60, away=900)
# What changes a few times a year and must not be missed for long, pipelines and who may see them.
STEADY = Rhythm(looking=600, here=600, away=3600)
# Complete listings and metadata.
HOURLY = Rhythm(looking=3600, here=3600, away=4 * 3600)


@dataclass(frozen=True)
class Attention:
    """What one person looks at, by the names of pages, and when they were last seen."""

    pages: frozenset[str]
    seen_at: datetime | None

    def seconds(self, rhythm: Rhythm, pages: frozenset[str], now: datetime) -> float:
        """The pause between two runs of a stream that these pages show."""
        away = now - self.seen_at if self.seen_at else timedelta.max
        return rhythm.seconds(looking=bool(pages & self.pages), away=away)
