"""Saving what Nimble says of deals, and sending one edit of them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deals import bulk, creation, currencies, fields, inputs, mapping, moves, privacy, queries
from deals.bodies import edit_body
from deals.models import Deal, DealContact, DealField, DealSight, Stage
from deals.names import Names
from deals.reading import external, reading
from deals.record import STANDARD, Record
from deals.rules import CONTACTS, EXTERNAL, TAGS, Known, rule
from nimble.client import Client
from nimble.models import Connection
from sync import twins
from sync.merge import Rule
from sync.models import Edit
from sync.resource import Audience, Editor, Found, Parsed, Resource, Then
from sync.upsert import insert

_standard: dict[str, Any] = {"at": 0.0, "ids": {}}


def standard_ids() -> dict[str, str]:
    """The ids of standard deal fields → their names; ids are unique across companies, so they are kept for a minute."""
    if time.monotonic() - _standard["at"] > 60:
        _standard["ids"] = dict(DealField.objects.filter(is_standard=True).values_list("field_id", "name"))
        _standard["at"] = time.monotonic()
    return _standard["ids"]


def forget_standard_ids() -> None:
    """After the metadata was stored anew."""
    _standard["at"] = 0.0


class Deals(Resource):
    kind = "deal"
    title_of_kind = gettext_lazy("Deal")
    recreatable = True
    model = Deal
    sight = DealSight
    volatile = frozenset({"age_in_days", "final_probability", "related_contacts_names"})
    references = frozenset({"stage", "pipeline", "owner", "privacy"})

    def parse(self, payload: dict[str, Any]) -> Parsed:
        return Parsed(*mapping.split(payload))

    def keep(self, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        """Only a listing by stage says the stage outright: other answers say it through their transitions."""
        if mapping.LISTED_STAGE in new:
            return new
        stage = mapping.current_stage(new) or mapping.current_stage(old)
        return {**new, mapping.LISTED_STAGE: stage} if stage else new

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return mapping.values(remote, standard_ids())

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return mapping.columns(remote, values)

    def rules(self, row: Deal, names: Iterable[str]) -> dict[str, Rule]:
        own = {name: name.removeprefix(mapping.CUSTOM) for name in names if name.startswith(mapping.CUSTOM)}
        told = DealField.objects.filter(workspace_id=row.workspace_id, field_id__in=own.values())
        known = {
            one: Known(kind, multiples) for one, kind, multiples in told.values_list("field_id", "kind", "multiples")
        }
        return {"tags": TAGS, "contacts": CONTACTS, "external": EXTERNAL} | {
            name: rule(known.get(one)) for name, one in own.items()
        }

    def audience(self, remote: dict[str, Any]) -> Audience | None:
        users, groups, private = mapping.privacy(remote)
        return (
            Audience(frozenset([*users, mapping.user_id(remote.get("owner"))]), frozenset(groups)) if private else None
        )

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        DealContact.objects.filter(deal_id__in=rows).delete()
        related = [
            {"deal_id": pk, "contact_nimble_id": item["id"][:64], "note": item["note"], "position": position}
            for pk, remote in rows.items()
            for position, item in enumerate(mapping.related_contacts(remote))
        ]
        insert(DealContact, related)
        moves.keep(rows)

    def fetch(self, client: Client, row: Deal) -> dict[str, Any]:
        return client.deal(row.known_id)

    def update(self, client: Client, row: Deal, send: dict[str, Any], current: dict[str, Any] | None) -> dict[str, Any]:
        answer = client.update_deal(row.known_id, edit_body(self._with_pipeline(row, send, current), current))
        if send.get("stage") and not mapping.current_stage(answer):
            # Without transitions the answer names no stage, and what was stored before would bring the old one back.
            return {**answer, mapping.LISTED_STAGE: send["stage"]}
        return answer

    def _with_pipeline(self, row: Deal, send: dict[str, Any], current: dict[str, Any] | None) -> dict[str, Any]:
        """A stage means something in its own pipeline only, and the move that was to bring the deal there before this
        one may have been refused.
        """
        if not send.get("stage") or send.get("pipeline"):
            return send
        stages = Stage.objects.filter(nimble_id=send["stage"], pipeline__workspace_id=row.workspace_id)
        own = stages.values_list("pipeline__nimble_id", flat=True).first()
        there = mapping.pipeline_of(current or {})
        return {**send, "pipeline": own} if own and there and own != there else send

    def create(self, client: Client, row: Deal, values: dict[str, Any]) -> dict[str, Any]:
        made = client.create_deal(creation.body(values, row.remote, row.owner_in_nimble))
        stage = values.get("stage") or mapping.current_stage(row.remote)
        return made if mapping.current_stage(made) else {**made, mapping.LISTED_STAGE: stage}

    def look_up(self, client: Client, row: Deal, edit: Edit) -> Found:
        """By author, time, name and amount, among the deals that changed last."""
        listed = twins.possible(row, client.deals(sort="updated:desc", limit=100)["resources"])
        since = (edit.sent_at or edit.created_at) - timedelta(minutes=5)
        wanted = {name: change["new"] for name, change in edit.fields.items()}
        return creation.found(listed, wanted, author=edit.connection.nimble_user_id, since=since)

    def last_touch(self, payload: dict[str, Any]) -> dict[str, str]:
        return super().last_touch({**payload, "updated_by": mapping.user_id(payload.get("updated_by"))})

    def candidate(self, payload: dict[str, Any]) -> dict[str, str]:
        known = super().candidate({**payload, "creator": mapping.user_id(payload.get("creator"))})
        return {**known, "title": str(self.values(payload).get("name") or "")}

    def successor(self, row: Deal, connection: Connection) -> Deal:
        return Deal(workspace_id=row.workspace_id, remote=creation.legacy(row.remote))

    def relink(self, old: Deal, new: Deal) -> None:
        """The contacts that take part; and what was written on the old one, which went with it in Nimble."""
        self.saved({new.pk: new.remote})
        for note in old.notes.filter(gone_at=None, removed=False):
            note.pk, note.nimble_id, note.deal = None, None, new
            note.save(force_insert=True)

    def join(self, twin: Deal, row: Deal) -> None:
        for beside in (twin.notes, twin.edited_files, twin.tasks):
            beside.update(deal=row)
        twin.related.all().delete()
        twin.moves.all().delete()

    def nimble_url(self, nimble_id: str) -> str:
        return f"{settings.NIMBLE_BASE_URL}/#app/deals/view?id={quote(nimble_id, safe='')}"

    def delete(self, client: Client, row: Deal) -> None:
        client.delete_deal(row.known_id)

    def change_one(self, pk: int, asked: dict[str, Any], *, author: Any) -> Edit | None:
        return bulk.change_one(pk, asked, author=author)

    def wish(self, asked: dict[str, Any], names: Names) -> str:
        return bulk.wish(asked, names)

    def for_user(self, user: Any) -> Any:
        """With those that are being deleted: their page says so, and lets it be taken back."""
        return queries.for_user(user, leaving=True)

    def typed_title(self, values: dict[str, Any]) -> str:
        return str(values.get("name") or "")

    def url(self, row: Deal) -> str:
        return row.get_absolute_url()

    def names(self, workspace_id: int, user: Any) -> Names:
        return Names(workspace_id, user)

    def label(self, field: str, names: Names) -> str:
        if field.startswith(mapping.CUSTOM):
            known = names.fields.get(field.removeprefix(mapping.CUSTOM))
            return known.name if known else field
        return str(queries.LABELS.get(field, field))

    def shown(self, field: str, value: Any, names: Names, beside: Mapping[str, Any]) -> str:
        if field == "contacts":
            # Not their names: who reads this may not see all of them.
            return ngettext("%d contact", "%d contacts", len(value or [])) % len(value or [])
        if field == "external":
            return "\n".join(external(one) for one in value or [])
        if field == "privacy":
            return privacy.text(value, names.members)
        if field in ("stage", "pipeline"):
            if field == "pipeline":
                return names.pipelines.get(str(value), "")
            return names.stages.get(str(value), _("A stage that you do not see")) if value else ""
        known = names.fields.get(field.removeprefix(mapping.CUSTOM)) if field.startswith(mapping.CUSTOM) else None
        kind = known.kind if known else STANDARD.get(field, "")
        members = names.members if kind == "user" else {}
        currency = str(beside.get("currency") or "")
        items = value if isinstance(value, list) else [value]
        texts = (reading(kind, one, known, currency=currency, members=members) for one in items)
        return "\n".join(text for text in texts if text)

    def beside(self, row: Deal) -> dict[str, Any]:
        return {"currency": row.currency}

    def beside_then(self, edits: Sequence[Edit], rows: Mapping[int, Deal]) -> dict[int, Then]:
        told = [edit for edit in edits if "amount" in edit.fields and "currency" not in edit.fields]
        told = [edit for edit in told if edit.record_id in rows]
        if not told:
            return {}
        known = currencies.of({edit.record_id: rows[edit.record_id].currency for edit in told})
        then = {edit.pk: (known[edit.record_id], currencies.moment(edit)) for edit in told}
        return {pk: Then({"currency": own.before(at)}, {"currency": own.after(at)}) for pk, (own, at) in then.items()}

    def editor(self, row: Deal, user: Any) -> Editor:
        record = Record(row, user)

        def form(field: str, *, begun: Any, prefix: str, data: Any = None) -> fields.FieldForm | None:
            found = record.row(field)
            if found is None or not found.can_edit:
                return None
            return fields.form_of(record, found, data, "" if begun is None else begun, prefix)

        return form

    def as_typed(self, field: str, text: str) -> str:
        return inputs.as_text(STANDARD.get(field, ""), text)

    def parse_typed(self, field: str, text: str, row: Deal) -> Any:
        if field == "name" and not 0 < len(text) <= inputs.LIMITS["name"]:
            raise ValueError(_("A deal needs a name of at most 500 characters."))
        kind = STANDARD.get(field, "")
        if field.startswith(mapping.CUSTOM):
            known = DealField.objects.filter(workspace_id=row.workspace_id)
            found = known.filter(field_id=field.removeprefix(mapping.CUSTOM)).first()
            kind = found.kind if found else ""
        try:
            return inputs.parsed(kind, text) if text else None
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from None
