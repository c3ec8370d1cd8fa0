"""What many deals are to be: a form for each field that was chosen, and one around them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deals.bulk.change import ADD, REMOVE, SET, Change, Wish
from deals.fields import FieldForm
from deals.models import Deal, LostReason, Role, Stage
from deals.record import Record, Row
from deals.table import Table
from deals.table.columns import Column

HOWS = ((ADD, gettext_lazy("Add")), (REMOVE, gettext_lazy("Remove")), (SET, gettext_lazy("Replace all")))
# A deal always has these; and with no tags there is nothing to add.
NEEDED = ("owner", "currency", "tags")


class ChangeForm:
    """The fields that are to change, by the names of their columns in `fields`, each with its part of the form.

    `also` of the data names one more, which is added, and `drop` one that is taken out: until somebody asks what would
    change, what is not filled in yet is no mistake.
    """

    def __init__(self, table: Table, data: Any) -> None:
        self.pipeline = table.pipeline.nimble_id or ""
        self.columns = [one for one in table.available if one.edit]
        known = {one.name: one for one in self.columns}
        self.added = known.get(data.get("also", ""))
        self.is_edited = bool(self.added) or "drop" in data
        given = [name for name in dict.fromkeys(data.getlist("field")) if name in known and name != data.get("drop")]
        self.parts = [Part.of(table, known[name], data, lenient=self.is_edited) for name in given]
        if self.added and self.added.name not in given:
            self.parts.append(Part.of(table, self.added))

    @property
    def others(self) -> list[Column]:
        """The fields that can be added."""
        chosen = [part.column for part in self.parts]
        return [one for one in self.columns if one not in chosen]

    @property
    def is_complete(self) -> bool:
        """Whether there is a change to tell of."""
        return bool(self.parts) and not self.is_edited and all(part.form.is_valid() for part in self.parts)

    @property
    def is_wrong(self) -> bool:
        """Whether something was asked for that cannot be; the first of it gets the focus."""
        wrong = [part for part in self.parts if part.form.errors]
        for part in wrong[:1]:
            part.form.fields["value"].widget.attrs["autofocus"] = True
        return bool(wrong) or not self.parts

    def change(self) -> Change:
        """What is asked for, once it is complete."""
        moved = next((part.form for part in self.parts if isinstance(part.form, StageForm)), None)
        wishes = [part.wish() for part in self.parts]
        if moved is None:
            return Change(wishes, pipeline=self.pipeline)
        return Change(wishes, moved.chosen.pk, moved.reason_text(), self.pipeline)


class Part:
    """How one field of many deals is to be: the input that suits its kind, empty at first."""

    def __init__(self, column: Column, form: Any) -> None:
        self.column = column
        self.form = form

    @classmethod
    def of(cls, table: Table, column: Column, data: Any = None, *, lenient: bool = False) -> "Part":
        form: Any
        if column.name == "stage":
            stages = {str(stage.pk): stage for stage, _hue in table.board.goals}
            form = StageForm(stages, column.label, data)
        else:
            form = FieldForm(*_blank(table, column), data, prefix=column.name)
            # There is nothing that somebody has seen.
            del form.fields["seal"]
            form.fields["value"].required = column.name in NEEDED
        if column.name == "tags":
            form.fields["how"] = forms.ChoiceField(
                choices=HOWS, initial=ADD, label=_("What to do with the tags"), widget=forms.RadioSelect
            )
        form.empty_permitted, form.use_required_attribute = lenient, False
        if data is None:
            form.fields["value"].widget.attrs["autofocus"] = True
        return cls(column, form)

    def wish(self) -> Wish:
        if isinstance(self.form, StageForm):
            return Wish("stage", self.form.chosen.nimble_id)
        return Wish(self.column.name, self.form.cleaned_data["value"], self.form.cleaned_data.get("how", SET))


class StageForm(forms.Form):
    """Which of the `stages`, and with it, where their pipeline has reasons, why the deals were lost."""

    def __init__(self, stages: dict[str, Stage], label: Any, data: Any) -> None:
        super().__init__(data, prefix="stage", label_suffix="")
        self.stages = stages
        choices = [(pk, stage.name) for pk, stage in stages.items()]
        self.fields["value"] = forms.ChoiceField(choices=choices, label=label, widget=StageSelect(stages))
        pipelines = {stage.pipeline_id for stage in stages.values() if stage.role == Role.LOST}
        reasons = LostReason.objects.filter(pipeline__in=pipelines).order_by("text")
        self.reasons = {str(one.pk): one.text for one in reasons}
        if self.reasons:
            self.fields["reason"] = forms.ChoiceField(
                choices=[("", _("No reason")), *self.reasons.items()],
                required=False,
                label=_("Why were they lost?"),
                help_text=_("Nimble has no field for it: it is kept as a note on each of the deals."),
            )

    @property
    def chosen(self) -> Stage:
        return self.stages[self.cleaned_data["value"]]

    def reason_text(self) -> str:
        """The reason, where the stage is one in which deals are lost."""
        return self.reasons.get(self.cleaned_data.get("reason", ""), "") if self.chosen.role == Role.LOST else ""


class StageSelect(forms.Select):
    """Marks the stages in which deals are lost: the page asks for the reason where one of them is chosen."""

    def __init__(self, stages: dict[str, Stage]) -> None:
        super().__init__()
        self.stages = stages

    def create_option(self, name: str, value: Any, *args: Any, **more: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **more)
        if self.stages[str(value)].role == Role.LOST:
            option["attrs"]["data-lost"] = True
        return option


def _blank(table: Table, column: Column) -> tuple[Record, Row]:
    """A field of no deal in particular."""
    deal = Deal(workspace_id=table.pipeline.workspace_id, pipeline_nimble_id=table.pipeline.nimble_id or "")
    kind = "datetime" if column.kind == "close" else column.kind
    several: Sequence[Any] | None = [] if column.field or kind == "tags" else None
    return Record(deal, table.user), Row(column.name, str(column.label), kind, several, "", True, None, column.field)
