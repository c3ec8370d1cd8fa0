"""Celery's beat, which gives a sign of life of its own: else a silent beat and a silent worker look alike."""

import time
from typing import Any

import structlog
from django.db import DatabaseError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from sync import health

log = structlog.get_logger(__name__)
NOTE_SECONDS = 5.0
RECONNECT_SECONDS = 1


class Scheduler(DatabaseScheduler):
    """Where the schedule is kept in the database. It rings for edits every two seconds, so that it never sleeps long.

    Its sign of life says that it rang. Of itself it would go on with a connection that RabbitMQ closed, and ring for
    nobody.
    """

    noted = float("-inf")

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        try:
            sent = super().apply_async(*args, **kwargs)
        except Exception:
            # Made anew at the next tick.
            for name in ("producer", "connection"):
                self.__dict__.pop(name, None)
            raise
        if time.monotonic() - self.noted > NOTE_SECONDS:
            self.noted = time.monotonic()
            self.note()
        return sent

    def note(self) -> None:
        try:
            close_old_connections()
            health.beat("beat")
        except DatabaseError as error:
            log.warning("no sign of life could be given", error=type(error).__name__)

    def _ensure_connected(self) -> Any:
        """Celery's own, but without its pauses of up to half a minute."""

        def failed(error: Exception, interval: float) -> None:
            log.warning("the broker is not reachable", error=type(error).__name__)

        return self.connection.ensure_connection(
            failed, interval_start=RECONNECT_SECONDS, interval_step=0, interval_max=RECONNECT_SECONDS
        )
