"""What a table is sorted by: a column of the deals, or a value that the database works out for every deal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Expression,
    F,
    Field,
    FloatField,
    Func,
    IntegerField,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Left, Lower, NullIf
from django.db.models.lookups import In, IsNull, Regex

from deals import inputs, queries
from deals.models import Deal, DealField, Stage
from deals.table.columns import NAME, WORKED_OUT, Column
from sync import terms

# By so much of a text: a place holds it, and stands in an address.
TEXT_LENGTH = 60
# What can be cast on every database without an error.
NUMBER = r"^-?[0-9]{1,60}([.][0-9]{1,60})?$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
DAY_LENGTH = 10
TRUE = sorted({str(one).lower() for one in inputs.TRUE})

Names = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Sorting:
    """What a table is sorted by. `by`: as the address says it, a column's name, with "-" for the largest first.

    `name`: the column's. `column`: of the deals, once they went `over`. `value`: what is worked out for it, None for a
    column that a deal has itself; no index serves such a sorting.
    """

    by: str
    name: str
    column: str
    descending: bool
    value: Expression | None = field(default=None, compare=False)

    @classmethod
    def of(cls, by: str, columns: Iterable[Column], stages: Sequence[Stage], members: Names, user: Any) -> "Sorting":
        """What an address asks for; else the last change first. `stages`: in their order. `members`: the team's names
        by user id, when they are needed. `user`: the reader; what they do not see is not sorted by.
        """
        name = by.removeprefix("-")
        found = next((column for column in (NAME, *columns) if column.name == name and column.sort), None)
        if found is None:
            return cls("", "updated", "updated_in_nimble", descending=True)
        descending = (found.name == "age") != by.startswith("-")
        value = _value(found, stages, members, user) if found.sort == WORKED_OUT else None
        return cls(by, name, found.sort, descending, value)

    def over(self, deals: QuerySet[Deal]) -> QuerySet[Any]:
        """The deals with what they are sorted by."""
        return deals.annotate(**{WORKED_OUT: self.value}) if self.value is not None else deals

    @property
    def kind(self) -> "Field[Any, Any]":
        """The field that says of which type the values are."""
        if self.value is not None:
            return self.value.output_field
        found: Field[Any, Any] = Deal._meta.get_field(self.column)  # type: ignore[assignment]
        return found

    @property
    def can_miss(self) -> bool:
        """Whether there can be deals without a value."""
        return self.value is not None or self.kind.null

    def state(self, column: Column) -> str:
        """How the table is sorted by a column, as `aria-sort` has it; "" where it is not."""
        if column.name != self.name:
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


class Stored(Func):
    """The first value of a pipeline's own field as text, as Nimble keeps it; NULL where there is none."""

    output_field = TextField()

    def __init__(self, field_id: str) -> None:
        super().__init__(F("remote"))
        self.field_id = field_id

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        name = self.field_id.replace('"', "")
        return f"CAST(JSON_EXTRACT({sql}, %s) AS TEXT)", (*params, f'$.fields_values."{name}"[0].value')

    def as_sql(self, compiler: Any, connection: Any, *more: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"({sql} #>> %s)", (*params, ["fields_values", self.field_id, "0", "value"])


class Ranked(Func):
    """Where a text stands among these values, from 0; behind them where it is none of them, NULL where it is empty."""

    output_field = IntegerField()

    def __init__(self, text: Combinable, values: Iterable[str]) -> None:
        super().__init__(text)
        self.ranks = list(enumerate(values))

    def as_sql(self, compiler: Any, connection: Any, *more: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        whens = " WHEN %s THEN %s" * len(self.ranks)
        given = [part for rank, value in self.ranks for part in (value, rank)]
        rest = f"CASE WHEN {sql} <> '' THEN %s END"
        if not whens:
            return rest, (*params, 0)
        return f"CASE {sql}{whens} ELSE {rest} END", (*params, *given, *params, len(self.ranks))


class Beginning(Func):
    """The beginning of a text, as texts are sorted here: the case of plain letters aside, by code point on every
    database, whatever its locale; NULL for none.
    """

    output_field = TextField()
    template = "NULLIF(LOWER(%(expressions)s), '')"

    def __init__(self, text: Combinable) -> None:
        super().__init__(Left(text, TEXT_LENGTH))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = 'NULLIF(LOWER(%(expressions)s COLLATE "C"), \'\') COLLATE "C"'
        return self.as_sql(compiler, connection, template=template, **context)


def _value(column: Column, stages: Sequence[Stage], members: Names, user: Any) -> Expression:
    if column.name == "stage":
        return Ranked(F("stage_nimble_id"), [stage.nimble_id for stage in stages])
    if column.name == "owner":
        return Ranked(F("owner_id"), _by_name(members()))
    if column.name == "tags":
        # By the first one, those that have the same by the next: what stands between them comes before all letters.
        return Beginning(F("tag_index"))
    if column.name == "company":
        return Beginning(queries.of_company(user, "sort_name"))
    if column.name == "currency":
        return NullIf("currency", Value(""), output_field=CharField())
    assert column.field, "only a field of a pipeline's own is left"  # noqa: S101
    return _of_own(column.field, Stored(column.field.field_id), members)


def _of_own(own: DealField, stored: Stored, members: Names) -> Expression:
    """A stored value by the kind of its field. What does not look like one of the kind counts as missing."""
    if own.kind == "number":
        return Case(When(Regex(stored, NUMBER), then=Cast(stored, FloatField())), output_field=FloatField())
    if own.kind == "datetime":
        return Case(When(Regex(stored, DAY), then=Left(stored, DAY_LENGTH)), output_field=TextField())
    if own.kind == "boolean":
        yes, given = In(Lower(stored), TRUE), IsNull(stored, False)
        return Case(When(yes, then=Value(1)), When(given, then=Value(0)), output_field=IntegerField())
    if own.kind == "choice":
        return Ranked(stored, [choice["id"] for choice in own.choices])
    if own.kind == "user":
        return Ranked(stored, _by_name(members()))
    return Beginning(stored)


def _by_name(members: Mapping[str, str]) -> list[str]:
    return sorted(members, key=lambda one: (terms.fold(members[one]), one))
