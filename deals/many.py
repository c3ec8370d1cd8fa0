"""Doing one thing to several deals: each by its own action, all in one transaction, taken back as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from deals import actions, queries
from deals.models import Deal, Stage
from sync import batches, edits, events
from sync.models import Batch, Edit

# So many at once: each leaves an edit of its own, while the person waits.
MOST = 200

Act = Callable[[Deal], Edit | None]


@dataclass
class Outcome:
    """What became of it. `locked`: Nimble lets this person not edit them; `unsure`: they need a probability first.
    `refused`: why others could not be changed, with these.
    """

    changed: list[Deal] = field(default_factory=list)
    locked: list[Deal] = field(default_factory=list)
    unsure: list[Deal] = field(default_factory=list)
    refused: dict[str, list[Deal]] = field(default_factory=dict)
    batch: Batch | None = None


def move(*, author: Any, deals: Sequence[Deal], stage: Stage, reason: str = "") -> Outcome:
    """Move deals to a stage. `reason`: why all of them were lost. Raises `CannotEdit` for an archived stage. Whoever
    would need a probability stays.
    """
    actions.refuse_archived(stage)
    outcome = Outcome()
    if stage.default_probability is None:
        outcome.unsure = [one for one in deals if one.probability is None and one.stage_nimble_id != stage.nimble_id]
    left = [one for one in deals if one not in outcome.unsure]
    return _each(outcome, author, left, lambda deal: actions.move(author=author, deal=deal, stage=stage, reason=reason))


def give(*, author: Any, deals: Sequence[Deal], owner: str) -> Outcome:
    """Give deals to another owner, by Nimble's user id."""
    return _each(
        Outcome(), author, deals, lambda deal: actions.change(author=author, deal=deal, field="owner", value=owner)
    )


def tag(*, author: Any, deals: Sequence[Deal], name: str) -> Outcome:
    """Add a tag to deals that do not have it."""

    def add(deal: Deal) -> Edit | None:
        # As they are now: somebody may have added another one since the deals were read.
        tags: list[str] = Deal.objects.select_for_update(no_key=True).values_list("tags", flat=True).get(pk=deal.pk)
        if name in tags:
            return None
        return actions.change(author=author, deal=deal, field="tags", value=[*tags, name])

    return _each(Outcome(), author, deals, add)


def _each(outcome: Outcome, author: Any, deals: Sequence[Deal], act: Act) -> Outcome:
    """Raises `CannotEdit` where this person can change nothing at all; what stops one deal does not stop the others."""
    for deal in deals[:1]:
        edits.connection_of(author, deal)
    locked = queries.locked(deals, author)
    made = []
    with events.atomic():
        # In one order, so that two people who change the same deals do not wait for each other.
        for deal in sorted(deals, key=lambda one: one.pk):
            if deal.pk in locked:
                outcome.locked.append(deal)
                continue
            try:
                with events.atomic():
                    edit = act(deal)
            except edits.CannotEdit as reason:
                outcome.refused.setdefault(str(reason), []).append(deal)
                continue
            if edit:
                made.append(edit)
                outcome.changed.append(deal)
        if made:
            outcome.batch = batches.gathered(made, author=author)
    return outcome
