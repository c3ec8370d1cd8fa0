"""The input that suits a kind of field, and the value that is typed into it."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import NumberFormatError, format_decimal, list_currencies, parse_decimal
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.employment import structured
from contacts.forms.base import typed
from crmportal.formats import locale
from deals import mapping
from sync import when

LONGEST = 200_000
LIMITS = {"name": 500, "currency": 3}
TRUE = (True, "true", "True", "1", 1)
# Values that are picked, not typed.
CHOSEN = frozenset({"choice", "user", "boolean"})
ADDRESS = {
    "street": gettext_lazy("Street"),
    "city": gettext_lazy("City"),
    "state": gettext_lazy("State"),
    "zip": gettext_lazy("Postal code"),
    "country": gettext_lazy("Country"),
}


def made(
    kind: str,
    *,
    begun: Any,
    several: bool = False,
    options: Sequence[tuple[str, str]] = (),
    empty: bool = True,
    limit: int = LONGEST,
    presentation: Mapping[str, Any] | None = None,
    **common: Any,
) -> forms.Field:
    """The input of a kind. `begun`: what stands in it: a text, or a list where it has `several`, and for addresses.

    `options`: of a kind whose values are picked, value → name; `empty`: whether none may be picked, too. `limit`: of
    characters. `presentation`: how Nimble says that a number looks. `common`: what every input of Django's takes.
    """
    if kind == "address":
        return AddressField(list(begun or []), several=several, **common)
    if kind in CHOSEN and several:
        return forms.MultipleChoiceField(
            choices=options, widget=forms.CheckboxSelectMultiple, initial=[str(one) for one in begun or []], **common
        )
    if kind in CHOSEN:
        return forms.ChoiceField(choices=[*([("", "—")] if empty else []), *options], initial=begun, **common)
    if kind == "tags" or several:
        common.setdefault("help_text", _("One tag a line.") if kind == "tags" else _("One value a line."))
        area = forms.Textarea(attrs={"rows": 4})
        return forms.CharField(widget=area, strip=False, max_length=limit, initial=begun, **common)
    if kind == "long_string":
        area = forms.Textarea(attrs={"rows": 5})
        return forms.CharField(widget=area, strip=False, max_length=limit, initial=begun, **common)
    attrs: dict[str, Any] = {"autocomplete": "off"}
    if kind == "datetime" and (not begun or when.day(begun)):
        return forms.CharField(widget=forms.DateInput(attrs={"type": "date", **attrs}), initial=begun, **common)
    if kind in ("amount", "number", "percent"):
        attrs["inputmode"] = "decimal"
    if kind == "currency":
        attrs |= {"autocapitalize": "characters", "size": "4"}
    if kind == "number" and (unit := unit_of(presentation or {})):
        common.setdefault("help_text", unit)
    return forms.CharField(widget=forms.TextInput(attrs=attrs), strip=False, max_length=limit, initial=begun, **common)


def options_of(kind: str, choices: Sequence[Mapping[str, str]], members: Mapping[str, str]) -> list[tuple[str, str]]:
    """What can be picked for a field: its choices, the team, or yes and no."""
    if kind == "choice":
        return [(choice["id"], choice["value"]) for choice in choices]
    return list(members.items()) if kind == "user" else [("true", _("Yes")), ("false", _("No"))]


# --- values and texts -----------------------------------------------------------------------------------------------


def values_of(kind: str, given: Any, *, several: bool, presentation: Mapping[str, Any] | None = None) -> list[Any]:
    """The values of a pipeline's own field, of what its input gave. Raises ValidationError."""
    if isinstance(given, list):
        return given
    text = typed(given)
    lines = [line.strip() for line in text.split("\n")] if several else [text]
    return [parsed(kind, line, presentation) for line in lines if line.strip()]


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


def parsed(kind: str, text: str, presentation: Mapping[str, Any] | None = None) -> Any:
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
        return f"{_checked(_number(text.removesuffix('%').strip()), presentation or {}):f}"
    if kind == "currency":
        code = text.upper()
        if code not in list_currencies():
            raise forms.ValidationError(_("Write a currency's three letters, such as EUR."))
        return code
    return text


def unit_of(presentation: Mapping[str, Any]) -> str:
    """What a number is counted in, where Nimble says that."""
    kind = presentation.get("number_type")
    if kind == "financial":
        return mapping.text(presentation.get("currency"))
    return _("In percent.") if kind == "percentage" else _("A whole number.") if kind == "integer" else ""


def _checked(number: Decimal, presentation: Mapping[str, Any]) -> Decimal:
    """A number that looks as Nimble says that the field's numbers do."""
    digits = presentation.get("fraction_digits")
    exponent = number.normalize().as_tuple().exponent
    fraction = -exponent if isinstance(exponent, int) else 0
    if presentation.get("number_type") == "integer" and fraction > 0:
        raise forms.ValidationError(_("Write a whole number."))
    if isinstance(digits, int) and digits > 0 and fraction > digits:
        raise forms.ValidationError(_("Write at most {n} digits of a fraction.").format(n=digits))
    return number


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


# --- addresses ------------------------------------------------------------------------------------------------------


class AddressWidget(forms.MultiWidget):
    """An input for each part of each address, named for readers of the screen and of the page."""

    def __init__(self, count: int) -> None:
        parts = [
            forms.TextInput(attrs={"autocomplete": "off", "placeholder": name, "aria-label": name})
            for _number in range(count)
            for name in ADDRESS.values()
        ]
        super().__init__(parts)

    def decompress(self, value: Sequence[str] | None) -> list[str]:
        return [part for one in value or [] for part in parts_of(one)]


class AddressField(forms.MultiValueField):
    """The addresses of a field: JSON in a string each, as Nimble keeps them. What nobody touched stays as it is."""

    def __init__(self, begun: Sequence[str], *, several: bool, **common: Any) -> None:
        self.begun = [str(one) for one in begun]
        # Room for one more where there may be several.
        count = max(len(self.begun) + several, 1)
        parts = [forms.CharField(required=False, max_length=500) for _part in range(count * len(ADDRESS))]
        common.setdefault("initial", self.begun)
        super().__init__(parts, widget=AddressWidget(count), require_all_fields=False, **common)

    def compress(self, data_list: Sequence[str]) -> list[str]:
        size = len(ADDRESS)
        given = [[typed(part or "") for part in data_list[at : at + size]] for at in range(0, len(data_list), size)]
        found = []
        for number, parts in enumerate(given):
            before = self.begun[number] if number < len(self.begun) else ""
            if parts == parts_of(before):
                found += [before] if before else []
            elif any(parts):
                named = dict(zip(ADDRESS, parts, strict=True))
                kept = {**structured(before), **named}
                found.append(json.dumps({key: part for key, part in kept.items() if part}, ensure_ascii=False))
        return found


def parts_of(address: str) -> list[str]:
    """The parts of an address; one that is a mere text is all street."""
    known = structured(address)
    if not known:
        return [typed(address), *[""] * (len(ADDRESS) - 1)]
    return [typed(str(known.get(part) or "")) for part in ADDRESS]
