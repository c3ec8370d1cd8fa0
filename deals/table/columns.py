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

# What a value that the database works out for every deal is called in a query.
WORKED_OUT = "table_order"
# Kinds of a pipeline's own fields that have no order: an address would be sorted by country and town, if at all, and
# begins with its street.
UNSORTED = ("address",)
NUMBERS = ("amount", "number", "percent", "days")


@dataclass(frozen=True)
class Column:
    """A column. `name`: as edits call the field, where it is one. `kind`: of its values.

    `sort`: the deal's column by which it is sorted, WORKED_OUT for a value that no column holds as it is sorted, ""
    where it cannot be. `edit`: how its cells can be changed, "field" or "stage", "" where they cannot be.
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


NAME = Column("name", LABELS["name"], "string", "sort_name", "field")
# What every table can show besides the name, in the usual order.
STANDARD = (
    Column("stage", LABELS["stage"], "stage", WORKED_OUT, "stage"),
    Column("amount", LABELS["amount"], "amount", "amount", "field"),
    Column("expected_close_date", LABELS["expected_close_date"], "close", "expected_close", "field"),
    Column("probability", LABELS["probability"], "percent", "probability", "field"),
    Column("owner", LABELS["owner"], "user", WORKED_OUT, "field"),
    Column("company", _("Company or contact"), "string", WORKED_OUT),
    Column("tags", LABELS["tags"], "tags", WORKED_OUT, "field"),
    Column("age", _("Time in the stage"), "days", "stage_since"),
    Column("currency", LABELS["currency"], "currency", WORKED_OUT, "field"),
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
    sort = WORKED_OUT if field.kind in EDITABLE and field.kind not in UNSORTED else ""
    return Column(mapping.CUSTOM + field.field_id, field.name, field.kind, sort, "field" if can_edit else "", field)


def chosen(columns: Sequence[Column], names: Iterable[str] | None) -> list[Column]:
    """The named ones of the columns in that order, after the name; the usual ones where nothing was chosen."""
    known = {column.name: column for column in columns}
    return [NAME, *(known[name] for name in (USUAL if names is None else names) if name in known)]


def moved(names: Sequence[str], name: str, step: int) -> list[str]:
    """The names with one of them moved by one place."""
    found = list(names)
    if name not in found:
        return found
    at = found.index(name)
    to = min(max(at + step, 0), len(found) - 1)
    found.insert(to, found.pop(at))
    return found
