"""Changing many deals of a table: which field to what, what that would do, and beginning with it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from deals import bulk
from deals.fields import FieldForm
from deals.filters import Filters
from deals.models import Deal, Role, Stage
from deals.record import Record, Row
from deals.table import Table, open_table
from deals.table.columns import Column
from deals.views.moves import reasons_of
from sync import batches, edits
from sync.views.answers import refused

HOWS = ((bulk.ADD, gettext_lazy("Add")), (bulk.REMOVE, gettext_lazy("Remove")), (bulk.SET, gettext_lazy("Replace all")))
# A deal always has these.
NEEDED = ("owner", "currency")


@require_POST
@never_cache
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """The deals of `deals` (ids with commas), or with `all` whatever the filters of `query` leave: which `field`; then
    to which `value`; then what that would do; then, with `go`, begin.
    """
    filters = Filters.of(QueryDict(request.POST.get("query", "").lstrip("?")))
    table = open_table(request.user, pk, filters)
    if table is None:
        raise Http404
    pks = _chosen(request, table)
    back = reverse("deals:table", args=[pk]) + filters.query()
    if not pks:
        return refused(request, _("Choose at least one."), "deals:index")
    columns = [one for one in table.available if one.edit]
    column = next((one for one in columns if one.name == request.POST.get("field")), columns[0])
    form = ChangeForm(table, column, request.POST if _is_filled(request, column) else None)
    context: dict[str, Any] = {"table": table, "columns": columns, "column": column, "form": form, "back": back}
    context |= {"count": len(pks), "cut": len(pks) >= batches.MOST, "most": batches.MOST}
    context |= {"deals": request.POST.get("deals", ""), "all": request.POST.get("all", ""), "query": filters.query()}
    if form.is_bound and form.is_valid():
        asked = form.asked()
        if "go" in request.POST:
            try:
                edits.connection_of(request.user, table.pipeline)
            except edits.CannotEdit as reason:
                return refused(request, str(reason), "deals:index")
            return redirect("inbox:batch", bulk.begin(request.user, pks, {**asked, "back": back}).pk)
        context["plan"] = bulk.plan(request.user, pks, asked)
    return render(request, "deals/bulk.html", context, status=422 if form.errors else 200)


def _is_filled(request: HttpRequest, column: Column) -> bool:
    """Whether the value is for this field: another one may have been chosen since."""
    return ("preview" in request.POST and request.POST.get("field") == column.name) or "go" in request.POST


def _chosen(request: HttpRequest, table: Table) -> list[int]:
    if request.POST.get("all"):
        return list(table.board.deals.order_by("pk").values_list("pk", flat=True)[: batches.MOST])
    asked = request.POST.get("deals", "").split(",")[: batches.MOST]
    return list(dict.fromkeys(int(one) for one in asked if one.isascii() and one.isdecimal() and len(one) < 19))


class ChangeForm:
    """How one field of many deals is to be: the input that suits its kind, empty at first."""

    def __init__(self, table: Table, column: Column, data: Any = None) -> None:
        self.column = column
        self.is_bound = data is not None
        self.errors: dict[str, Any] = {}
        if column.name == "stage":
            stages = {str(stage.pk): stage for stage, _hue in table.board.goals}
            self.stages = stages
            reasons = {str(one.pk): one.text for stage in stages.values() for one in reasons_of(stage)}
            self.form: Any = StageForm(stages, reasons, column.label, data)
        else:
            self.form = FieldForm(*_blank(table, column), data)
            self.form.fields["value"].required = column.name in NEEDED or column.name == "tags"
        if column.name == "tags":
            self.form.fields["how"] = forms.ChoiceField(
                choices=HOWS, initial=bulk.ADD, label=_("What to do with the tags"), widget=forms.RadioSelect
            )

    def is_valid(self) -> bool:
        valid: bool = self.form.is_valid()
        self.errors = self.form.errors
        return valid

    def asked(self) -> dict[str, Any]:
        """What is asked for, as a batch keeps it."""
        value = self.form.cleaned_data["value"]
        if self.column.name == "stage":
            stage = self.stages[value]
            asked = {"field": "stage", "value": stage.nimble_id, "stage": stage.pk}
            return {**asked, "reason": self.form.reason_text()}
        return {"field": self.column.name, "value": value, "how": self.form.cleaned_data.get("how", bulk.SET)}


class StageForm(forms.Form):
    """Which of the `stages`, and with it, where the pipeline has `reasons` (by id), why the deals were lost."""

    def __init__(self, stages: dict[str, Stage], reasons: dict[str, str], label: Any, data: Any) -> None:
        super().__init__(data, label_suffix="")
        self.stages, self.reasons = stages, reasons
        choices = [(pk, stage.name) for pk, stage in stages.items()]
        self.fields["value"] = forms.ChoiceField(choices=choices, label=label, widget=StageSelect(stages))
        if reasons:
            self.fields["reason"] = forms.ChoiceField(
                choices=[("", _("No reason")), *reasons.items()],
                required=False,
                label=_("Why were they lost?"),
                help_text=_("Nimble has no field for it: it is kept as a note on each of the deals."),
            )

    def reason_text(self) -> str:
        """The reason, where the stage is one in which deals are lost."""
        lost = self.stages[self.cleaned_data["value"]].role == Role.LOST
        return self.reasons.get(self.cleaned_data.get("reason", ""), "") if lost else ""


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
