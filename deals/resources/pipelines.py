"""Saving what Nimble says of pipelines, and sending one edit of a pipeline or of one of its parts."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy

from deals import checks, mapping, metadata, queries
from deals.models import BoardDisplay, Deal, LostReason, Pipeline, PipelineSight, SavedView, Stage
from deals.pipelines import lasting, sending, words
from deals.pipelines.editor import Attributes
from deals.pipelines.parts import values
from deals.schema import store_own_fields
from nimble.client import Client
from nimble.models import Connection
from sync import events, twins, when
from sync.merge import Rule, set_of
from sync.models import Edit
from sync.resource import Editor, Found, Parsed, Resource, Unstorable


class Pipelines(Resource):
    kind = "pipeline"
    title_of_kind = gettext_lazy("Pipeline")
    model = Pipeline
    sight = PipelineSight

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("pipeline_id"), str):
            raise Unstorable("pipeline_id is missing")
        return Parsed(payload["pipeline_id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return values(remote)

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        # Archived here, and not in Nimble yet: since now.
        archived_at = when.moment(remote.get("archived_at")) or timezone.now()
        return {
            "name": mapping.text(values.get("name"))[:255],
            "description": mapping.text(values.get("description")),
            "color": mapping.text(values.get("color"))[:30],
            "is_default": bool(remote.get("is_default")),
            "default_currency": mapping.text(values.get("default_currency"))[:3],
            "archived_at": archived_at if values.get("archived") else None,
        }

    def rules(self, row: Pipeline, names: Iterable[str]) -> dict[str, Rule]:
        return {name: set_of() for name in names if name.startswith("order:")}

    def last_touch(self, payload: dict[str, Any]) -> dict[str, str]:
        return super().last_touch({**payload, "updated_by": mapping.user_id(payload.get("updated_by"))})

    def candidate(self, payload: dict[str, Any]) -> dict[str, str]:
        known = {**payload, "id": payload.get("pipeline_id"), "creator": mapping.user_id(payload.get("creator"))}
        return {**super().candidate(known), "title": mapping.text(payload.get("name"))}

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        companies = dict(Pipeline.objects.filter(pk__in=rows).values_list("pk", "workspace_id"))
        for pk, remote in rows.items():
            store_own_fields(companies[pk], remote)
            stages = [stage for stage in mapping.listed(remote.get("stages")) if mapping.stage_id(stage)]
            for position, stage in enumerate(stages):
                role, final = metadata.role(stage)
                Stage.objects.update_or_create(
                    pipeline_id=pk,
                    nimble_id=stage["stage_id"][:64],
                    defaults={
                        "name": mapping.text(stage.get("name"))[:255],
                        "description": mapping.text(stage.get("description")),
                        "position": position,
                        "role": role,
                        "is_final": final,
                        "default_probability": mapping.percent(stage.get("default_probability")),
                        "expected_days": mapping.days(stage.get("expected_days")),
                        "archived_at": when.moment(stage.get("archived_at")),
                    },
                )
            listed = [one for one in mapping.listed(remote.get("lost_reasons")) if isinstance(one, dict)]
            reasons = {mapping.text(one.get("id"))[:64]: mapping.text(one.get("text")) for one in listed}
            reasons.pop("", None)
            LostReason.objects.filter(pipeline_id=pk).exclude(nimble_id__in=reasons).delete()
            for nimble_id, text in reasons.items():
                LostReason.objects.update_or_create(pipeline_id=pk, nimble_id=nimble_id, defaults={"text": text[:256]})

    # --- sending ---

    def fetch(self, client: Client, row: Pipeline) -> dict[str, Any]:
        return client.pipeline(row.known_id)

    def made(self, wanted: Mapping[str, Any], current: Mapping[str, Any]) -> bool | None:
        return sending.made(wanted, current)

    def update(
        self, client: Client, row: Pipeline, send: dict[str, Any], current: dict[str, Any] | None
    ) -> dict[str, Any]:
        """One operation, and the pipeline as it is then."""
        changes = {name: value for name, value in send.items() if name not in sending.MADE_WITH}
        sending.send(client, row.known_id, changes, current or row.remote)
        return client.pipeline(row.known_id)

    def create(self, client: Client, row: Pipeline, values: dict[str, Any]) -> dict[str, Any]:
        return client.create_pipeline(sending.creation(values))

    def look_up(self, client: Client, row: Pipeline, edit: Edit) -> Found:
        """By author, time and name."""
        listed = [one for one in mapping.listed(client.pipelines().get("pipelines")) if isinstance(one, dict)]
        known = {one.get("pipeline_id"): one for one in listed}
        since = (edit.sent_at or edit.created_at) - timedelta(minutes=5)
        own = [
            known[one["id"]]
            for one in twins.possible(row, [{"id": pipeline_id} for pipeline_id in known])
            if mapping.user_id(known[one["id"]].get("creator")) == edit.connection.nimble_user_id
            and (when.moment(known[one["id"]].get("created")) or since) >= since
            and known[one["id"]].get("name") == edit.fields["name"]["new"]
        ]
        return Found(payload=own[0]) if len(own) == 1 else Found(candidates=own)

    def delete(self, client: Client, row: Pipeline) -> None:
        client.delete_pipeline(row.known_id)

    def removed(self, row: Pipeline, at: datetime) -> None:
        """Nimble deletes all of its deals with it: no listing need miss them first, one after the other. Not those that
        were to be moved to it or made in it, and had not been.
        """
        there = {"remote__stage_transitions__pipeline_id": row.nimble_id}
        deals = Deal.objects.filter(workspace_id=row.workspace_id, nimble_id__isnull=False, gone_at=None, **there)
        pks = list(deals.values_list("pk", flat=True))
        deals.update(gone_at=at, fetched_at=at)
        events.note(row.workspace_id, Deal.kind, pks)

    def join(self, twin: Pipeline, row: Pipeline) -> None:
        twin.stages.all().delete()
        twin.lost_reasons.all().delete()
        BoardDisplay.objects.filter(pipeline=twin).update(pipeline=row)
        SavedView.objects.filter(pipeline=twin).update(pipeline=row)

    def lasting(self, edit: Edit) -> str:
        return lasting.reason(edit)

    def hidden(self, connection: Connection, pk: int) -> None:
        checks.forget(connection, pk)

    # --- people ---

    def for_user(self, user: Any) -> Any:
        return queries.pipelines(user)

    def url(self, row: Pipeline) -> str:
        return row.manage_url()

    def nimble_url(self, nimble_id: str) -> str:
        return f"{settings.NIMBLE_BASE_URL}/#app/settings/deals"

    def names(self, workspace_id: int, user: Any) -> words.Names:
        return words.Names(workspace_id)

    def label(self, field: str, names: words.Names) -> str:
        return words.label(field, names)

    def shown(self, field: str, value: Any, names: words.Names, beside: Mapping[str, Any]) -> str:
        return words.shown(field, value, names)

    def editor(self, row: Pipeline, user: Any) -> Editor:
        return Attributes(row)
