"""Which columns a table has: the fields of every deal, what is known of its stage, and the pipeline's own fields."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deals import mapping
from deals.models import DealField, Pipeline
from deals.queries import LABELS
from deals.record import EDITABLE

NUMBERS = ("amount", "number", "percent", "days")


@dataclass(frozen=True)
class Column:
    """A column. `name`: as edits call the field, where it is one. `kind`: of its values.

    `sort`: the deal's column by which it is sorted, "" where it cannot be. `edit`: how its cells can be changed,
    "field" or "stage", "" where they cannot be.
    """

    name: str
    label: Any
    kind: str
    sort: str = ""
    edit: str = ""
    field: DealField | None = None

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS


NAME = Column("name", LABELS["name"], "string", "name", "field")
# What every table can show besides the name, in the usual order.
STANDARD = (
    Column("stage", LABELS["stage"], "stage", edit="stage"),
    Column("amount", LABELS["amount"], "amount", "amount", "field"),
    Column("expected_close_date", LABELS["expected_close_date"], "close", "expected_close", "field"),
    Column("probability", LABELS["probability"], "percent", "probability", "field"),
    Column("owner", LABELS["owner"], "user", edit="field"),
    Column("company", _("Company or contact"), "string"),
    Column("tags", LABELS["tags"], "tags", edit="field"),
    Column("age", _("Time in the stage"), "days", "stage_since"),
    Column("currency", LABELS["currency"], "currency", edit="field"),
    Column("description", LABELS["description"], "long_string", edit="field"),
    Column("actual_close_date", LABELS["actual_close_date"], "datetime", "actual_close"),
    Column("created", _("Created"), "moment", "created_in_nimble"),
    Column("updated", _("Last change"), "moment", "updated_in_nimble"),
)
USUAL = ("stage", "amount", "expected_close_date", "probability", "owner", "company", "tags")


def available(pipeline: Pipeline) -> list[Column]:
    """All columns that the table of a pipeline can show besides the name. One statement."""
    own = DealField.objects.filter(
        Q(pipeline_nimble_id="") | Q(pipeline_nimble_id=pipeline.nimble_id),
        workspace_id=pipeline.workspace_id,
        is_standard=False,
    ).order_by("position")
    return [*STANDARD, *(_of(field) for field in own)]


def _of(field: DealField) -> Column:
    can_edit = not field.read_only and field.kind in EDITABLE
    return Column(mapping.CUSTOM + field.field_id, field.name, field.kind, "", "field" if can_edit else "", field)


def chosen(columns: Sequence[Column], names: Iterable[str] | None) -> list[Column]:
    """The named ones of the columns in that order, after the name; the usual ones where nothing was chosen."""
    known = {column.name: column for column in columns}
    return [NAME, *(known[name] for name in (USUAL if names is None else names) if name in known)]


@dataclass(frozen=True)
class Sorting:
    """What a table is sorted by. `by`: as the address says it, a column's name, with "-" for the largest first."""

    by: str
    column: str
    descending: bool

    @classmethod
    def of(cls, by: str, columns: Iterable[Column]) -> "Sorting":
        """What an address asks for; else the last change first."""
        name = by.removeprefix("-")
        found = next((column for column in (NAME, *columns) if column.name == name and column.sort), None)
        if found is None:
            return cls("", "updated_in_nimble", descending=True)
        return cls(by, found.sort, descending=(found.name == "age") != by.startswith("-"))

    def state(self, column: Column) -> str:
        """How the table is sorted by a column, as `aria-sort` has it; "" where it is not."""
        if not column.sort or column.sort != self.column:
            return ""
        # The longest time in a stage is the earliest moment.
        return "descending" if self.descending != (column.name == "age") else "ascending"

    def turned(self, column: Column) -> str:
        """What a click on a column's head asks for: numbers and moments begin with the largest."""
        state = self.state(column)
        first = "-" if column.is_number or column.kind == "moment" else ""
        if not state:
            return first + column.name
        return ("" if state == "descending" else "-") + column.name


def moved(names: Sequence[str], name: str, step: int) -> list[str]:
    """The names with one of them moved by one place."""
    found = list(names)
    if name not in found:
        return found
    at = found.index(name)
    to = min(max(at + step, 0), len(found) - 1)
    found.insert(to, found.pop(at))
    return found
