"""The forms of pipelines and of their parts. What Nimble refused comes back in them, at the field it is about."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deals.pipelines.parts import Choice, Part, Schema, Stage
from deals.pipelines.words import KINDS

# Colours to choose from, told apart also by those who see few; Nimble takes any.
COLORS = {
    "#2685c4": gettext_lazy("Blue"),
    "#2f9e6e": gettext_lazy("Green"),
    "#e0a100": gettext_lazy("Yellow"),
    "#e8703a": gettext_lazy("Orange"),
    "#d6455d": gettext_lazy("Red"),
    "#b04fc0": gettext_lazy("Purple"),
    "#6a63d8": gettext_lazy("Violet"),
    "#66737f": gettext_lazy("Grey"),
}
CURRENCY = re.compile(r"[A-Z]{3}")
WHOLE = {"invalid": gettext_lazy("Write a whole number.")}
NUMBERS = {
    "integer": gettext_lazy("Whole number"),
    "decimal": gettext_lazy("With decimals"),
    "percentage": gettext_lazy("Percentage"),
    "financial": gettext_lazy("Amount of money"),
}
SALT = "deals.pipelines.seen"


def lines(text: str) -> list[str]:
    """What was written line by line, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def days() -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Expected days"),
        required=False,
        min_value=0,
        max_value=10_000,
        error_messages=WHOLE,
        help_text=gettext_lazy("How long a deal stays here if all goes well. Empty or 0: as long as it takes."),
    )


def percent() -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Probability, %"),
        required=False,
        min_value=0,
        max_value=100,
        error_messages=WHOLE,
        help_text=gettext_lazy("How likely deals in this stage are won, where they say nothing of their own."),
    )


class PartForm(forms.Form):
    """A form whose fields are attributes of a part, by their names in edits."""

    def __init__(
        self, data: Any = None, *, initial: Mapping[str, Any] | None = None, taken: Sequence[str] = ()
    ) -> None:
        """`initial`: what stands there now. `taken`: the names that other parts of the kind have."""
        super().__init__(data, initial=dict(initial or {}), label_suffix="", use_required_attribute=False)
        self.seal = (data or {}).get("seal") or signing.dumps(self.initial, salt=SALT, compress=True)
        self.taken = {one.strip().casefold() for one in taken}
        self.visible_fields()[0].field.widget.attrs["autofocus"] = True

    def unused(self, name: str) -> str:
        """A name that no other part of the kind has: by the name a lost answer is looked up."""
        text = str(self.cleaned_data.get(name) or "").strip()
        if text.casefold() in self.taken:
            raise ValidationError(_("There is one of this name already."))
        return text

    @property
    def seen(self) -> dict[str, Any]:
        """What the reader saw when they began: whoever changed it since is noticed."""
        found: dict[str, Any] = signing.loads(self.seal, salt=SALT)
        return found

    def clean(self) -> None:
        try:
            self.seen  # noqa: B018
        except signing.BadSignature:
            raise ValidationError(_("This form is out of date. Reload the page; your text is still here.")) from None

    def wanted(self) -> dict[str, Any]:
        return {name: None if value == "" else value for name, value in self.cleaned_data.items()}


class PipelineForm(PartForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=256, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    color = forms.ChoiceField(label=gettext_lazy("Colour"), widget=forms.RadioSelect)

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        known: dict[str, Any] = dict(COLORS)
        if (given := self.initial.get("color")) and given not in known:
            known = {given: _("As it is")} | known
        self.initial.setdefault("color", next(iter(COLORS)))
        self.fields["color"].choices = list(known.items())  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return self.unused("name")


class StageForm(PartForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=255)
    after = forms.ChoiceField(label=gettext_lazy("Comes after"), required=False)
    default_probability = percent()
    expected_days = days()
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=4096, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, stages: Sequence[Stage] | None = None, **options: Any) -> None:
        """`stages`: of the pipeline, for a new one; an existing one stays where it is."""
        super().__init__(data, **options)
        if stages is None:
            del self.fields["after"]
            return
        before = [one for one in stages if not one.is_final and not one.archived]
        self.places = {one.part.id: one.name for one in before}
        self.fields["after"].choices = list(self.places.items())  # type: ignore[attr-defined]
        if before:
            self.initial.setdefault("after", before[-1].part.id)

    def clean_name(self) -> str:
        return self.unused("name")

    def clean_default_probability(self) -> int | None:
        value = self.cleaned_data["default_probability"]
        if value is None and self.initial.get("default_probability") is not None:
            raise ValidationError(_("Nimble's API cannot take it away again: write another one."))
        return value

    def wanted(self) -> dict[str, Any]:
        wanted = super().wanted()
        if wanted.get("after"):
            wanted["after"] = {"id": wanted["after"], "name": self.places[wanted["after"]]}
        return wanted


class ReasonForm(PartForm):
    text = forms.CharField(label=gettext_lazy("Reason"), max_length=256)

    def clean_text(self) -> str:
        return self.unused("text")


class GroupForm(PartForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)

    def clean_name(self) -> str:
        return self.unused("name")


class ChoiceForm(PartForm):
    value = forms.CharField(label=gettext_lazy("Choice"), max_length=100)

    def clean_value(self) -> str:
        return self.unused("value")


class FieldForm(PartForm):
    """A field that there is: its name, and the group it stands in."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=50)
    group = forms.ChoiceField(label=gettext_lazy("Group"), required=False)

    def __init__(self, data: Any = None, *, schema: Schema, **options: Any) -> None:
        super().__init__(data, **options)
        groups = [(one.part.id, one.name) for one in schema.groups if not one.part.is_new]
        self.fields["group"].choices = [("", _("No group")), *groups]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return self.unused("name")


class NewFieldForm(FieldForm):
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=list(KINDS.items()), help_text=gettext_lazy("It cannot be changed later.")
    )
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Of a field of the kind Choice: one a line."),
    )
    number = forms.ChoiceField(
        label=gettext_lazy("Numbers are shown as"),
        choices=list(NUMBERS.items()),
        required=False,
        help_text=gettext_lazy("Of a field of the kind Number."),
    )
    digits = forms.IntegerField(
        label=gettext_lazy("Decimals"), required=False, min_value=1, max_value=8, initial=2, error_messages=WHOLE
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), required=False, max_length=3)

    field_order = ("name", "kind", "choices", "number", "digits", "currency", "group")

    def clean_choices(self) -> list[str]:
        found = lines(self.cleaned_data["choices"])
        if any(len(one) > 100 for one in found):
            raise ValidationError(_("A choice has at most 100 characters."))
        return found

    def clean(self) -> None:
        super().clean()
        said = self.cleaned_data
        if said.get("kind") == "choice" and not said.get("choices") and "choices" not in self.errors:
            self.add_error("choices", _("Write at least one choice."))
        money = said.get("kind") == "number" and said.get("number") == "financial"
        if money and not CURRENCY.fullmatch((said.get("currency") or "").upper()):
            self.add_error("currency", _("Write the three letters of a currency, such as EUR."))

    def wanted(self) -> dict[str, Any]:
        said = self.cleaned_data
        found = {"name": said["name"], "kind": said["kind"], "group": said.get("group") or None}
        if said["kind"] == "choice":
            found["choices"] = said["choices"]
        if said["kind"] == "number":
            found["presentation"] = self._number(said)
        if said["kind"] == "datetime":
            found["presentation"] = {"date_format": None, "ignore_specific_time": True}
        return found

    def _number(self, said: Mapping[str, Any]) -> dict[str, Any]:
        number = said.get("number") or "integer"
        if number in ("decimal", "percentage"):
            return {"number_type": number, "fraction_digits": said.get("digits") or 2}
        if number == "financial":
            return {"number_type": number, "currency": said["currency"].upper()}
        return {"number_type": number}


def as_typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a part's attributes, as the inputs of its form hold them."""
    typed: dict[str, Any] = {name: "" if value is None else value for name, value in values.items()}
    if isinstance(typed.get("after"), dict):
        typed["after"] = typed["after"].get("id")
    if isinstance(typed.get("choices"), list):
        typed["choices"] = "\n".join(typed["choices"])
    shown = typed.pop("presentation", None) or {}
    if "number_type" in shown:
        typed |= {"number": shown["number_type"], "digits": shown.get("fraction_digits", "")}
        typed["currency"] = shown.get("currency", "")
    return typed


def names_of(schema: Schema, part: Part) -> list[str]:
    """The names of the other parts of the kind, beside which a name must be another one."""
    found: list[tuple[Part, str]] = {
        "stage": [(one.part, one.name) for one in schema.stages],
        "reason": [(one.part, one.text) for one in schema.reasons],
        "group": [(one.part, one.name) for one in schema.groups],
        "field": [(one.part, one.name) for one in schema.fields],
        "choice": [(one.part, one.value) for one in _choices(schema, part.field_id)],
    }[part.kind]
    return [name for one, name in found if one != part]


def _choices(schema: Schema, field_id: str) -> list[Choice]:
    return next((one.choices for one in schema.fields if one.part.id == field_id), [])
