"""Fields of several values: rows to change, to empty and to add."""

import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from contacts import layout, mapping
from contacts.forms.base import LONGEST, FieldForm, Values, typed, untouched

MOST_ROWS = 200


class ValueRow(forms.Form):
    """One of several values, with what it is for."""

    value = forms.CharField(required=False, max_length=LONGEST, strip=False)
    modifier = forms.ChoiceField(required=False)
    was = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, owner: "RowsForm", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.fields["value"].label = owner.label
        self.fields["value"].widget = owner.widget()
        self.fields["modifier"].label = _("For")
        self.fields["modifier"].choices = owner.modifiers  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        text = typed(cleaned.get("value") or "")
        if text and self.owner.problem and not self.is_kept:
            problem = self.owner.problem(text)
            if problem:
                self.add_error("value", problem)
        return cleaned

    @property
    def is_kept(self) -> bool:
        """Nobody touched the value; whatever is wrong with it is Nimble's affair."""
        was, seen = self.cleaned_data.get("was"), self.owner.seen
        return was is not None and was < len(seen) and untouched(seen[was]["value"], self.cleaned_data.get("value", ""))


class RowsForm(FieldForm):
    """Several values, each with what it is for (work, home, …): rows to change, to empty, and to add."""

    template = "contacts/forms/rows.html"

    def build(self) -> None:
        self.long = bool(self.known) and self.known[0].kind == "long_string"
        self.problem: Callable[[str], str] | None = email_problem if self.name == "email" else None
        self.modifiers = self._modifiers()
        sent = str(self.data.get(self.count_name, ""))
        count = min(int(sent), MOST_ROWS) if sent.isdecimal() and len(sent) < 6 else 0
        self.rows = [self._row(i) for i in range(count)] if self.is_bound else self._begun_rows()

    @property
    def count_name(self) -> str:
        """The input that says how many rows there are."""
        return self.add_prefix("rows")

    def first_input(self) -> forms.Widget:
        return self.rows[0].fields["value"].widget if self.rows else self.widget()

    def _begun_rows(self) -> list[ValueRow]:
        """What was begun and an empty row. Where Nimble refused something, a value still knows which one it was."""
        place = {mapping.identity(item): i for i, item in enumerate(self.present)}
        rows = [self._row(i, {**item, "was": place.get(mapping.identity(item))}) for i, item in enumerate(self.begun)]
        return [*rows, self._row(len(rows), {"modifier": self._next_modifier()})]

    def _row(self, number: int, initial: dict[str, Any] | None = None) -> ValueRow:
        data = self.data if self.is_bound and initial is None else None
        auto_id = str(self.auto_id)
        prefix = self.add_prefix(f"rows-{number}")
        return ValueRow(data, prefix=prefix, initial=initial, auto_id=auto_id, label_suffix="", owner=self)

    def _modifiers(self) -> list[tuple[str, str]]:
        """Those of the metadata, and the ones in use that it does not know."""
        names = dict.fromkeys([one.modifier for one in self.known] or list(layout.MODIFIERS))
        names.update(dict.fromkeys(item["modifier"] for item in [*self.present, *self.begun]))
        return [(name, layout.modifier_label(name) or "—") for name in names]

    def _next_modifier(self) -> str:
        """What a new value is for: the first purpose that nothing serves yet."""
        used = {item["modifier"] for item in self.begun}
        names = [name for name, _label in self.modifiers]
        return next((name for name in names if name not in used), names[0] if names else "")

    def widget(self) -> forms.Widget:
        if self.long:
            return forms.Textarea(attrs={"rows": 3})
        kinds = {"email": "email", "phone": "tel"}
        # A text input even for an e-mail: the browser must not refuse what Nimble has accepted.
        attrs = {"inputmode": kinds[self.name]} if self.name in kinds else {}
        return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", **attrs})

    def with_another(self) -> "RowsForm":
        """The form as it was typed, with one more empty row."""
        if len(self.rows) < MOST_ROWS:
            self.first_input().attrs.pop("autofocus", None)
            self.rows.append(self._row(len(self.rows), {"modifier": self._next_modifier()}))
            self.rows[-1].fields["value"].widget.attrs["autofocus"] = True
        return self

    @property
    def several_modifiers(self) -> bool:
        return len(self.modifiers) > 1

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # Each one is asked, so that each says what is wrong with it.
        wrong = [row for row in self.rows if not row.is_valid()]
        if wrong:
            raise forms.ValidationError(_("Please look at the marked value."))
        if self.known and not self.known[0].multiples:
            used = [item["modifier"] for item in self._wanted(self.present)]
            if len(used) != len(set(used)):
                text = _("This field has one value for each purpose. Choose another purpose for one.")
                raise forms.ValidationError(text)
        return cleaned

    def wanted(self) -> Values:
        return self._wanted(self.seen)

    def _wanted(self, seen: Values) -> Values:
        found: Values = []
        for row in self.rows:
            value, was = row.cleaned_data.get("value") or "", row.cleaned_data.get("was")
            modifier = row.cleaned_data.get("modifier") or ""
            before = seen[was] if was is not None and was < len(seen) else None
            if not typed(value):
                continue
            same = before is not None and untouched(before["value"], value, long=self.long)
            item = {"value": before["value"] if before is not None and same else typed(value), "modifier": modifier}
            if item not in found:
                found.append(item)
        return found


def email_problem(text: str) -> str:
    """What is plainly no address. What else Nimble minds, it says itself."""
    return "" if re.fullmatch(r"[^@\s]+@[^@\s]+", text) else _("“{text}” is no e-mail address.").format(text=text[:80])
