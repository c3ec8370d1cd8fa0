"""Reading from Nimble as one person, and storing what came."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from nimble.client import Client
from nimble.models import Connection
from sync import registry, store
from sync.clock import database_now

T = TypeVar("T")


class Reader:
    """What reads a record needs: a person's client, the time at which a read begins, and where its answer goes."""

    def __init__(self, connection: Connection, client: Client) -> None:
        self.connection = connection
        self.workspace_id = connection.workspace_id
        self.client = client

    def read(self, fetch: Callable[[], T]) -> tuple[T, datetime]:
        """Do one read; returns its answer and the database's time at which it began."""
        started = database_now()
        return fetch(), started

    def page(
        self,
        kind: str,
        payloads: Sequence[Any],
        *,
        read_at: datetime,
        checkpoint: dict[str, Any] | None = None,
        counted: int | None = None,
    ) -> store.Tally:
        """Store what one answer brought. `checkpoint` and `counted` are for who counts: a `Pull`."""
        return store.save_page(registry.resource(kind), self.connection, payloads, read_at=read_at)

    def move(self, checkpoint: dict[str, Any] | None = None, **counts: int) -> None:
        """Note how far it is. Here nobody asks."""
