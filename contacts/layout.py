"""A contact's values as a person reads them: labels, dates, choices, addresses, links. Pure functions, no database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import employment, mapping
from contacts.models import ContactField
from crmportal import formats
from sync import when, words

# Nimble's names of its own fields, in the reader's language. Custom fields carry the label that their maker gave them.
LABELS = {
    "first name": gettext_lazy("First name"),
    "middle name": gettext_lazy("Middle name"),
    "last name": gettext_lazy("Last name"),
    "company name": gettext_lazy("Company name"),
    "title": gettext_lazy("Title (old field)"),
    "parent company": gettext_lazy("Company (old field)"),
    "contact employment": gettext_lazy("Title and company"),
    "source": gettext_lazy("Source"),
    "description": gettext_lazy("Description"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "URL": gettext_lazy("Website"),
    "address": gettext_lazy("Address"),
    "birthday": gettext_lazy("Birthday"),
    "domain": gettext_lazy("Domain"),
    "# of employees": gettext_lazy("Employees"),
    "annual revenue": gettext_lazy("Annual revenue"),
    "lead status": gettext_lazy("Lead status"),
    "twitter": gettext_lazy("Twitter"),
    "linkedin": gettext_lazy("LinkedIn"),
}
MODIFIERS = {
    "work": gettext_lazy("Work"),
    "personal": gettext_lazy("Personal"),
    "home": gettext_lazy("Home"),
    "mobile": gettext_lazy("Mobile"),
    "main": gettext_lazy("Main"),
    "work fax": gettext_lazy("Work fax"),
    "home fax": gettext_lazy("Home fax"),
    "fax": gettext_lazy("Fax"),
    "blog": gettext_lazy("Blog"),
    "other": gettext_lazy("Other"),
}
ADDRESS = ("street", "city", "state", "zip", "country")
YEARLESS = re.compile(r"^(?:--)?(\d{2})-(\d{2})$")


@dataclass(frozen=True)
class Entry:
    """One value on the page: its lines, what it is for, and where a press on it leads ("" for nowhere)."""

    text: str
    modifier: str = ""
    href: str = ""


def label(name: str, known: Sequence[ContactField] = ()) -> str:
    """What a person calls a field."""
    if name in LABELS:
        return str(LABELS[name])
    return (str(known[0]) if known else name) or _("Nameless field")


def modifier_label(modifier: str) -> str:
    """What a value is for: work, home, … Unknown ones are shown as they are."""
    return str(MODIFIERS.get(modifier, modifier))


def entries(
    name: str, values: Iterable[Mapping[str, str]], known: Sequence[ContactField], members: Mapping[str, str]
) -> list[Entry]:
    """The values of a field as the page shows them; empty ones are left out."""
    found = []
    for item in values:
        value = str(item.get("value") or "")
        if value.strip():
            modifier = str(item.get("modifier") or "")
            text = reading(name, value, field_of(known, modifier), members)
            found.append(Entry(text, modifier_label(modifier), link(name, value)))
    return found


def field_of(known: Sequence[ContactField], modifier: str) -> ContactField | None:
    """The metadata of a field under a modifier; that of its first one where the modifier is unknown."""
    return next((field for field in known if field.modifier == modifier), known[0] if known else None)


def reading(name: str, value: str, field: ContactField | None, members: Mapping[str, str]) -> str:
    """One value as text. What cannot be read as its kind promises is shown as it came."""
    kind = field.kind if field else ""
    if name == mapping.EMPLOYMENT or kind == "employment":
        return job_text(employment.structured(value)) or value
    if name == "address" or kind == "address":
        return parts_text(value)
    if kind == "choice" and field:
        return next((str(choice["value"]) for choice in field.choices if choice["id"] == value), value)
    if kind == "user":
        return members.get(value, value)
    if kind == "boolean":
        return {"true": _("Yes"), "false": _("No")}.get(value.lower(), value)
    if kind == "number":
        return number_text(value, field.presentation if field else {})
    if kind == "datetime" or name == "birthday":
        return day_text(value)
    if kind == "attachment":
        return _("A file, kept in Nimble")
    return address_text(employment.structured(value)) or value


def job_text(job: Mapping[str, Any]) -> str:
    """An employment in one line: title, company, from, until."""
    title, company = (str(job.get(part) or "").strip() for part in ("title", "company_name"))
    what = _("{title} at {company}").format(title=title, company=company) if title and company else title or company
    start, end = str(job.get("start_date") or ""), str(job.get("end_date") or "") if employment.ended(job) else ""
    if start and end:
        span = f"{start} – {end}"
    elif start:
        span = _("since {start}").format(start=start)
    else:
        span = _("until {end}").format(end=end) if end else ""
    return f"{what} ({span})" if what and span else what or span


def address_text(address: Mapping[str, Any]) -> str:
    """An address as the lines of an envelope; parts that nobody has heard of come last."""
    part = {key: str(value).strip() for key, value in address.items() if value not in (None, "") and str(value).strip()}
    town = " ".join(part[key] for key in ("zip", "city") if key in part)
    rest = [f"{key}: {value}" for key, value in part.items() if key not in ADDRESS]
    lines = [part.get("street", ""), town, part.get("state", ""), part.get("country", ""), *rest]
    return "\n".join(line for line in lines if line)


def parts_text(value: Any) -> str:
    """A value of a kind that nobody has heard of: by its parts, where it has some."""
    parts = employment.structured(value)
    return address_text(parts) if parts.keys() & set(ADDRESS) else words.plain(parts or value)


def number_text(value: str, presentation: Mapping[str, Any]) -> str:
    """A number in the reader's notation, as money or as a share where the metadata says so."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return value
    if presentation.get("number_type") == "financial":
        return formats.money(number, str(presentation.get("currency") or ""))
    text = formats.money(number, "")
    return f"{text} %" if presentation.get("number_type") == "percentage" else text


def day_text(value: str) -> str:
    """A day; of a birthday the year may be missing."""
    day = when.day(value)
    if day:
        return formats.day(day)
    found = YEARLESS.match(value.strip())
    try:
        return formats.day_of_any_year(date(2000, int(found[1]), int(found[2]))) if found else value
    except ValueError:
        return value


def link(name: str, value: str) -> str:
    """Where a value leads: an e-mail, a phone number, a web address; "" for anything else."""
    value = value.strip()
    if name == "email":
        return f"mailto:{quote(value, safe='@+')}" if re.fullmatch(r"[^@\s]+@[^@\s]+", value) else ""
    if name == "phone":
        digits = re.sub(r"[^\d+]", "", re.split(r"(?i)\s*(?:ext|x)\b", value)[0])
        return f"tel:{digits}" if len(digits) >= 3 else ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in ("http", "https") and parts.netloc and not re.search(r"\s", value) else ""
