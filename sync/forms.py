"""Deciding about an edit: whose value counts, or what to send instead."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sync.entries import Line
from sync.models import Edit
from sync.words import typed

OURS, THEIRS, OTHER = "ours", "theirs", "other"


def text_field(line: Line, label: Any) -> forms.CharField:
    """An input as large as what is in it."""
    long = "\n" in (line.text or "") or len(line.text or "") > 80
    named = {"aria-label": label}
    widget = forms.Textarea(attrs={"rows": 4, **named}) if long else forms.TextInput(attrs=named)
    return forms.CharField(label=label, required=False, max_length=200_000, widget=widget, strip=False)


class Decision(forms.Form):
    """A choice for each field in conflict: ours, Nimble's, or a value typed anew; `all` decides for every field."""

    def __init__(self, lines: Sequence[Line], data: Any = None) -> None:
        self.lines = [line for line in lines if line.in_conflict]
        super().__init__(data)
        for line in self.lines:
            choices = [(OURS, _("Ours")), (THEIRS, _("Nimble's"))]
            if line.text is not None:
                choices.append((OTHER, _("Another value")))
                self.fields[f"value-{line.number}"] = text_field(line, _("Another value"))
            self.fields[f"choice-{line.number}"] = forms.ChoiceField(
                label=line.label,
                choices=choices,
                required=self.whole is None,
                error_messages={"required": _("Choose one.")},
            )

    @property
    def whole(self) -> str | None:
        """The button that decides for every field."""
        pressed = self.data.get("all")
        return pressed if pressed in (OURS, THEIRS) else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the page: each line with its present choice, its input and its errors."""
        return [
            {
                "line": line,
                "choice": self[f"choice-{line.number}"],
                "chosen": self.data.get(f"choice-{line.number}", ""),
                "input": self[f"value-{line.number}"] if line.text is not None else None,
            }
            for line in self.lines
        ]

    def choices(self, edit: Edit) -> dict[str, Any]:
        """Field → the value to send, for `edits.resolve`."""
        wanted: dict[str, Any] = {}
        for line in self.lines:
            change = edit.fields[line.name]
            choice = self.whole or self.cleaned_data[f"choice-{line.number}"]
            if choice == THEIRS:
                wanted[line.name] = change.get("theirs")
            elif choice == OTHER:
                text = self.cleaned_data[f"value-{line.number}"]
                wanted[line.name] = typed(text, change.get("new"), change.get("theirs"))
            else:
                wanted[line.name] = change["new"]
        return wanted


class Mending(forms.Form):
    """The typed values of a refused edit, to be mended and sent again."""

    def __init__(self, lines: Sequence[Line], data: Any = None) -> None:
        self.lines = lines
        super().__init__(data)
        for line in lines:
            if line.text is not None:
                self.fields[f"value-{line.number}"] = text_field(line, line.label)
                self.initial[f"value-{line.number}"] = line.text

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the page: each line with its input; None where the value is no plain text."""
        names = self.fields.keys()
        return [
            {"line": line, "input": self[f"value-{line.number}"] if f"value-{line.number}" in names else None}
            for line in self.lines
        ]

    def values(self, edit: Edit) -> dict[str, Any]:
        """Field → the value to send."""
        return {
            line.name: typed(
                self.cleaned_data[f"value-{line.number}"],
                edit.fields[line.name].get("new"),
                edit.fields[line.name].get("base"),
            )
            for line in self.lines
            if f"value-{line.number}" in self.cleaned_data
        }
