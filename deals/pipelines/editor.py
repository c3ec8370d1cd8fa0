"""The inputs of a pipeline's attributes that are no plain text, for mending an edit of it away from its page."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from deals.models import Pipeline
from deals.pipelines.forms import days, percent
from deals.pipelines.parts import schema, split


class AttributeForm(forms.Form):
    """One attribute; `wanted()` of a valid form is the value to send."""

    template = "contacts/forms/single.html"

    def __init__(self, field: forms.Field, begun: Any, prefix: str, data: Any) -> None:
        super().__init__(data, prefix=prefix, initial={"value": begun}, label_suffix="", auto_id=f"id-{prefix}-%s")
        self.fields["value"] = field

    def wanted(self) -> Any:
        value = self.cleaned_data["value"]
        return None if value == "" else value


class Attributes:
    """Makes them for the edits of one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def __call__(self, field: str, *, begun: Any, prefix: str, data: Any = None) -> AttributeForm | None:
        attribute = split(field)[1]
        if attribute == "expected_days":
            return AttributeForm(days(), begun, prefix, data)
        if attribute == "default_probability":
            return AttributeForm(percent(), begun, prefix, data)
        if attribute == "group":
            groups = [(one.part.id, one.name) for one in schema(self.pipeline.remote).groups]
            choice = forms.ChoiceField(label=_("Group"), choices=[("", _("No group")), *groups], required=False)
            return AttributeForm(choice, begun or "", prefix, data)
        return None
