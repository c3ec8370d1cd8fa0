"""The form that makes a deal: whole on a page of its own, with three inputs in a column of the board."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import typed
from deals import inputs
from deals.mapping import CUSTOM
from deals.models import DealField, Stage
from deals.queries import LABELS, Laid
from deals.record import EDITABLE, STANDARD

LONGEST_TEXT = 200_000


class NewDeal(forms.Form):
    """`known`: the person's pipelines; `members`: the team's names by Nimble's user id; `stage`: where it begins;
    `own`: the fields that its pipeline has of its own.

    `values()` gives the fields as `deals.actions.create` takes them, `chosen` the stage.
    """

    stage = forms.TypedChoiceField(coerce=int, label=LABELS["stage"])
    name = forms.CharField(
        label=LABELS["name"], max_length=inputs.LIMITS["name"], error_messages={"required": _("A deal needs a name.")}
    )
    amount = forms.CharField(label=LABELS["amount"], required=False, max_length=40)
    currency = forms.CharField(label=LABELS["currency"], required=False, max_length=inputs.LIMITS["currency"])
    probability = forms.CharField(label=LABELS["probability"], required=False, max_length=10)
    expected_close_date = forms.CharField(
        label=LABELS["expected_close_date"], required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    owner = forms.ChoiceField(label=LABELS["owner"], required=False)
    tags = forms.CharField(
        label=LABELS["tags"],
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_("One tag a line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    description = forms.CharField(
        label=LABELS["description"],
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(
        self,
        known: Sequence[Laid],
        members: Mapping[str, str],
        *,
        stage: Stage,
        owner: str,
        own: Sequence[DealField] = (),
        data: Any = None,
    ) -> None:
        super().__init__(data, auto_id=f"new-{stage.pk}-%s", label_suffix="")
        self.at = stage
        self.own = {CUSTOM + field.field_id: field for field in own if field.kind in EDITABLE and not field.read_only}
        for name, field in self.own.items():
            self.fields[name] = inputs.made(
                field.kind,
                begun=[] if field.multiples or field.kind == "address" else "",
                several=field.multiples,
                options=inputs.options_of(field.kind, field.choices, members),
                presentation=field.presentation,
                label=field.name,
                required=False,
            )
        groups = [
            (laid.pipeline.name, [one for one in laid.stages if not one.archived_at])
            for laid in known
            if not laid.pipeline.archived_at
        ]
        self.stages: dict[int, Stage] = {one.pk: one for _name, stages in groups for one in stages}
        self.fields["stage"].choices = [  # type: ignore[attr-defined]
            (name, [(one.pk, one.name) for one in stages]) for name, stages in groups
        ]
        self.fields["owner"].choices = list(members.items())  # type: ignore[attr-defined]
        self.initial = {"stage": stage.pk, "currency": stage.pipeline.default_currency, "owner": owner}
        for name, attrs in {
            "name": {"autocomplete": "off", "autofocus": True},
            "amount": {"autocomplete": "off", "inputmode": "decimal"},
            "currency": {"autocomplete": "off", "autocapitalize": "characters", "size": "4"},
            "probability": {"autocomplete": "off", "inputmode": "numeric"},
        }.items():
            self.fields[name].widget.attrs |= attrs

    def full_clean(self) -> None:
        """The cursor goes to the first field at fault."""
        super().full_clean()
        if at_fault := next((name for name in self.fields if name in self.errors), None):
            self.fields["name"].widget.attrs.pop("autofocus", None)
            self.fields[at_fault].widget.attrs["autofocus"] = True

    @property
    def is_unsure(self) -> bool:
        """Whether the stage has no probability of its own, so that this deal needs one."""
        return self.at.default_probability is None

    @property
    def chosen(self) -> Stage:
        return self.stages[self.cleaned_data["stage"]]

    def _clean_text(self, name: str) -> Any:
        text = typed(self.cleaned_data[name])
        return inputs.parsed(STANDARD[name], text) if text else None

    def clean_name(self) -> str:
        name = typed(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("A deal needs a name."))
        return name

    def clean_amount(self) -> Any:
        return self._clean_text("amount")

    def clean_currency(self) -> Any:
        return self._clean_text("currency")

    def clean_probability(self) -> Any:
        return self._clean_text("probability")

    def clean_expected_close_date(self) -> Any:
        return self._clean_text("expected_close_date")

    def clean_description(self) -> str | None:
        return typed(self.cleaned_data["description"]) or None

    def clean_tags(self) -> list[str]:
        return inputs.tag_lines(typed(self.cleaned_data["tags"]))

    @property
    def own_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.own]

    def _clean_own(self, cleaned: dict[str, Any]) -> None:
        """The values of the pipeline's own fields; what was typed into another pipeline's is not dropped unseen."""
        for name, field in self.own.items():
            if name in self.errors:
                continue
            try:
                cleaned[name] = inputs.values_of(
                    field.kind, cleaned.get(name) or "", several=field.multiples, presentation=field.presentation
                )
            except forms.ValidationError as error:
                self.add_error(name, error)
        given = {key for key, text in self.data.items() if key.startswith(CUSTOM) and str(text).strip()}
        if strange := {key for key in given if not any(key == name or key.startswith(f"{name}_") for name in self.own)}:
            text = _("This stage is in another pipeline: {n} of your values are of fields that it does not have.")
            self.add_error(None, str(text).format(n=len(strange)))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._clean_own(cleaned)
        stage = self.stages.get(cleaned.get("stage") or 0)
        unsure = stage is not None and stage.default_probability is None
        if unsure and cleaned.get("probability") is None and "probability" not in self.errors:
            text = _("The stage {stage} has no probability of its own: give one.")
            self.add_error("probability", str(text).format(stage=stage))
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was given, field → value."""
        return {
            name: value for name, value in self.cleaned_data.items() if name != "stage" and value not in (None, "", [])
        }
