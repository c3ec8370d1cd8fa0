"""What every sequence begins with: a small world in the sandbox, and a mirror of it that two people have pulled."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection as database
from django.db import transaction

from nimble.models import Connection
from sync import pull
from sync.models import Lease
from tests.mirrors import OWNERS, Table, stored
from tests.people import ADA, BJORN, Connect
from tests.sandboxes import SandboxServer


def pulled_by_two(connect: Connect, sandbox: SandboxServer) -> dict[str, Any]:
    """What a machine is made of."""
    connections = [connect(ADA), connect(BJORN)]
    for connection in connections:
        runs = pull.pull(connection)
        assert {run.state for run in runs or []} == {"done"}
    tables = [Table.of(model) for model in stored() if model not in OWNERS]
    return {"sandbox": sandbox, "connections": connections, "tables": tables, "logged": []}


def put_back(tables: list[Table]) -> None:
    """The database as it was after the first pull, all but who is connected."""
    models = {table.model for table in tables} | set(stored()) | {Lease}
    with transaction.atomic(), database.constraint_checks_disabled(), database.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {database.ops.quote_name(model._meta.db_table)}")
        for table in tables:
            table.put_back({})
    Connection.objects.update(state=Connection.State.ACTIVE, state_reason="", lease_token="", lease_until=None)


@contextmanager
def listening(lines: list[str]) -> Iterator[None]:
    """Keeps every line that the product logs."""
    handler = Listening(lines)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


class Listening(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
