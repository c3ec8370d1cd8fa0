"""The database's clock: the one clock that all processes share.

`fetched_at`, leases and `not_before` are compared across processes and machines, so none of them uses the local clock.
"""

from datetime import UTC, datetime

from django.db import connection


def database_now() -> datetime:
    """The current time by the database, aware, in UTC (statement time, not the transaction's start)."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0].astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
