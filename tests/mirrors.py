"""A mirror of the sandbox, pulled for real once a process and put back from memory for each test that asks for it.

A plugin for every test. The first pull costs a second and a half, putting its rows back a few hundredths.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import connection as database
from django.db import models, transaction
from django.db.models import F

from deals.resources.deals import forget_standard_ids
from nimble.models import Connection, Workspace
from sync import pull, when
from sync.clock import database_now
from sync.models import Heartbeat, Lease, Run, Stream
from tests.sandboxes import ROOT, SandboxServer

# Each test makes these anew by connecting: what names them gets this test's own.
OWNERS = (Connection, Workspace, get_user_model())
# Of processes that run just now.
PASSING = (Heartbeat, Lease)
# What tells when a stream is due: as old as it was when the pull had ended.
AGEING = {Stream: ("next_run_at", "completed_at", "settled_at"), Run: ("started_at", "moved_at", "finished_at")}
# The same in the cursor of a stream, by our own clock.
AGEING_STAMPS = ("walked", "checked")

Model = type[models.Model]


@dataclass
class Table:
    """The rows of a model, as the driver gave them."""

    model: Model
    rows: list[tuple[Any, ...]]

    @classmethod
    def of(cls, model: Model) -> Self:
        with database.cursor() as cursor:
            cursor.execute(f"SELECT {columns(model)} FROM {database.ops.quote_name(model._meta.db_table)}")
            return cls(model, cursor.fetchall())

    def put_back(self, owners: dict[Model, int]) -> None:
        fields = self.model._meta.local_concrete_fields
        ours = {at: owners[field.related_model] for at, field in enumerate(fields) if field.related_model in owners}
        rows = [[value and ours.get(at, value) for at, value in enumerate(row)] for row in self.rows]
        with database.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {database.ops.quote_name(self.model._meta.db_table)} ({columns(self.model)}) "
                f"VALUES ({', '.join(['%s'] * len(fields))})",
                rows,
            )


@dataclass
class Snapshot:
    """What a pull has stored, and what it has changed of the connection and its workspace."""

    tables: list[Table]
    changed: dict[Model, dict[str, Any]]
    at: datetime

    def put_back(self, connection: Connection) -> None:
        owners = {Connection: connection.pk, Workspace: connection.workspace_id, get_user_model(): connection.user_id}
        with transaction.atomic():
            for table in self.tables:
                table.put_back(owners)
            for model, values in self.changed.items():
                model._default_manager.filter(pk=owners[model]).update(**values)
            age = database_now() - self.at
            for model, names in AGEING.items():
                model._default_manager.update(**{name: F(name) + age for name in names})
            for stream in Stream.objects.all():
                stamps = {name: when.moment(stream.cursor.get(name)) for name in AGEING_STAMPS}
                stream.cursor |= {name: (at + age).isoformat() for name, at in stamps.items() if at}
                stream.save(update_fields=["cursor"])
            with database.cursor() as cursor:
                for sql in database.ops.sequence_reset_sql(no_style(), [table.model for table in self.tables]):
                    cursor.execute(sql)
        connection.refresh_from_db()
        forget_standard_ids()


_snapshots: dict[str, Snapshot] = {}


def columns(model: Model) -> str:
    return ", ".join(database.ops.quote_name(field.column) for field in model._meta.local_concrete_fields)


def stored() -> list[Model]:
    """The product's models that have rows, beside those that connecting makes."""
    ours = [config for config in apps.get_app_configs() if Path(config.path).parent == ROOT]
    found = [model for config in ours for model in config.get_models(include_auto_created=True)]
    return [model for model in found if model not in OWNERS + PASSING and model._default_manager.exists()]


def values(connection: Connection) -> dict[Model, dict[str, Any]]:
    keys: dict[Model, int] = {Connection: connection.pk, Workspace: connection.workspace_id}
    return {model: model._default_manager.filter(pk=pk).values().get() for model, pk in keys.items()}


def mirrored(connection: Connection, sandbox: SandboxServer) -> Connection:
    """The connection after its first pull of a sandbox whose world is as it was made."""
    alone = not stored()
    if alone and sandbox.url in _snapshots:
        _snapshots[sandbox.url].put_back(connection)
        return connection
    before = values(connection)
    runs = pull.pull(connection)
    assert {run.state for run in runs or []} == {"done"}, [(run.stream.name, run.error) for run in runs or []]
    if alone:
        changed = {
            model: {name: value for name, value in after.items() if value != before[model][name]}
            for model, after in values(connection).items()
        }
        _snapshots[sandbox.url] = Snapshot([Table.of(model) for model in stored()], changed, database_now())
    return connection


@pytest.fixture
def mirror(transactional_db: None, ada: Connection, nimble: SandboxServer) -> Connection:
    """Ada's connection, after its first pull of the sandbox."""
    return mirrored(ada, nimble)
