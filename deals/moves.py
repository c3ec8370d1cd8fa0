"""Which stages deals have gone through, and how long they stood in each: kept here, as Nimble forgets a deal's way
through other pipelines and its answers do not always tell it.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from deals import path
from deals.models import Deal, Stage, StageMove
from deals.path import Sent, Step
from sync.models import OVERLAID, Edit, State
from sync.upsert import upsert


def keep(rows: Mapping[int, dict[str, Any]]) -> None:
    """Write down the moves of deals that have just been stored (pk → remote), in the same transaction.

    What is known already is written again by nobody: not by the pull that brings back what an edit has confirmed.
    """
    stored: dict[int, list[Step]] = {}
    known = StageMove.objects.filter(deal_id__in=rows).order_by("deal_id", "number")
    for deal_id, pipeline, stage, at, how, by, edit in known.values_list(
        "deal_id", "pipeline_nimble_id", "stage_nimble_id", "at", "known", "by", "edit_id"
    ):
        stored.setdefault(deal_id, []).append(Step(pipeline, stage, at, how, by, edit))
    # Not of those that wait for their create: nothing has happened yet.
    read = dict(Deal.objects.filter(pk__in=rows, nimble_id__isnull=False).values_list("pk", "fetched_at"))
    now = timezone.now()
    ways = {pk: path.joined(stored.get(pk, ()), path.told(rows[pk], when or now)) for pk, when in read.items()}
    for pk, sent in _sent(ways).items():
        ways[pk] = path.owned(ways[pk], sent)
    write({pk: steps for pk, steps in ways.items() if steps != stored.get(pk)})
    for pk, steps in ways.items():
        if len(steps) < len(stored.get(pk, ())):
            StageMove.objects.filter(deal_id=pk, number__gt=len(steps)).delete()


def _sent(pks: Iterable[int]) -> dict[int, list[Sent]]:
    """By deal the confirmed edits that moved it."""
    found: dict[int, list[Sent]] = {}
    moved = Edit.objects.filter(
        kind=Deal.kind, record_id__in=list(pks), state=State.CONFIRMED, fields__has_key="stage"
    ).select_related("connection")
    for edit in moved:
        stage, at = edit.fields["stage"].get("new"), edit.confirmed_at
        if stage and at:
            found.setdefault(edit.record_id, []).append(
                Sent(edit.pk, stage, edit.connection.nimble_user_id, edit.created_at, at)
            )
    return found


def left_here(deal: Deal, stages: Container[str | None]) -> str:
    """The last of these stages that somebody moved the deal out of here; "" where nobody did. One statement.

    An edit that took the place of one that was never sent begins where that one did: the deal was shown where that was
    to bring it.
    """
    made = Edit.objects.filter(kind=Deal.kind, record_id=deal.pk, fields__has_key="stage").order_by("-pk")
    before = ""
    for edit in made[:20]:
        change = edit.fields["stage"]
        if edit.state == State.SUPERSEDED:
            if before and change["new"] in stages:
                return str(change["new"])
            continue
        if before in stages:
            break
        before = str(change["base"] or "") if edit.state in (*OVERLAID, State.CONFIRMED) else ""
    return before if before in stages else ""


def write(ways: Mapping[int, list[Step]], model: type[Any] = StageMove) -> None:
    """Store whole ways of deals."""
    rows = []
    for pk, steps in ways.items():
        for number, step in enumerate(steps, start=1):
            left = steps[number - 2] if number > 1 else None
            rows.append(
                {
                    "deal_id": pk,
                    "number": number,
                    "from_pipeline_nimble_id": left.pipeline if left else "",
                    "from_stage_nimble_id": left.stage if left else "",
                    "pipeline_nimble_id": step.pipeline,
                    "stage_nimble_id": step.stage,
                    "at": step.at,
                    "until": steps[number].at if number < len(steps) else None,
                    "by": step.by,
                    "known": str(step.known),
                    "edit_id": step.edit,
                }
            )
    upsert(model, rows, ["deal_id", "number"])


@dataclass(frozen=True)
class Stay:
    """A deal's time in a stage. `left` is None while it stands there; `stage` is "" where its name is not known here.

    `known`: how well `entered` is, as `StageMove.Known` says. `by`: a user's id in Nimble, or "". `is_ours`: whether
    the deal was sent there from here.
    """

    entered: datetime
    left: datetime | None
    pipeline_nimble_id: str
    pipeline: str
    stage: str
    from_stage: str
    known: str
    by: str
    is_ours: bool

    @property
    def lasted(self) -> timedelta:
        """Until it was left, or until now."""
        return (self.left or datetime.now(UTC)) - self.entered


def of(deal: Deal) -> list[Stay]:
    """The stages that a deal has gone through, the first one first, to where Nimble has it now. Two statements."""
    moves = list(StageMove.objects.filter(deal=deal).order_by("number"))
    stages = Stage.objects.filter(
        pipeline__workspace_id=deal.workspace_id, nimble_id__in={move.stage_nimble_id for move in moves}
    )
    known = stages.values_list("nimble_id", "pipeline__name", "name", "pipeline__nimble_id")
    names = {one: (pipeline, stage, pipeline_id or "") for one, pipeline, stage, pipeline_id in known}
    unknown = ("", "", "")
    return [
        Stay(
            entered=move.at,
            left=move.until,
            pipeline_nimble_id=names.get(move.stage_nimble_id, unknown)[2],
            pipeline=names.get(move.stage_nimble_id, unknown)[0],
            stage=names.get(move.stage_nimble_id, unknown)[1],
            from_stage=names.get(move.from_stage_nimble_id, unknown)[1],
            known=move.known,
            by=move.by,
            is_ours=move.edit_id is not None,
        )
        for move in moves
    ]
