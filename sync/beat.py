"""Celery's beat, which gives a sign of life of its own: else a silent beat and a silent worker look alike."""

import time
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from sync import health

log = structlog.get_logger(__name__)
EVERY_SECONDS = 5.0


class Scheduler(DatabaseScheduler):
    """Where the schedule is kept in the database. It ticks at least every two seconds, when it rings for edits."""

    noted = float("-inf")

    def tick(self, *args: Any, **kwargs: Any) -> float:
        wait: float = super().tick(*args, **kwargs)
        if time.monotonic() - self.noted > EVERY_SECONDS:
            self.noted = time.monotonic()
            self.note()
        return wait

    def note(self) -> None:
        try:
            close_old_connections()
            health.beat("beat")
        except DatabaseError as error:
            log.warning("no sign of life could be given", error=type(error).__name__)
