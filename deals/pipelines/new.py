"""The form of a new pipeline, with a row for each of its stages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deals.pipelines.forms import CURRENCY, PipelineForm, days, lines, percent

STAGES = 8


class NewPipelineForm(PipelineForm):
    default_currency = forms.CharField(
        label=gettext_lazy("Currency"),
        max_length=3,
        help_text=gettext_lazy("Three letters, such as EUR: what new deals are in. It cannot be changed later."),
    )
    lost_reasons = forms.CharField(
        label=gettext_lazy("Reasons for losing a deal"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("One a line. More can be added later; Nimble's API neither renames nor removes one."),
    )

    def clean_default_currency(self) -> str:
        text = str(self.cleaned_data["default_currency"]).strip().upper()
        if not CURRENCY.fullmatch(text):
            raise ValidationError(_("Write the three letters of a currency, such as EUR."))
        return text

    def clean_lost_reasons(self) -> list[str]:
        found = lines(self.cleaned_data["lost_reasons"])
        if any(len(one) > 256 for one in found):
            raise ValidationError(_("A reason has at most 256 characters."))
        return found


class StageRow(forms.Form):
    """A stage of a new pipeline; a row without a name says nothing."""

    name = forms.CharField(label=gettext_lazy("Stage"), max_length=255, required=False)
    default_probability = percent()
    expected_days = days()

    def clean(self) -> None:
        said = self.cleaned_data
        if not said.get("name") and (said.get("default_probability") is not None or said.get("expected_days")):
            self.add_error("name", _("Name the stage, or leave the whole row empty."))


class StageRows(forms.BaseFormSet):
    def clean(self) -> None:
        names = [form.cleaned_data["name"].casefold() for form in self.forms if form.cleaned_data.get("name")]
        if not names:
            raise ValidationError(_("A pipeline needs at least one stage."))
        if len(names) != len(set(names)):
            raise ValidationError(_("Two stages have the same name."))

    def wanted(self) -> list[dict[str, Any]]:
        found = []
        for form in self.forms:
            if form.cleaned_data.get("name"):
                said = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
                found.append(said)
        return found


StageFormSet = forms.formset_factory(StageRow, formset=StageRows, extra=STAGES, max_num=50)
