"""Pipelines as their pages show them: what Nimble has with the open edits over it, and where each edit is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.urls import reverse

from crmportal.formats import money
from deals import queries
from deals.models import Pipeline, Role, Stage
from deals.pipelines import rights
from deals.pipelines.overlaid import overlaid
from deals.pipelines.parts import ITSELF, Part, Reason, Schema, by_part
from deals.pipelines.words import KINDS
from deals.totals import Total, add_up
from sync import overlay, registry
from sync.models import OVERLAID, Edit, State

REFUSED = (State.REJECTED, State.FAILED)


@dataclass
class Figures:
    """How many deals, and their sums by currency, the most frequent first: over all that the viewer sees."""

    count: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, total: Total) -> None:
        self.count += total.count
        self.amounts[total.currency] = self.amounts.get(total.currency, Decimal(0)) + total.amount

    @property
    def sums(self) -> list[str]:
        return [money(amount, currency) for currency, amount in self.amounts.items() if amount]


@dataclass
class Listed:
    """A line of the list of pipelines. `open`: of the deals in stages that are not final."""

    pipeline: Pipeline
    stages: int = 0
    open: Figures = field(default_factory=Figures)
    all: Figures = field(default_factory=Figures)
    edit: Edit | None = None

    @property
    def mend_url(self) -> str:
        """Where what Nimble refused of it comes back."""
        if self.edit is not None and self.edit.operation == Edit.Operation.CREATE:
            return f"{reverse('deals:new_pipeline')}?mend={self.edit.pk}"
        return self.pipeline.manage_url()


@dataclass(frozen=True)
class Row:
    """A part on the pipeline's page, with its latest edit that is not in Nimble. `inside`: of a group its fields, of a
    field its choices.
    """

    one: Any
    edit: Edit | None
    mend_url: str
    figures: Figures | None = None
    inside: list["Row"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(getattr(self.one, "name", None) or getattr(self.one, "text", None) or getattr(self.one, "value", ""))

    @property
    def kind_label(self) -> str:
        """Of a field: what it holds, in words."""
        return str(KINDS.get(self.one.kind, self.one.kind))

    @property
    def dom_id(self) -> str:
        return str(self.one.part).replace(":", "-").replace(".", "-").replace("+", "new-")


def listed(user: Any) -> list[Listed]:
    """Every pipeline that this person may see, archived ones last; a handful of statements however many they are."""
    found = {one.pk: Listed(one) for one in queries.pipelines(user).defer("remote")}
    by_stage: dict[str, tuple[Listed, Stage]] = {}
    for stage in Stage.objects.filter(pipeline__in=found):
        line = found[stage.pipeline_id]
        line.stages += stage.archived_at is None
        by_stage[stage.nimble_id] = (line, stage)
    for total in totals(user):
        if total.stage in by_stage:
            line, stage = by_stage[total.stage]
            line.all.add(total)
            if stage.role == Role.OPEN:
                line.open.add(total)
    for edit in unsettled(user, list(found)):
        found[edit.record_id].edit = edit
    return list(found.values())


def totals(user: Any) -> list[Total]:
    return add_up(lambda: queries.for_user(user), ("pipelines", *queries.asking(user)))


def unsettled(user: Any, pipelines: Sequence[int]) -> list[Edit]:
    """The edits of pipelines that are not in Nimble yet, and this person's own refused ones, oldest first."""
    found = Edit.objects.filter(kind=Pipeline.kind, record_id__in=pipelines).order_by("id")
    own = found.filter(state__in=REFUSED, author=user)
    return sorted([*found.filter(state__in=OVERLAID), *own], key=lambda edit: edit.pk)


class Page:
    """One pipeline with all that its page needs, each read once."""

    def __init__(self, pipeline: Pipeline, user: Any) -> None:
        self.pipeline = pipeline
        self.user = user
        self.rights = rights.of(user)
        self.may_manage = self.rights.may_manage(pipeline)

    @cached_property
    def edits(self) -> list[Edit]:
        return unsettled(self.user, [self.pipeline.pk])

    @cached_property
    def values(self) -> dict[str, Any]:
        """Attribute by attribute, with the open edits over it."""
        known = registry.resource(Pipeline.kind).values(self.pipeline.remote)
        return overlay.overlaid(known, [edit for edit in self.edits if edit.state in OVERLAID])

    @cached_property
    def schema(self) -> Schema:
        return overlaid(self.pipeline.remote, self.values)

    @cached_property
    def by_part(self) -> dict[Part, Edit]:
        """The latest of the edits of each part."""
        return {part: edit for edit in self.edits for part in by_part(edit.fields)}

    @property
    def deletion(self) -> Edit | None:
        """The edit that deletes the whole pipeline, or that Nimble refused."""
        return next((edit for edit in reversed(self.edits) if edit.operation == Edit.Operation.DELETE), None)

    @property
    def is_going(self) -> bool:
        """Whether the whole pipeline is being deleted."""
        return self.deletion is not None and self.deletion.is_open

    @property
    def own_edit(self) -> Edit | None:
        """The latest edit of the pipeline itself."""
        return self.by_part.get(ITSELF)

    @property
    def own_mend_url(self) -> str:
        if self.own_edit is not None and self.own_edit.operation == Edit.Operation.CREATE:
            return f"{reverse('deals:new_pipeline')}?mend={self.own_edit.pk}"
        return reverse("deals:edit_pipeline", args=[self.pipeline.pk])

    @property
    def nimble_url(self) -> str:
        return registry.resource(Pipeline.kind).nimble_url(self.pipeline.nimble_id or "")

    @property
    def is_moving(self) -> bool:
        """Whether anything changes by itself in a moment."""
        return any(edit.state in queries.ON_ITS_WAY for edit in self.edits)

    def refused(self, kind: str) -> list[Edit]:
        """This person's new parts of a kind that Nimble refused: they stand nowhere else."""
        made = (edit for part, edit in self.by_part.items() if part.kind == kind and part.is_new)
        return [edit for edit in made if is_refused(edit)]

    # --- the parts as the page lists them ---

    def row(self, one: Any, **more: Any) -> Row:
        mend_url = reverse("deals:change_part", args=[self.pipeline.pk, str(one.part)])
        edit = self.by_part.get(one.part)
        if edit is not None and one.part.named("removed") in edit.fields:
            mend_url = reverse("deals:remove_part", args=[self.pipeline.pk, str(one.part)])
        return Row(one, edit, mend_url, **more)

    @property
    def stages(self) -> list[Row]:
        return [self.row(one, figures=self.figures.get(one.part.id, Figures())) for one in self.schema.stages]

    @property
    def reasons(self) -> list[Row]:
        return [self.row(one) for one in self.schema.reasons]

    @property
    def groups(self) -> list[Row]:
        return [self.row(one, inside=self.fields_of(one.part.id)) for one in self.schema.groups]

    @property
    def loose(self) -> list[Row]:
        """The fields that stand in no group."""
        return self.fields_of("")

    def fields_of(self, group: str) -> list[Row]:
        found = self.schema.fields_of(group)
        return [self.row(one, inside=[self.row(choice) for choice in one.choices]) for one in found]

    def mendings(self, kind: str) -> list[Row]:
        """What Nimble refused of new parts, each with the form in which it comes back."""
        found = []
        for edit in self.refused(kind):
            part, *_others = by_part(edit.fields)
            field = f"&field={part.field_id}" if kind == "choice" else ""
            url = reverse("deals:add_part", args=[self.pipeline.pk, kind])
            typed = {name.rpartition(":")[2]: change["new"] for name, change in edit.fields.items()}
            name = typed.get("name") or typed.get("text") or typed.get("value") or ""
            found.append(Row(Reason(part, name), edit, f"{url}?mend={edit.pk}{field}"))
        return found

    @property
    def refused_stages(self) -> list[Row]:
        return self.mendings("stage")

    @property
    def refused_reasons(self) -> list[Row]:
        return self.mendings("reason")

    @property
    def refused_fields(self) -> list[Row]:
        return [row for kind in ("group", "field", "choice") for row in self.mendings(kind)]

    @cached_property
    def figures(self) -> dict[str, Figures]:
        """By the stage's id in Nimble."""
        own = set(Stage.objects.filter(pipeline=self.pipeline).values_list("nimble_id", flat=True))
        found: dict[str, Figures] = {}
        for total in totals(self.user):
            if total.stage in own:
                found.setdefault(total.stage, Figures()).add(total)
        return found

    @property
    def deals(self) -> int:
        """How many deals this person sees in it."""
        return sum(one.count for one in self.figures.values())


def is_refused(edit: Edit) -> bool:
    return edit.state in REFUSED


def using(user: Any, part: Part) -> int:
    """How many of the deals that this person sees have a value in a field, or a choice."""
    deals = queries.for_user(user)
    inside = {"field": part.id, "choice": part.field_id}.get(part.kind)
    if inside is None:
        return 0
    given = deals.filter(**{f"remote__fields_values__{inside}__0__isnull": False})
    if part.kind == "choice":
        given = deals.filter(**{f"remote__fields_values__{inside}__0__value": part.own_id})
    return given.count()
