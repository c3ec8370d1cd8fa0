"""The way of one deal through stages, from what is stored of it and what Nimble tells now: pure functions.

Nimble tells the way within the deal's pipeline only, sometimes by the day alone, and in some answers not at all. So
what is known is kept, and what comes is laid over it where the two fit together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from deals import mapping
from deals.models import StageMove
from sync import when

Known = StageMove.Known
# The better known, the higher.
RANK = {Known.SEEN: 0, Known.DAY: 1, Known.EXACT: 2}
DAY_ALONE = len("2026-03-31")
# Nimble's clock may be behind ours, and a day alone is its midnight.
CLOCKS_DIFFER = timedelta(days=1)


class Step(NamedTuple):
    """An arrival in a stage. `edit`: the id of the edit that sent the deal there, None for what was done in Nimble."""

    pipeline: str
    stage: str
    at: datetime
    known: str = Known.EXACT
    by: str = ""
    edit: int | None = None


def told(remote: Mapping[str, Any], read_at: datetime) -> list[Step]:
    """The steps that a deal's JSON, read at `read_at`, tells, oldest first; the stage that it is in is the last."""
    pipeline = mapping.pipeline_of(remote)[:64]
    created, updated = (when.moment(remote.get(name)) for name in ("created", "updated"))
    steps: list[Step] = []
    for one in mapping.transitions(remote):
        stage, at = mapping.stage_id(one.get("to_stage"))[:64], when.moment(one.get("when"))
        if not stage or at is None:
            continue
        known = Known.DAY if len(one["when"].strip()) <= DAY_ALONE else Known.EXACT
        if known == Known.DAY and not steps and created and created.date() == at.date():
            at, known = created, Known.EXACT
        steps.append(Step(pipeline, stage, at, known, mapping.user_id(one.get("who"))[:64]))
    here = mapping.current_stage(remote)[:64]
    if here and (not steps or steps[-1].stage != here):
        # It was there when it was changed last, for nothing has been changed since.
        steps.append(Step(pipeline, here, min(updated or read_at, read_at), Known.SEEN))
    return steps


def joined(stored: Sequence[Step], now: Sequence[Step]) -> list[Step]:
    """What is stored with what Nimble tells now. Steps in other pipelines, of which Nimble tells nothing, stay."""
    if not now:
        return list(stored)
    begin = len(stored)
    while begin and stored[begin - 1].pipeline in ("", now[0].pipeline):
        begin -= 1
    past, run = stored[:begin], stored[begin:]
    # What came before the way through another pipeline, where Nimble tells it again, is known.
    known = {(step.pipeline, step.stage, step.at) for step in past}
    now = [step for step in now if (step.pipeline, step.stage, step.at) not in known]
    if not now:
        return list(stored)
    both = overlap(run, now)
    if both:
        kept = [*run[: len(run) - both], *(better(old, new) for old, new in zip(run[-both:], now, strict=False))]
        return in_order([*past, *kept, *now[both:]])
    if run and stages(now[-len(run) :]) == stages(run):
        # Nimble tells what had come before, too.
        return in_order([*past, *now[: -len(run)], *map(better, run, now[-len(run) :])])
    begun = now[0]
    before = (step for step in run if step.at < begun.at or (step.at == begun.at and begun.known == Known.SEEN))
    return in_order([*past, *before, *now])


def overlap(run: Sequence[Step], now: Sequence[Step]) -> int:
    """How many steps at the end of what is stored are those that Nimble's begin with."""
    return next((n for n in range(min(len(run), len(now)), 0, -1) if stages(run[-n:]) == stages(now[:n])), 0)


def stages(steps: Sequence[Step]) -> list[str]:
    return [step.stage for step in steps]


def better(old: Step, new: Step) -> Step:
    """The same step told twice: the moment as whoever knows it better has it, Nimble where both do."""
    at, known = (new.at, new.known) if RANK[Known(new.known)] >= RANK[Known(old.known)] else (old.at, old.known)
    if old.known == new.known == Known.SEEN:
        at = min(old.at, new.at)
    return Step(new.pipeline or old.pipeline, new.stage, at, known, new.by or old.by, old.edit)


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Each step not before the one that it follows: of a day alone, nobody knows the hour."""
    found: list[Step] = []
    for step in steps:
        found.append(step._replace(at=max(step.at, found[-1].at)) if found else step)
    return found


class Sent(NamedTuple):
    """A confirmed edit that moved a deal: its id, where to, whose it was in Nimble, when it was made and confirmed."""

    edit: int
    stage: str
    by: str
    made: datetime
    at: datetime


def owned(steps: Sequence[Step], sent: Sequence[Sent]) -> list[Step]:
    """The steps with the edits that made them, the last ones first; each edit makes one step."""
    found = list(steps)
    used = {step.edit for step in steps}
    for one in sorted(sent, reverse=True):
        for place in range(len(found) - 1, -1, -1):
            step = found[place]
            if one.edit in used or step.edit or step.stage != one.stage or step.by not in ("", one.by):
                continue
            if step.at < one.made - CLOCKS_DIFFER:
                continue
            at, known = (step.at, step.known) if step.known == Known.EXACT else (one.at, Known.EXACT)
            found[place] = step._replace(edit=one.edit, by=one.by, at=at, known=known)
            used.add(one.edit)
    return in_order(found)


def changed(pairs: Sequence[tuple[datetime, Mapping[str, tuple[Any, Any]]]], begun: datetime | None) -> list[Step]:
    """The steps that changes of a deal's fields tell, oldest first: by moment, field → (before, after)."""
    place: dict[str, str] = {}
    steps: list[Step] = []
    for at, fields in pairs:
        before = {name: str(pair[0] or "") for name, pair in fields.items()}
        if not steps and before.get("stage"):
            place = {"stage": "", "pipeline": "", **before}
            steps.append(Step(place["pipeline"], place["stage"], min(begun or at, at), Known.SEEN))
        place |= {name: str(pair[1] or "") for name, pair in fields.items()}
        if place.get("stage") and (not steps or steps[-1].stage != place["stage"]):
            steps.append(Step(place.get("pipeline", ""), place["stage"], at, Known.SEEN))
    return steps
