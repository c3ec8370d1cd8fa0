"""Records as files: what the person sees, in their words, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from sync import entries
from sync.clock import database_now
from sync.models import Edit, Export

CHUNK = 500
# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def defused(value: Any) -> str:
    """A cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def history(found: QuerySet[Edit], user: Any, filters: list[str]) -> Iterator[str]:
    """The lines of a CSV file, one for each field of each edit, oldest first."""
    head = [
        pgettext("noun", "Edit"), _("Made"), _("Person"), _("Kind"), _("Record"), _("Operation"), _("Field"),
        _("Before"), _("After"), _("State"), _("Reason"), _("Attempts"), _("Sent"), _("In Nimble"), _("Seen again"),
        _("Request"),
    ]  # fmt: skip
    return lines(user, "history", filters, head, _edits(found, user))


def lines(user: Any, what: str, filters: list[str], head: list[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file of some rows, which are read as they are sent.

    That it was taken is written down first, and how many lines it had at the end. `filters`: the names of those that
    were on.
    """
    return _as_now(_lines_of(user, what, filters, head, rows))


def _as_now(told: Iterator[str]) -> Iterator[str]:
    """The same in the language and the time zone of the request, which has ended when the file is sent."""
    language, zone = translation.get_language(), timezone.get_current_timezone()

    def each() -> Iterator[str]:
        while True:
            with translation.override(language), timezone.override(zone):
                line = next(told, None)
            if line is None:
                return
            yield line

    return each()


def _lines_of(
    user: Any, what: str, filters: list[str], head: list[str], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    export = Export.objects.create(author=user, what=what, filters=filters, at=database_now())
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([defused(cell) for cell in head])
    count = 0
    for row in rows:
        yield writer.writerow([defused(cell) for cell in row])
        count += 1
    Export.objects.filter(pk=export.pk).update(rows=count)


def _edits(found: QuerySet[Edit], user: Any) -> Iterator[list[Any]]:
    last = 0
    while chunk := list(found.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        for entry in entries.of(chunk, user):
            yield from _lines(entry)


def _lines(entry: entries.Entry) -> Iterator[list[Any]]:
    edit = entry.edit
    before = [
        edit.pk, _moment(edit.created_at), edit.connection, entry.resource.title_of_kind, entry.title,
        edit.get_operation_display(),
    ]  # fmt: skip
    after = [
        edit.get_state_display(), entry.reason.text if entry.reason else "", edit.attempts, _moment(edit.sent_at),
        _moment(edit.confirmed_at), _moment(edit.echoed_at), edit.request_id,
    ]  # fmt: skip
    for line in entry.lines:
        yield [*before, line.label, line.base, line.ours, *after]
    if not entry.lines:
        yield [*before, "", "", "", *after]


def _moment(at: Any) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds") if at else ""
