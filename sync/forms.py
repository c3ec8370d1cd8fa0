"""Deciding about an edit: whose value counts, or what to send instead."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from sync import words
from sync.entries import Entry, Line

OURS, THEIRS, OTHER = "ours", "theirs", "other"


class Sending(NamedTuple):
    """One field as it would leave: what Nimble has, and what it is given unless it has that already."""

    label: str
    now: str
    wanted: str
    is_sent: bool


def text_field(line: Line, label: Any) -> forms.CharField:
    """An input as large as what is in it."""
    long = "\n" in (line.text or "") or len(line.text or "") > 80
    named = {"aria-label": label}
    widget = forms.Textarea(attrs={"rows": 4, **named}) if long else forms.TextInput(attrs=named)
    return forms.CharField(label=label, required=False, max_length=200_000, widget=widget, strip=False)


class Typing(forms.Form):
    """Values typed anew for fields of an edit; each is checked as where it was first typed.

    A field has the form of its record's page (`forms`), where that has one, else one input for a text.
    """

    def __init__(self, entry: Entry, user: Any, lines: Sequence[Line], data: Any = None) -> None:
        self.entry, self.user, self.lines = entry, user, lines
        # By the name of the field.
        self.typed: dict[str, Any] = {}
        self.forms: dict[str, Any] = {}
        super().__init__(data)
        editor = entry.resource.editor(entry.row, user) if entry.row is not None else None
        if editor:
            for line in lines:
                begun = entry.edit.fields[line.name].get("new")
                if form := editor(line.name, begun=begun, prefix=f"value-{line.number}", data=data):
                    self.forms[line.name] = form

    def input_of(self, line: Line) -> forms.BoundField | None:
        """The one input for a text, where there is one."""
        name = f"value-{line.number}"
        return self[name] if name in self.fields else None

    def with_another(self, prefix: str) -> None:
        """One more empty row for the field of several values whose form has this prefix."""
        for form in self.forms.values():
            if form.prefix == prefix and hasattr(form, "with_another"):
                form.with_another()

    def parse(self, line: Line, *shapes: Any) -> None:
        """Put what was typed for a line into `typed`, shaped as the field's other values; or say what is wrong."""
        name = f"value-{line.number}"
        if form := self.forms.get(line.name):
            if form.is_valid():
                self.typed[line.name] = form.wanted()
            else:
                self.add_error(None, _("Please look at “{label}”.").format(label=line.label))
            return
        if name not in self.cleaned_data:
            return
        try:
            text = words.tidy(self.cleaned_data[name])
            value = self.entry.resource.parse_typed(line.name, text, self.entry.record)
        except ValueError as error:
            self.add_error(name, str(error))
        else:
            self.typed[line.name] = words.shaped(value, *shapes)


class Decision(Typing):
    """A choice for each field in conflict: ours, Nimble's, or a value typed anew; `all` decides for every field."""

    def __init__(self, entry: Entry, user: Any, data: Any = None) -> None:
        super().__init__(entry, user, [line for line in entry.lines if line.in_conflict], data)
        for line in self.lines:
            choices = [(OURS, _("Ours")), (THEIRS, _("Nimble's"))]
            if form := self.forms.get(line.name):
                choices.append((OTHER, _("Another value")))
                if "value" in form.fields:
                    form.fields["value"].label = _("Another value")
            elif line.text is not None:
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
                "chosen": self.whole or self.data.get(f"choice-{line.number}", ""),
                "form": self.forms.get(line.name),
                "input": self.input_of(line),
            }
            for line in self.lines
        ]

    def clean(self) -> None:
        for line in self.lines:
            if self.whole is None and self.cleaned_data.get(f"choice-{line.number}") == OTHER:
                change = self.entry.edit.fields[line.name]
                self.parse(line, change.get("new"), change.get("theirs"))

    def choices(self) -> dict[str, Any]:
        """Field → the value to send, for `edits.resolve`."""
        wanted: dict[str, Any] = {}
        for line in self.lines:
            change = self.entry.edit.fields[line.name]
            choice = self.whole or self.cleaned_data[f"choice-{line.number}"]
            if choice == THEIRS:
                wanted[line.name] = change.get("theirs")
            elif choice == OTHER:
                wanted[line.name] = self.typed[line.name]
            else:
                wanted[line.name] = change["new"]
        return wanted

    @property
    def outcome(self) -> list[Sending]:
        """What would be sent as it is chosen now; for a form that is valid."""
        entry, wanted = self.entry, self.choices()
        names = entry.resource.names(entry.edit.workspace_id, self.user)
        wished = {name: wanted.get(name, change["new"]) for name, change in entry.edit.fields.items()}
        beside = {**entry.resource.beside(entry.record), **wished}
        found = []
        for line in entry.lines:
            change = entry.edit.fields[line.name]
            now = change.get("theirs", change.get("base"))
            value = wished[line.name]
            before, after = (entry.resource.shown(line.name, one, names, beside) for one in (now, value))
            found.append(Sending(line.label, before, after, "theirs" not in change or value != now))
        return found


class Mending(Typing):
    """The typed values of a refused edit, to be mended and sent again. `typed`: field → the value to send."""

    def __init__(self, entry: Entry, user: Any, data: Any = None) -> None:
        super().__init__(entry, user, entry.lines, data)
        for line in self.lines:
            if line.text is not None and line.name not in self.forms:
                self.fields[f"value-{line.number}"] = text_field(line, line.label)
                self.initial[f"value-{line.number}"] = line.text
        self.focus_first()

    def focus_first(self) -> None:
        """Give the focus to the first field that Nimble refused, else to the first that can be typed."""
        for line in sorted(self.lines, key=lambda line: not line.errors):
            form, name = self.forms.get(line.name), f"value-{line.number}"
            first = next(iter(form.visible_fields()), None) if form else self[name] if name in self.fields else None
            if first is not None:
                first.field.widget.attrs["autofocus"] = True
                return

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the page: each line with its form, or its one input; neither where it cannot be typed."""
        return [{"line": line, "form": self.forms.get(line.name), "input": self.input_of(line)} for line in self.lines]

    def clean(self) -> None:
        for line in self.lines:
            change = self.entry.edit.fields[line.name]
            self.parse(line, change.get("new"), change.get("base"))
