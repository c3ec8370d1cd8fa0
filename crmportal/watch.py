"""Restarts what is there and does nothing: a worker that no longer hears the bell, a beat that no longer ticks.

supervisord restarts what ends. What hangs is told by its signs of life in the database alone.
"""

import threading
import time
import xmlrpc.client
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from crmportal import broker
from crmportal.supervisor import Control
from sync import health
from sync.clock import database_now

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5
# How long each may be silent: longer than any single request to Nimble takes, and than many bells in a row.
PATIENCE = {
    "beat": settings.SILENT_SECONDS * 3 // 2,
    "push": settings.SILENT_SECONDS * 3 // 2,
    "pull": settings.SILENT_SECONDS * 6,
}
PROGRAMS = {"beat": "beat", "push": "worker-push", "pull": "worker-pull"}
AGAIN_SECONDS = 60


@dataclass
class Watch:
    """Looks every few seconds, on a thread of its own, for as long as the `with` lasts."""

    control: Control
    restarted: dict[str, float] = field(default_factory=dict)
    # Since when the bell has been ringing without a break, as far as was seen here; None while it does not.
    ringing: datetime | None = None

    def __enter__(self) -> Self:
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, name="watch", daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()

    def run(self) -> None:
        while not self.ending.wait(LOOK_SECONDS):
            try:
                for name in self.look():
                    self.restart(name)
            except (DatabaseError, OSError, xmlrpc.client.Error, LookupError) as error:
                # Without the database nobody can say that they live.
                self.ringing = None
                log.debug("the watch saw nothing", error=type(error).__name__)
            finally:
                close_old_connections()

    def look(self) -> list[str]:
        """Which of the programs that run are silent for too long and have not been restarted a moment ago."""
        seen, now = health.seen(), database_now()
        began = {p["name"]: now - uptime(p) for p in self.control.processes() if p["statename"] == "RUNNING"}

        def silent(name: str, *since: datetime | None) -> bool:
            if PROGRAMS[name] not in began or None in since:
                return False
            last = max(filter(None, (seen.get(name), began[PROGRAMS[name]], *since)))
            return now - last > timedelta(seconds=PATIENCE[name])

        if (ticked := seen.get("beat")) is None or now - ticked > timedelta(seconds=health.SILENT_SECONDS["beat"]):
            # Nobody rings, so nobody hears anything: that is no worker's fault.
            self.ringing = None
        elif self.ringing is None:
            self.ringing = now
        late = [name for name in PATIENCE if silent(name, *([] if name == "beat" else [self.ringing]))]
        if late and not broker.reachable():
            # The bell's wire is cut. Whoever does not hear it again once that is mended has a while for it.
            self.ringing, late = None, []
        return [name for name in late if time.monotonic() - self.restarted.get(name, -AGAIN_SECONDS) >= AGAIN_SECONDS]

    def restart(self, name: str) -> None:
        program = PROGRAMS[name]
        log.warning("restarting a program that gives no sign of life", program=program)
        self.restarted[name] = time.monotonic()
        self.control.stop(program)
        if not self.ending.is_set():
            self.control.start(program)


def uptime(process: dict[str, Any]) -> timedelta:
    """By supervisord's clock, which need not be the database's."""
    return timedelta(seconds=max(process["now"] - process["start"], 0))
