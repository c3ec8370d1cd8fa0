"""Fields that one form of a few inputs changes: one value, title and company, the tags."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import employment, mapping
from contacts.forms.base import LONGEST, FieldForm, Values, as_shown, typed, untouched
from sync import when

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d{1,3})?")


class ValueForm(FieldForm):
    """One value, in the input that suits its kind."""

    def build(self) -> None:
        begun = self.begun[0]["value"] if self.begun else ""
        kind = self.known[0].kind if self.known else "string"
        if self.name == "description":
            kind = "long_string"
        self.long = kind == "long_string"
        self.fields["value"] = self._input(kind, begun)

    def _input(self, kind: str, begun: str) -> forms.Field:
        common: dict[str, Any] = {"label": self.label, "required": False, "initial": begun}
        if kind == "choice":
            options = [(choice["id"], choice["value"]) for choice in self.known[0].choices]
            return forms.ChoiceField(choices=self._options(options, begun), **common)
        if kind == "user":
            return forms.ChoiceField(choices=self._options(list(self.record.members.items()), begun), **common)
        if kind == "boolean":
            options = [("true", _("Yes")), ("false", _("No"))]
            return forms.ChoiceField(choices=self._options(options, begun), **common)
        if kind == "datetime" and (not begun or when.day(begun)):
            day = when.day(begun)
            common["initial"] = day.isoformat() if day else ""
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), validators=[a_day], **common)
        if kind == "number":
            decimal = forms.TextInput(attrs={"inputmode": "decimal"})
            return forms.CharField(widget=decimal, validators=[a_number], **common)
        if self.long:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=LONGEST, strip=False, **common)
        return forms.CharField(max_length=LONGEST, strip=False, **common)

    def _options(self, options: list[tuple[str, str]], begun: str) -> list[tuple[str, str]]:
        """Nothing, the options, and a present value that is none of them."""
        strange = [(begun, begun)] if begun and begun not in dict(options) else []
        return [("", "—"), *options, *strange]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "value" in cleaned and not typed(cleaned["value"]) and self._only_name():
            self.add_error(
                "value",
                _("A company needs its name.")
                if self.record.contact.is_company
                else _("A person needs a first or a last name."),
            )
        return cleaned

    def _only_name(self) -> bool:
        """Whether nothing would be left to call this contact by."""
        names = {mapping.FIRST: mapping.LAST, mapping.LAST: mapping.FIRST, mapping.COMPANY: ""}
        if self.name not in names or (self.name == mapping.COMPANY) != self.record.contact.is_company:
            return False
        return not mapping.first(self.record.values, names[self.name]).strip()

    def wanted(self) -> Values:
        seen: Values = list(self.seen)
        text = typed(self.cleaned_data["value"])
        before = seen[0]["value"] if seen else ""
        dated = isinstance(self.fields["value"].widget, forms.DateInput)
        same_day = dated and when.day(text) is not None and when.day(before) == when.day(text)
        if same_day or untouched(before, text, long=self.long):
            return seen
        if not text:
            return seen[1:]
        modifier = seen[0]["modifier"] if seen else self.known[0].modifier if self.known else ""
        return [{"value": text, "modifier": modifier}, *seen[1:]]


def a_day(text: str) -> None:
    if when.day(text) is None:
        raise forms.ValidationError(_("Write a date like 2026-03-31."))


def a_number(text: str) -> None:
    if not NUMBER.fullmatch(text.strip()):
        raise forms.ValidationError(_("Write a number, with a point before the fraction: 1250.50."))


class EmploymentForm(FieldForm):
    """Title and company, written as the present employment."""

    title = forms.CharField(label=gettext_lazy("Title"), required=False, max_length=255)
    company = forms.CharField(label=gettext_lazy("Company"), required=False, max_length=255)

    def build(self) -> None:
        said = {**self.record.values, mapping.FIELD + mapping.EMPLOYMENT: self.begun}
        self.initial["title"], self.initial["company"] = mapping.present_employment(said)

    def wanted(self) -> Values:
        seen: Values = list(self.seen)
        title, company = typed(self.cleaned_data["title"]), typed(self.cleaned_data["company"])
        before = mapping.present_employment({**self.record.values, mapping.FIELD + mapping.EMPLOYMENT: seen})
        if (untouched(before[0], title), untouched(before[1], company)) == (True, True):
            return seen
        # A part that was not touched keeps its own spelling.
        title = before[0] if untouched(before[0], title) else title
        company = before[1] if untouched(before[1], company) else company
        return employment.changed(seen, title=title, company=company)


class TagsForm(FieldForm):
    """All the tags, one a line: a tag may hold a comma."""

    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("One tag a line."),
        required=False,
        max_length=20_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def read(self) -> list[str]:
        return list(self.record.values.get("tags") or [])

    def build(self) -> None:
        self.initial["tags"] = "\n".join(self.begun)

    @property
    def label(self) -> str:
        return _("Tags")

    def wanted(self) -> list[str]:
        kept = {as_shown(tag, long=False): tag for tag in self.seen}
        lines = [line.strip() for line in typed(self.cleaned_data["tags"]).split("\n")]
        return list(dict.fromkeys(kept.get(line, line) for line in lines if line))

    def clean_tags(self) -> str:
        text: str = self.cleaned_data["tags"]
        for line in typed(text).split("\n"):
            if len(line) > 255:
                raise forms.ValidationError(_("A tag has at most 255 characters: {tag}…").format(tag=line[:40]))
        return text
