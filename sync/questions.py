"""What a held brake asks a person: how many records, of what, since when, and some of them by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync import brakes, registry
from sync.models import Brake

SAMPLE = 8


@dataclass(frozen=True)
class Question:
    """One open brake as a person sees it.

    `sample`: (title, address) of records that they may see; an operator sees none. `label`: of the listing's stream.
    """

    brake: Brake
    label: Any
    mine: bool
    sample: Sequence[tuple[str, str]]

    @property
    def others(self) -> int:
        return max(self.brake.missing - len(self.sample), 0)


def of(user: Any) -> list[Question]:
    """The open brakes that this person decides about, held ones first; a statement for each one's sample."""
    found = sorted(brakes.of(user).order_by("-began_at")[:20], key=lambda brake: brake.state != Brake.State.HELD)
    labels = {spec.name: spec.label for spec in registry.streams()}
    return [
        Question(
            brake=brake,
            label=labels.get(brake.stream.name, brake.stream.name),
            mine=brake.stream.connection.user_id == user.pk,
            sample=_sample(brake, user),
        )
        for brake in found
    ]


def _sample(brake: Brake, user: Any) -> list[tuple[str, str]]:
    """Some of the records by the names under which this person may see them."""
    if brake.stream.connection.user_id != user.pk:
        return []
    resource = registry.resource(brake.kind)
    rows = resource.for_user(user).filter(pk__in=brake.records.values("record_id")).order_by("pk").defer("remote")
    return [resource.link(row, user) for row in rows[:SAMPLE]]
