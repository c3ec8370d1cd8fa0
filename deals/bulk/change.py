"""What is asked of many deals: how some of their fields are to be, and what that makes of a deal."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deals import mapping
from deals.models import Deal, Stage
from deals.names import Names
from sync import overlay, registry

SET, ADD, REMOVE = "set", "add", "remove"
# Where the columns of a deal hold what its fields are called by.
COLUMNS = {
    "stage": "stage_nimble_id",
    "amount": "amount",
    "currency": "currency",
    "probability": "probability",
    "description": "description",
    "owner": "owner_id",
    "expected_close_date": "expected_close",
    "tags": "tags",
}


@dataclass(frozen=True)
class Wish:
    """How one field is to be: `value`, or that `how` added to or removed from what it holds."""

    field: str
    value: Any
    how: str = SET

    def after(self, before: Any) -> Any:
        if self.how == ADD:
            return [*before, *(one for one in self.value if one not in before)]
        if self.how == REMOVE:
            return [one for one in before if one not in self.value]
        return self.value


@dataclass(frozen=True)
class Change:
    """What is asked of each deal. `stage`: the key of the stage that they come to, where they are moved; `reason`: why
    they are lost there. `pipeline`: Nimble's id of the one in which they are, "" for whichever: those that somebody
    moves to another meanwhile stay as they are.
    """

    wishes: Sequence[Wish]
    stage: int | None = None
    reason: str = ""
    pipeline: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "Change":
        """As a batch keeps it."""
        wishes = [Wish(**one) for one in asked["wishes"]]
        return cls(wishes, asked["stage"], asked["reason"], asked["pipeline"])

    def kept(self) -> dict[str, Any]:
        """For a batch to keep."""
        wishes = [vars(one) for one in self.wishes]
        return {"wishes": wishes, "stage": self.stage, "reason": self.reason, "pipeline": self.pipeline}

    @property
    def fields(self) -> list[str]:
        return [one.field for one in self.wishes]

    def digest(self, pks: Iterable[int]) -> str:
        """The same for the same change of the same deals, in whichever order they are."""
        return hashlib.blake2s(json.dumps([self.kept(), sorted(pks)]).encode(), digest_size=8).hexdigest()

    def is_past(self, deal: Deal) -> bool:
        """Whether somebody has moved a deal to another pipeline."""
        return self.pipeline not in ("", deal.pipeline_nimble_id)

    def goal(self) -> Stage | None:
        """The stage that they come to."""
        return Stage.objects.select_related("pipeline").filter(pk=self.stage).first() if self.stage else None

    def wanted(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Of a deal whose fields are so now, those that change, and to what."""
        found = {one.field: one.after(before[one.field]) for one in self.wishes}
        return {name: value for name, value in found.items() if value != before[name]}


@dataclass
class Standing:
    """What fields of deals hold now, as edits have it. `heavy`: the deals' columns that none of them needs."""

    fields: Sequence[str]
    own: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.own = [name for name in self.fields if name not in COLUMNS]

    @property
    def heavy(self) -> list[str]:
        found = ["search", "reader_index", "tag_index"]
        found += [] if self.own else ["remote"]
        return found if "description" in self.fields else [*found, "description"]

    def of(self, deals: Sequence[Deal]) -> dict[int, dict[str, Any]]:
        """By deal, by field. One statement where there are fields of the pipeline's own, else none."""
        plain = [(name, COLUMNS[name]) for name in self.fields if name in COLUMNS]
        found = {deal.pk: {name: _plain(name, getattr(deal, column)) for name, column in plain} for deal in deals}
        if self.own:
            values = registry.resource(Deal.kind).values
            open_edits = overlay.open_edits(Deal.kind, [deal.pk for deal in deals])
            for deal in deals:
                shown = overlay.overlaid(values(deal.remote), open_edits.get(deal.pk, []))
                found[deal.pk] |= {name: shown.get(name) or [] for name in self.own}
        return found


def is_unsure(deal: Deal, stage: Stage | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a deal would come to a stage that has no probability, without one of its own."""
    moves = stage is not None and "stage" in wanted and stage.default_probability is None
    return moves and wanted.get("probability", deal.probability) is None


def reading(name: str, value: Any, names: Names, currency: str) -> str:
    """A field's value as a person reads it, in one line; "" for none. `currency`: of amounts, "" where it differs."""
    text = registry.resource(Deal.kind).shown(name, value, names, {"currency": currency})
    return ", ".join(text.split("\n")) if isinstance(value, list) else text


def labels(fields: Iterable[str], names: Names) -> dict[str, str]:
    """By field, what it is called."""
    return {name: registry.resource(Deal.kind).label(name, names) for name in fields}


def _plain(name: str, value: Any) -> Any:
    if name == "amount":
        return mapping.canonical_amount(value)
    if name == "expected_close_date":
        return value.isoformat() if value else None
    return list(value) if name == "tags" else value if value != "" else None
