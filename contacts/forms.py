"""Changing one field of a contact at a time. What nobody touched stays byte for byte as Nimble has it.

Each form carries what its reader saw, sealed, so that a change by somebody else meanwhile is noticed as a conflict.
"""

import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import layout, mapping
from contacts.record import Record
from sync import when

Values = list[dict[str, str]]
SALT = "contacts.forms.seen"
LONGEST = 200_000
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d{1,3})?")
MOST_ROWS = 200


def typed(text: str) -> str:
    """What a person typed, as it is stored: a browser sends line ends of its own."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()


def as_shown(value: str, *, long: bool) -> str:
    """What an input gives back of a value that nobody touched: one line's input drops line ends."""
    return typed(value) if long else re.sub(r"[\r\n\x00]", "", value).strip()


def untouched(value: str, text: str, *, long: bool = False) -> bool:
    return as_shown(value, long=long) == as_shown(text, long=long)


class FieldForm(forms.Form):
    """The base: `record` and the field's `name`; `wanted()` gives the values to send, `seen` what the reader saw."""

    template = "contacts/forms/single.html"
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, record: Record, name: str, data: Any = None, begun: Any = None) -> None:
        self.record, self.name = record, name
        self.known = record.known.get(name) or []
        self.present: Any = self.read()
        self.begun: Any = self.present if begun is None else begun
        super().__init__(data, auto_id=f"id-{name.encode().hex()[:60]}-%s", label_suffix="")
        self.fields["seal"].initial = signing.dumps(self.present, salt=SALT, compress=True)
        self.build()

    def read(self) -> Any:
        """What stands in the field now."""
        return self.record.of(self.name)

    def build(self) -> None:
        """Add the inputs, filled with what was begun (what stands there now, or what Nimble refused)."""
        raise NotImplementedError

    def wanted(self) -> Any:
        """The values to send. Only of a valid form."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        return layout.label(self.name, self.known)

    @property
    def seen(self) -> Any:
        """What the reader saw when they began."""
        return self.cleaned_data.get("seal", self.present)

    def clean_seal(self) -> Any:
        sealed = self.cleaned_data.get("seal")
        if not sealed:
            return self.present
        try:
            return signing.loads(sealed, salt=SALT)
        except signing.BadSignature:
            text = _("This form is out of date. Reload the page; your text is still here.")
            raise forms.ValidationError(text) from None

    def add_error(self, field: str | None, error: Any) -> None:
        """The seal is hidden: what is wrong with it is said above the form."""
        super().add_error(None if field == "seal" else field, error)


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
        return mapping.changed_employment(seen, title=title, company=company)


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
        sent = str(self.data.get("rows", ""))
        count = min(int(sent), MOST_ROWS) if sent.isdecimal() and len(sent) < 6 else 0
        self.rows = [self._row(i) for i in range(count)] if self.is_bound else self._begun_rows()

    def _begun_rows(self) -> list[ValueRow]:
        """What was begun and an empty row. Where Nimble refused something, a value still knows which one it was."""
        place = {mapping.identity(item): i for i, item in enumerate(self.present)}
        rows = [self._row(i, {**item, "was": place.get(mapping.identity(item))}) for i, item in enumerate(self.begun)]
        return [*rows, self._row(len(rows), {"modifier": self._next_modifier()})]

    def _row(self, number: int, initial: dict[str, Any] | None = None) -> ValueRow:
        data = self.data if self.is_bound and initial is None else None
        auto_id = str(self.auto_id)
        return ValueRow(data, prefix=f"rows-{number}", initial=initial, auto_id=auto_id, label_suffix="", owner=self)

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
            self.rows.append(self._row(len(self.rows), {"modifier": self._next_modifier()}))
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


FORMS: dict[str, type[FieldForm]] = {
    "value": ValueForm,
    "employment": EmploymentForm,
    "tags": TagsForm,
    "rows": RowsForm,
}


class NoteForm(forms.Form):
    """A note's text, in Markdown."""

    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=50_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Write something first.")},
    )
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_text(self) -> str:
        text = typed(self.cleaned_data["text"])
        if not text:
            raise forms.ValidationError(_("Write something first."))
        return text

    def clean_seal(self) -> str | None:
        try:
            return signing.loads(self.cleaned_data["seal"], salt=SALT) if self.cleaned_data.get("seal") else None
        except signing.BadSignature:
            return None


def sealed(value: Any) -> str:
    """What a reader sees, to come back with their form."""
    return signing.dumps(value, salt=SALT, compress=True)
