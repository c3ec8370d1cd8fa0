"""Changing one field of a deal: the input that suits its kind, and the value that is typed into it.

A form carries what its reader saw, sealed, so that a change by somebody else meanwhile is noticed as a conflict.
"""

import re
from decimal import Decimal
from typing import Any

from babel.numbers import NumberFormatError, format_decimal, list_currencies, parse_decimal
from django import forms
from django.core import signing
from django.utils.translation import gettext as _

from contacts.forms.base import typed
from crmportal.formats import locale
from deals import mapping
from deals.record import TRUE, Record, Row
from sync import when

SALT = "deals.fields.seen"
LONGEST = 200_000
# A number without separators, and with all its digits.
PLAIN = "0." + 20 * "#"
LIMITS = {"name": 500, "currency": 3}


class FieldForm(forms.Form):
    """`row`: the field. `begun`: what is typed already, where Nimble refused it. `wanted()`: the value to send."""

    template = "contacts/forms/single.html"
    seal = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, record: Record, row: Row, data: Any = None, begun: Any = None, prefix: str | None = None
    ) -> None:
        self.record, self.row = record, row
        self.begun = row.value if begun is None else begun
        super().__init__(data, prefix=prefix, auto_id=f"id-{row.dom_id}-%s", label_suffix="")
        self.fields["seal"].initial = signing.dumps(row.value, salt=SALT, compress=True)
        self.fields["value"] = self._input()
        if prefix is None:
            # It is the page's only form.
            self.fields["value"].widget.attrs["autofocus"] = True

    @property
    def is_custom(self) -> bool:
        return self.row.field is not None

    @property
    def has_several(self) -> bool:
        """Whether one input a value would not do."""
        field = self.row.field
        return field is not None and (field.multiples or len(self.row.value) > 1)

    def _input(self) -> forms.Field:
        kind, begun = self.row.kind, self._as_text(self.begun)
        common: dict[str, Any] = {"label": self.row.label, "required": self.row.name == "name", "initial": begun}
        if kind in ("choice", "user", "boolean"):
            return self._choices(kind, common)
        if kind == "tags" or self.has_several:
            hint = _("One tag a line.") if kind == "tags" else _("One value a line.")
            area = forms.Textarea(attrs={"rows": 4})
            return forms.CharField(widget=area, strip=False, max_length=LONGEST, help_text=hint, **common)
        if kind == "long_string":
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 5}), strip=False, max_length=LONGEST, **common)
        attrs: dict[str, Any] = {"autocomplete": "off"}
        if kind == "datetime" and (not begun or when.day(begun)):
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date", **attrs}), **common)
        if kind in ("amount", "number", "percent"):
            attrs["inputmode"] = "decimal"
        if kind == "currency":
            attrs |= {"autocapitalize": "characters", "size": "4"}
        limit = LIMITS.get(self.row.name, LONGEST)
        return forms.CharField(widget=forms.TextInput(attrs=attrs), max_length=limit, strip=False, **common)

    def _choices(self, kind: str, common: dict[str, Any]) -> forms.Field:
        field = self.row.field
        if kind == "choice" and field:
            options = [(choice["id"], choice["value"]) for choice in field.choices]
        elif kind == "user":
            options = list(self.record.members.items())
        else:
            options = [("true", _("Yes")), ("false", _("No"))]
        known = dict(options)
        if self.has_several:
            common["initial"] = [str(item) for item in self.begun or []]
            options += [(item, item) for item in common["initial"] if item not in known]
            return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **common)
        begun = common["initial"]
        strange = [(begun, self.record.text(kind, begun, field))] if begun and begun not in known else []
        # A deal always has an owner.
        nothing = [] if self.row.name == "owner" and begun else [("", "—")]
        return forms.ChoiceField(choices=[*nothing, *options, *strange], **common)

    # --- values and texts ---

    def _as_text(self, value: Any) -> str:
        """What the input shows of a value."""
        if self.is_custom:
            items = value if isinstance(value, list) else []
            return "\n".join(self._item_text(item) for item in items)
        return "\n".join(value or []) if self.row.kind == "tags" else self._item_text(value)

    def _item_text(self, value: Any) -> str:
        return as_text(self.row.kind, value)

    def clean_seal(self) -> Any:
        sealed = self.cleaned_data.get("seal")
        if not sealed:
            return self.row.value
        try:
            return signing.loads(sealed, salt=SALT)
        except signing.BadSignature:
            text = _("This form is out of date. Reload the page; your text is still here.")
            raise forms.ValidationError(text) from None

    def add_error(self, field: str | None, error: Any) -> None:
        """The seal is hidden: what is wrong with it is said above the form."""
        super().add_error(None if field == "seal" else field, error)

    def clean_value(self) -> Any:
        """The value as it is stored, of what was typed; each line of several on its own."""
        given = self.cleaned_data["value"]
        if isinstance(given, list):
            return given
        text = typed(given)
        if self.row.kind == "tags":
            return tag_lines(text)
        if self.is_custom:
            lines = text.split("\n") if self.has_several else [text]
            return [self._parsed(line.strip() if self.has_several else line) for line in lines if line.strip()]
        if self.row.name == "name" and not text:
            raise forms.ValidationError(_("A deal needs a name."))
        return self._parsed(text) if text else None

    def _parsed(self, text: str) -> Any:
        return parsed(self.row.kind, text)

    @property
    def seen(self) -> Any:
        """What the reader saw when they began."""
        return self.cleaned_data.get("seal", self.row.value)

    def wanted(self) -> Any:
        """The value to send: what the reader saw, where nobody touched it."""
        shown = self._as_text(self.seen)
        given = self.data.getlist(self.add_prefix("value")) if hasattr(self.data, "getlist") else []
        if not self.has_several and len(given) == 1 and _same(given[0], shown):
            return self.seen
        value = self.cleaned_data["value"]
        return self.seen if self.has_several and [str(v) for v in self.seen or []] == [str(v) for v in value] else value


def tag_lines(text: str) -> list[str]:
    """The tags of a text with one a line, each once. Raises ValidationError for one that is too long."""
    tags = list(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    for tag in tags:
        if len(tag) > 255:
            raise forms.ValidationError(_("A tag has at most 255 characters: {tag}…").format(tag=tag[:40]))
    return tags


def as_text(kind: str, value: Any) -> str:
    """One value as its input shows it, in the reader's locale."""
    if value is None:
        return ""
    if kind in ("amount", "number", "percent"):
        number = mapping.amount(value)
        if number is not None:
            return format_decimal(number, format="0.####################", locale=locale(), decimal_quantization=False)
    if kind == "boolean":
        return "true" if value in TRUE else "false"
    if kind == "datetime":
        day = when.day(value)
        return day.isoformat() if day else str(value)
    return str(value)


def parsed(kind: str, text: str) -> Any:
    """One value, of what was typed. Raises ValidationError, with what would do."""
    if kind == "datetime":
        day = when.day(text)
        if day is None:
            raise forms.ValidationError(_("Write a date like 2026-03-31."))
        return day.isoformat()
    if kind == "percent":
        number = _number(text.removesuffix("%").strip())
        if number != int(number) or not 0 <= number <= 100:
            raise forms.ValidationError(_("Write a whole number from 0 to 100."))
        return int(number)
    if kind == "amount":
        number = _number(text)
        if number < 0:
            raise forms.ValidationError(_("An amount is 0 or more."))
        return mapping.canonical_amount(number)
    if kind == "number":
        return f"{_number(text):f}"
    if kind == "currency":
        code = text.upper()
        if code not in list_currencies():
            raise forms.ValidationError(_("Write a currency's three letters, such as EUR."))
        return code
    return text


def _same(one: str, other: str) -> bool:
    return re.sub(r"\s*[\r\n]+\s*", "\n", typed(one)) == re.sub(r"\s*[\r\n]+\s*", "\n", typed(other))


def _number(text: str) -> Decimal:
    """A number as people of the page's language write it."""
    try:
        number: Decimal = parse_decimal(text.replace(" ", "").replace("\u00a0", ""), locale=locale(), strict=True)
    except NumberFormatError:
        example = format_decimal(Decimal("1250.5"), locale=locale())
        raise forms.ValidationError(_("Write a number like {example}.").format(example=example)) from None
    if mapping.amount(number) is None:
        raise forms.ValidationError(_("That number is too large."))
    return number
