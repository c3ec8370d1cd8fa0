"""Colleagues whose connections keep the mirror of contacts fresh: what they are shown need not be read once more.

What a contact says is the same for everybody who sees it; whether somebody does, only their own token tells. So one who
has just connected lists ids, and reads whole only what no colleague is shown.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from contacts.models import Contact, ContactSight
from nimble.models import Connection
from sync import when
from sync.clock import database_now
from sync.models import Stream

# Longer than the longest pause between two runs of a stream that works.
LASTS = timedelta(hours=1)


def streams(connection: Connection) -> QuerySet[Stream]:
    """The streams of contacts of colleagues whose connection works, and has been asked lately."""
    colleagues = Connection.objects.active().filter(workspace_id=connection.workspace_id).exclude(pk=connection.pk)
    return Stream.objects.filter(
        name="contacts", connection__in=colleagues, completed_at__gt=database_now() - LASTS, failures=0
    )


def reached(connection: Connection) -> datetime | None:
    """Nimble's stamp up to which every one of these colleagues has read; None where there is none."""
    stamps = [when.moment(cursor.get("reached")) for cursor in streams(connection).values_list("cursor", flat=True)]
    return min((stamp for stamp in stamps if stamp), default=None) if all(stamps) else None


def known(connection: Connection, rows: QuerySet[Any]) -> QuerySet[Contact]:
    """Of these contacts those that such a colleague is shown."""
    shown = ContactSight.objects.filter(record=OuterRef("pk"), seen_at__isnull=False, hidden_at=None)
    return rows.filter(Exists(shown.filter(connection__in=streams(connection).values("connection"))))
