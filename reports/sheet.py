"""A report as a file: the same rows as its table, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from reports.report import Cell, Made, Spec
from sync.clock import database_now
from sync.exports import defused
from sync.models import Export


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(spec: Spec, made: Made, user: Any, filters: list[str]) -> Iterator[str]:
    """The lines of a CSV file, section after section. That it was taken is written down.

    What it says of its own is said now: the lines are read once the request, and its language with it, are over.
    """
    rows = sum(len(section.rows) for section in made.sections)
    Export.objects.create(author=user, what=f"report {spec.name}", filters=filters, rows=rows, at=database_now())
    return _written(made, _("Part"))


def _written(made: Made, part: str) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"
    for section in made.sections:
        yield writer.writerow([defused(head) for head in (part, *section.heads)])
        for row in section.rows:
            yield writer.writerow([defused(section.title), *map(_cell, row)])


def _cell(cell: Cell) -> str:
    """Numbers stay numbers, also negative ones: only text can be a formula."""
    value = cell.plain
    return defused(value) if isinstance(value, str) else str(value)
