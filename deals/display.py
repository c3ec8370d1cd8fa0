"""How one person has a pipeline's board look: which columns are folded, and how much its cards show."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from deals.models import BoardDisplay, Pipeline

# What a card shows besides name and amount, by who chooses it.
FIELDS = {
    "owner": _("Owner"),
    "company": _("Company"),
    "tags": _("Tags"),
    "close": _("Expected close"),
    "probability": _("Probability"),
    "age": _("Time in the stage"),
}
USUAL = frozenset(FIELDS) - {"probability"}
# What a compact card leaves out: each is a line of its own.
LINES = frozenset({"company", "tags"})


@dataclass(frozen=True)
class Display:
    """`fields`: chosen ones of FIELDS. `folded`: primary keys of stages. `compact`: cards of two lines at most.
    `columns`: the names of a table's columns in their order, None where nothing was chosen.
    """

    fields: frozenset[str] = USUAL
    compact: bool = False
    folded: frozenset[int] = frozenset()
    columns: tuple[str, ...] | None = None

    @classmethod
    def of(cls, settings: dict[str, Any] | None) -> "Display":
        """From what is stored; the usual one where nothing is."""
        stored = settings or {}
        return cls(
            fields=frozenset(stored.get("fields", USUAL)) & frozenset(FIELDS),
            compact=bool(stored.get("compact", False)),
            folded=frozenset(stored.get("folded", ())),
            columns=tuple(stored["columns"]) if "columns" in stored else None,
        )

    @property
    def shown(self) -> frozenset[str]:
        """The fields that cards show."""
        return self.fields - LINES if self.compact else self.fields

    @property
    def choices(self) -> list[tuple[str, Any, bool]]:
        """Each field with its label, and whether it is chosen."""
        return [(name, label, name in self.fields) for name, label in FIELDS.items()]


def choose(user: Any, pipeline: Pipeline, *, fields: Iterable[str], compact: bool) -> None:
    """Remember what the cards show."""
    _change(user, pipeline, fields=sorted(frozenset(FIELDS) & set(fields)), compact=compact)


def choose_columns(user: Any, pipeline: Pipeline, columns: Iterable[str]) -> None:
    """Remember a table's columns, in this order."""
    _change(user, pipeline, columns=list(columns))


def fold(user: Any, pipeline: Pipeline, stage: int, *, folded: bool) -> None:
    """Remember that a column is folded, or no longer is."""
    with transaction.atomic():
        now = set(_of(user, pipeline).settings.get("folded", ()))
        _change(user, pipeline, folded=sorted(now | {stage} if folded else now - {stage}))


def _change(user: Any, pipeline: Pipeline, **settings: Any) -> None:
    with transaction.atomic():
        row = _of(user, pipeline)
        row.settings |= settings
        row.save(update_fields=["settings"])


def _of(user: Any, pipeline: Pipeline) -> BoardDisplay:
    """The person's row, locked until the transaction ends."""
    row, _made = BoardDisplay.objects.select_for_update(no_key=True).get_or_create(user=user, pipeline=pipeline)
    return row
