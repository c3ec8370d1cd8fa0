"""The values of deals as a person reads them."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import format_decimal
from django.utils.translation import gettext as _

from contacts.layout import parts_text
from crmportal.formats import day, locale, money, number
from deals import inputs, mapping
from deals.models import DealField
from sync import when


def reading(kind: str, value: Any, field: DealField | None = None, *, currency: str, members: Mapping[str, str]) -> str:
    """One value in the reader's locale; one of a kind that nobody has heard of by its parts."""
    if value is None or value == "":
        return ""
    if kind == "amount":
        parsed = mapping.amount(value)
        return str(value) if parsed is None else money(parsed, currency)
    if kind == "percent":
        parsed = mapping.amount(value)
        return str(value) if parsed is None else f"{number(parsed)} %"
    if kind == "datetime":
        found = when.day(value)
        return day(found) if found else str(value)
    if kind == "user":
        return members.get(str(value)) or _("Somebody who is not known here")
    if kind == "boolean":
        return _("Yes") if value in inputs.TRUE else _("No")
    if kind == "choice" and field:
        return next((choice["value"] for choice in field.choices if choice["id"] == str(value)), str(value))
    if kind == "number":
        return number_text(value, field.presentation if field else {})
    return parts_text(value)


def external(one: Mapping[str, str]) -> str:
    """Somebody who takes part and is no contact."""
    return f"{one['info']} ({one['note']})" if one.get("note") else one["info"]


def number_text(value: Any, presentation: Mapping[str, Any]) -> str:
    """A number as Nimble says that the field's numbers look: with a currency, a percent sign, so many digits."""
    parsed = mapping.amount(value)
    if parsed is None:
        return str(value)
    kind, digits = presentation.get("number_type"), presentation.get("fraction_digits")
    if kind == "financial":
        return money(parsed, mapping.text(presentation.get("currency")))
    if isinstance(digits, int) and 0 < digits <= 20:
        text = format_decimal(parsed, format=f"#,##0.{'0' * digits}", locale=locale())
    else:
        text = format_decimal(parsed, locale=locale(), decimal_quantization=False)
    return f"{text} %" if kind == "percentage" else text
