"""INSERT … ON CONFLICT DO UPDATE for many rows at once.

`executemany` with the fields' own adaptation: several times faster than `bulk_create(update_conflicts=True)` with JSON
on PostgreSQL, which escapes each value into one large statement.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db import models

from sync.packing import Packed, pack

# What a driver takes as it is.
PLAIN = (models.CharField, models.TextField, models.IntegerField, models.BooleanField, models.ForeignKey)


def upsert(model: type[Any], rows: list[dict[str, Any]], unique: Sequence[str], *, guard: str = "") -> None:
    """Insert rows given as attribute → value, all with the same ones; a stored row gets exactly these columns.

    `unique`: the attributes of the unique constraint. `guard`: an attribute that was raised by one from what was
    read; a stored row where it has been raised meanwhile stays as it is.
    """
    if not rows:
        return
    # A new row needs every column; a stored one keeps those that are not given.
    fields = [f for f in model._meta.local_concrete_fields if not f.primary_key]
    quote = database.ops.quote_name
    table = quote(model._meta.db_table)
    names = ", ".join(quote(f.column) for f in fields)
    updates = ", ".join(
        f"{quote(f.column)} = excluded.{quote(f.column)}"
        for f in fields
        if f.attname in rows[0] and f.attname not in unique
    )
    where = f" WHERE {table}.{quote(guard)} = excluded.{quote(guard)} - 1" if guard else ""
    sql = (
        f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))}) "  # noqa: S608 our models' names
        f"ON CONFLICT ({', '.join(quote(name) for name in unique)}) DO UPDATE SET {updates}{where}"
    )
    columns = [_column(f, rows) for f in fields]
    with database.cursor() as cursor:
        cursor.executemany(sql, list(zip(*columns, strict=True)))


def _column(field: Any, rows: list[dict[str, Any]]) -> list[Any]:
    """One field's values of all rows, as the driver takes them."""
    if field.attname not in rows[0]:
        return [field.get_db_prep_save(field.get_default(), connection=database)] * len(rows)
    values = [row[field.attname] for row in rows]
    if isinstance(field, PLAIN):
        return values
    if isinstance(field, models.JSONField):
        return [value if value is None or isinstance(value, Packed) else pack(value) for value in values]
    if isinstance(field, models.DateTimeField):
        # Many rows share one moment: that of the read.
        adapted = {value: database.ops.adapt_datetimefield_value(value) for value in set(values)}
        return [adapted[value] for value in values]
    return [field.get_db_prep_save(value, connection=database) for value in values]
