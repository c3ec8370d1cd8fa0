"""A contact as its page shows it: Nimble's values with the open edits over them, laid out by tab and group."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from contacts import layout, mapping, queries
from contacts.layout import Entry
from contacts.models import Contact, ContactField
from sync.models import Edit

# Kinds of a field that one input edits.
SIMPLE = frozenset({"string", "long_string", "number", "datetime", "boolean", "choice", "user"})
# Employment takes their place; they are shown while they say something else, and never written.
DEPRECATED = (mapping.TITLE, mapping.PARENT)
# There to be filled in even before the metadata is known.
ALWAYS = ("email", "phone", "description")


@dataclass(frozen=True)
class Row:
    """One field: its values, how it is edited ("" when it is not), and the edit of it that is not in Nimble yet."""

    name: str
    label: str
    entries: Sequence[Entry]
    editor: str
    edit: Edit | None = None

    @property
    def dom_id(self) -> str:
        return "field-" + self.name.encode().hex()[:120]

    @property
    def has_links(self) -> bool:
        return any(entry.href for entry in self.entries)


@dataclass
class Group:
    """Fields that Nimble shows together; `empty` are the ones without a value that can be filled in."""

    name: str
    rows: list[Row] = field(default_factory=list)
    empty: list[Row] = field(default_factory=list)


@dataclass
class Tab:
    name: str
    groups: list[Group] = field(default_factory=list)


class Record:
    """What the pages of one contact need of the database, each read once."""

    def __init__(self, contact: Contact, user: Any) -> None:
        self.contact = contact
        self.user = user

    @cached_property
    def values(self) -> dict[str, Any]:
        """Field → list of `{value, modifier}`, and the tags, as they are shown now."""
        return queries.shown(self.contact)

    @cached_property
    def edits(self) -> dict[str, Edit]:
        return queries.unsettled(self.contact, self.user)

    @cached_property
    def known(self) -> dict[str, list[ContactField]]:
        """The metadata by the field's name, in Nimble's order."""
        found: dict[str, list[ContactField]] = {}
        for one in queries.fields(self.contact):
            found.setdefault(one.name, []).append(one)
        return found

    @cached_property
    def members(self) -> dict[str, str]:
        return queries.members(self.user)

    def of(self, name: str) -> list[dict[str, str]]:
        """The present values of a field."""
        return list(self.values.get(mapping.FIELD + name) or [])

    def editor(self, name: str) -> str:
        """How a field is edited: the form's name, or "" for what Nimble or this page does not let anybody change."""
        known = self.known.get(name) or []
        if name == "tags":
            return "tags"
        if name == mapping.EMPLOYMENT:
            return "" if self.contact.is_company else "employment"
        if name in DEPRECATED or any(one.read_only for one in known):
            return ""
        if name in ("email", "phone"):
            return "rows"
        if not known:
            return "value" if name in self.essential else ""
        kind = known[0].kind or "string"
        if kind not in SIMPLE:
            return ""
        several = known[0].multiples or len(known) > 1 or len(self.of(name)) > 1
        return "rows" if several and kind in ("string", "long_string") else "" if several else "value"

    @property
    def essential(self) -> tuple[str, ...]:
        """The fields that are shown whatever the metadata says."""
        names = (mapping.COMPANY,) if self.contact.is_company else (mapping.FIRST, mapping.LAST, mapping.EMPLOYMENT)
        return (*names, *ALWAYS)

    def row(self, name: str) -> Row:
        """One field as the page shows it."""
        known = self.known.get(name) or []
        edit = self.edits.get("tags" if name == "tags" else mapping.FIELD + name)
        if name == "tags":
            shown = [Entry(tag) for tag in self.values.get("tags") or []]
            return Row(name, _("Tags"), shown, "tags", edit)
        shown = layout.entries(name, self.of(name), known, self.members)
        if name == mapping.EMPLOYMENT and not shown:
            title, company = mapping.employment(self.values)
            text = layout.job_text({"title": title, "company_name": company})
            shown = [Entry(text)] if text else []
        return Row(name, layout.label(name, known), shown, self.editor(name), edit)

    def tabs(self) -> list[Tab]:
        """Every field that Nimble sent, and the empty ones that can be filled in, where the metadata puts them."""
        tabs: dict[str, dict[str, Group]] = {}
        missing = [name for name in self.essential if name not in self.known]
        if missing:
            self._place(tabs, "", _("Basic information"), missing)
        for name, known in self.known.items():
            self._place(tabs, known[0].tab, known[0].group or _("Other"), [name])
        sent = (key.removeprefix(mapping.FIELD) for key in self.values if key.startswith(mapping.FIELD))
        last = next(reversed(tabs), "")
        self._place(tabs, last, _("Other"), [name for name in sent if name not in self.known and name not in missing])
        found = []
        for name, groups in tabs.items():
            used = [group for group in groups.values() if group.rows or group.empty]
            found += [Tab(name, used)] if used else []
        return found

    def _place(self, tabs: dict[str, dict[str, Group]], tab: str, group: str, names: Sequence[str]) -> None:
        for name in names:
            if name in DEPRECATED and self._said_elsewhere(name):
                continue
            row = self.row(name)
            place = tabs.setdefault(tab, {}).setdefault(group, Group(group))
            if row.entries or row.edit:
                place.rows.append(row)
            elif row.editor:
                place.empty.append(row)

    def _said_elsewhere(self, name: str) -> bool:
        """Whether the row of the employment says all that a deprecated field says."""
        said = mapping.employment(self.values)[0 if name == mapping.TITLE else 1]
        return not self.contact.is_company and {item["value"] for item in self.of(name)} <= {said, ""}
