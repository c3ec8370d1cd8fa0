"""Nimble's number of contacts, as its complete listing gives it, against ours as the same person sees them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import structlog

from contacts import queries
from contacts.models import Contact
from nimble import errors
from nimble.models import Connection
from sync import checks
from sync import pull as pulling
from sync.models import Quarantined
from sync.runs import Pull

log = structlog.get_logger(__name__)

TOTAL = "contacts"


def compare(pull: Pull, total: Any) -> None:
    """At the end of a complete listing whose first page said this total; asked once more where it differs."""
    if checks.is_braked(pull):
        return
    figure = number(pull.connection, total)
    if figure and figure.differs:
        try:
            answer, _at = pull.read(lambda: pull.client.list_contact_ids(per_page=1))
        except errors.NimbleError as error:
            log.warning("the number was not compared", error=type(error).__name__)
            return
        figure = number(pull.connection, (answer.get("meta") or {}).get("total"))
    if figure:
        checks.note(pull, [figure])


def number(connection: Connection, total: Any) -> checks.Figure | None:
    """How many contacts there are, by both. What is set aside is listed by Nimble, and known here by its id alone."""
    theirs = checks.number(total)
    if theirs is None:
        return None
    ours = queries.for_connection(connection).filter(nimble_id__isnull=False).count()
    aside = Quarantined.objects.filter(brought_by=connection, kind=Contact.kind)
    known = Contact.objects.filter(workspace_id=connection.workspace_id)
    unknown = aside.exclude(nimble_id__in=known.values("nimble_id")).count()
    return checks.Figure(key=TOTAL, theirs=theirs, ours=Decimal(ours + unknown))


def repair(connection: Connection, keys: Iterable[str]) -> None:
    """Read every contact anew, and list them all."""
    pulling.sync_again(connection, "contacts", "listing")
