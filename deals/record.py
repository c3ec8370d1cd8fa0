"""A deal as its page shows it: Nimble's values with the open edits over them, field by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from contacts import queries as contacts
from deals import currencies, losses, mapping, moves, privacy, queries
from deals.currencies import Currencies
from deals.models import Deal, DealField, DealFile, Overdue, Role, Stage
from deals.queries import Laid
from deals.reading import external, reading
from sync import reasons
from sync.models import Edit, State
from sync.viewer import viewer

# The fields of every deal, in the order of the page, each with the kind of its input.
STANDARD = {
    "name": "string",
    "amount": "amount",
    "currency": "currency",
    "expected_close_date": "datetime",
    "probability": "percent",
    "owner": "user",
    "actual_close_date": "datetime",
    "description": "long_string",
}
# Kinds of custom fields that can be changed here.
EDITABLE = frozenset({"string", "long_string", "choice", "number", "datetime", "boolean", "address", "user"})


@dataclass(frozen=True)
class Row:
    """One field: what it says, how it is edited ("" when it is not), and the edit of it that is not in Nimble yet."""

    name: str
    label: str
    kind: str
    value: Any
    text: str
    can_edit: bool
    edit: Edit | None = None
    field: DealField | None = None

    @property
    def dom_id(self) -> str:
        return "field-" + self.name.replace(":", "-")


class Record:
    """What the pages of one deal need of the database, each read once."""

    def __init__(self, deal: Deal, user: Any) -> None:
        self.deal = deal
        self.user = user

    @cached_property
    def values(self) -> dict[str, Any]:
        return contacts.shown(self.deal)

    @property
    def reader(self) -> str:
        """Who the reader is in Nimble."""
        connection = viewer(self.user)
        return connection.nimble_user_id if connection else ""

    @cached_property
    def edits(self) -> dict[str, Edit]:
        return contacts.unsettled(self.deal, self.user)

    @cached_property
    def changed_files(self) -> list[DealFile]:
        """The files that something was done to here."""
        return list(self.deal.edited_files.all())

    @cached_property
    def currencies(self) -> Currencies:
        """The deal's currencies until now, as its history tells amounts."""
        return currencies.of({self.deal.pk: self.values.get("currency") or ""})[self.deal.pk]

    @cached_property
    def overdue(self) -> Overdue | None:
        """What Nimble told this person to be overdue."""
        return Overdue.objects.filter(deal=self.deal, connection=viewer(self.user)).first()

    @cached_property
    def members(self) -> dict[str, str]:
        return contacts.members(self.user)

    @cached_property
    def known(self) -> Sequence[Laid]:
        return queries.laid_out(self.user)

    @cached_property
    def is_editable(self) -> bool:
        return queries.is_editable(self.deal, self.user)

    @cached_property
    def custom(self) -> dict[str, DealField]:
        """The pipeline's own fields by the name that edits give them, in Nimble's order."""
        own = DealField.of(self.deal.workspace_id, self.deal.pipeline_nimble_id)
        return {mapping.CUSTOM + one.field_id: one for one in own}

    # --- stages ---

    @cached_property
    def laid(self) -> Laid | None:
        """The deal's pipeline with its stages."""
        return next((one for one in self.known if one.pipeline.nimble_id == self.deal.pipeline_nimble_id), None)

    @cached_property
    def stage(self) -> Stage | None:
        stages = self.laid.stages if self.laid else []
        return next((one for one in stages if one.nimble_id == self.deal.stage_nimble_id), None)

    @property
    def usual(self) -> int | None:
        """The probability of a deal here that has none of its own, in percent."""
        return self.stage.default_probability if self.stage else None

    @property
    def steps(self) -> list[tuple[Stage, bool]]:
        """The open stages that a deal goes through, each with whether it lies behind."""
        stages = [s for s in self.laid.stages if not s.is_final and not s.archived_at] if self.laid else []
        return [(s, self._is_behind(s)) for s in stages]

    def _is_behind(self, stage: Stage) -> bool:
        return self.stage is not None and (self.stage.is_final or stage.position < self.stage.position)

    @property
    def finals(self) -> list[Stage]:
        stages = self.laid.stages if self.laid else []
        return [stage for stage in stages if stage.is_final and not stage.archived_at]

    @property
    def reopens_in(self) -> Stage | None:
        """Where a deal that is won or lost goes on: in the stage that it came from, else in the first open one.

        Nimble tells of a move that was made here only when the deal is read again, and not with every answer.
        """
        if self.stage is None or not self.stage.is_final:
            return None
        block = self.deal.remote.get("stage_transitions")
        before = mapping.stage_id(block.get("before_final_stage")) if isinstance(block, dict) else ""
        stages = {stage.nimble_id: stage for stage, _behind in self.steps}
        if before not in stages or "stage" in self.edits:
            before = moves.left_here(self.deal, stages) or before
        return stages.get(before) or next(iter(stages.values()), None)

    @cached_property
    def lost_because(self) -> str:
        """Why it was lost, as it is kept here."""
        if self.stage is None or self.stage.role != Role.LOST:
            return ""
        told = losses.with_reason(Deal.objects.filter(pk=self.deal.pk))
        return str(told.values_list("lost_because", flat=True).first() or "")

    @property
    def asks_reason(self) -> bool:
        return self.laid is not None and self.laid.has_reasons

    # --- fields ---

    def row(self, name: str) -> Row | None:
        """One field as the page shows it; None for what is no field of this deal."""
        edit = self.edits.get(name)
        if name == "tags":
            tags = list(self.values.get("tags") or [])
            return Row(name, _("Tags"), "tags", tags, ", ".join(tags), self.is_editable, edit)
        value = self.values.get(name)
        if name == "privacy":
            text = privacy.text(value, self.members)
            return Row(name, str(queries.LABELS[name]), name, value, text, self.is_editable, edit)
        if name in STANDARD:
            kind = STANDARD[name]
            can_edit = self.is_editable and name not in mapping.READ_ONLY
            text = self.text(kind, value)
            if name == "probability" and not text and self.usual is not None:
                text = _("{n} %, the stage's own").format(n=self.usual)
            return Row(name, str(queries.LABELS[name]), kind, value, text, can_edit, edit)
        field = self.custom.get(name)
        if field is None:
            return None
        can_edit = self.is_editable and not field.read_only and field.kind in EDITABLE
        text = "\n".join(filter(None, (self.text(field.kind, item, field) for item in value or [])))
        return Row(name, field.name, field.kind, value or [], text, can_edit, edit, field)

    @property
    def standard(self) -> list[Row]:
        rows = (self.row(name) for name in STANDARD if name != "description")
        return [row for row in rows if row and (row.text or row.can_edit)]

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """The pipeline's own fields by tab and group, as Nimble lays them out; those that it fills, only where they say
        something.
        """
        tabs = {field.tab for field in self.custom.values()}
        found: dict[str, list[Row]] = {}
        for name, field in self.custom.items():
            row = self.row(name)
            if row and (row.text or row.can_edit):
                named = field.group or field.tab or _("Other")
                # A tab is told only where there is another.
                if len(tabs) > 1 and field.tab and field.group:
                    named = f"{field.tab} · {field.group}"
                found.setdefault(named, []).append(row)
        return list(found.items())

    def text(self, kind: str, value: Any, field: DealField | None = None, *, currency: str | None = None) -> str:
        """A value in the reader's locale; `currency`: that of an amount, where it is not today's."""
        if currency is None:
            currency = str(self.values.get("currency") or "")
        return reading(kind, value, field, currency=currency, members=self.members)

    def label(self, name: str) -> str:
        """What a person calls a field, also one that this deal no longer has."""
        known = self.custom.get(name)
        return known.name if known else str(queries.LABELS.get(name, name.removeprefix(mapping.CUSTOM)))

    def told(self, name: str, value: Any, currency: str) -> str:
        """A value of a field as the history tells it; `currency`: the deal's at that time."""
        if name in ("stage", "pipeline"):
            names = {laid.pipeline.nimble_id: laid.pipeline.name for laid in self.known}
            names |= {stage.nimble_id: stage.name for laid in self.known for stage in laid.stages}
            return names.get(str(value), "") if value else ""
        if name == "tags":
            return ", ".join(str(tag) for tag in value or [])
        if name == "privacy":
            return privacy.text(value, self.members)
        if name == "contacts":
            seen = contacts.by_nimble_id(self.user, [item["id"] for item in value or []])
            told = [(str(seen.get(item["id"]) or _("Private contact")), item["note"]) for item in value or []]
            return ", ".join(f"{who} ({note})" if note else who for who, note in told)
        if name == "external":
            return ", ".join(external(one) for one in value or [])
        known = self.custom.get(name)
        if known or isinstance(value, list):
            items = value if isinstance(value, list) else [value]
            return ", ".join(filter(None, (self.text(known.kind if known else "", item, known) for item in items)))
        return self.text(STANDARD.get(name, ""), value, currency=currency)

    # --- what stands around the fields ---

    @property
    def title(self) -> str:
        return self.deal.name or _("Unnamed")

    @property
    def owner(self) -> str:
        return self.members.get(self.deal.owner_id, "")

    @property
    def nimble_url(self) -> str:
        return f"{settings.NIMBLE_BASE_URL}/#app/deals/view?id={self.deal.nimble_id}" if self.deal.nimble_id else ""

    @property
    def external(self) -> list[dict[str, str]]:
        """People who take part and are no contacts: `info`, `note` and `key` of each."""
        return [{**one, "key": external_key(one["info"])} for one in self.values.get("external") or []]

    @property
    def refused(self) -> dict[str, Edit]:
        """By field, this person's own edits that Nimble refused."""
        return {
            name: edit
            for name, edit in self.edits.items()
            if edit.author_id == self.user.pk
            and edit.operation == Edit.Operation.UPDATE
            and edit.state in (State.REJECTED, State.FAILED)
        }

    def refusals(self, name: str) -> list[str]:
        """Why Nimble refused this person's last edit of a field: at the field, beside it, or in our words."""
        edit = self.refused.get(name)
        if edit is None:
            return []
        by_field, rest = reasons.field_messages(edit)
        reason = reasons.of(edit)
        said = [*by_field.get(name, []), *rest] or [str(reason.text) if reason else ""]
        return [text for text in said if text]


def external_key(info: str) -> str:
    """What an address calls somebody by who is no contact: it tells nothing of them."""
    return blake2b(info.encode(), digest_size=8).hexdigest()
