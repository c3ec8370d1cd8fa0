"""Saving what Nimble says of pipelines: their stages and lost reasons."""

from typing import Any

from django.utils.translation import gettext_lazy

from deals import mapping, metadata, queries
from deals.models import LostReason, Pipeline, PipelineSight, Stage
from sync import when
from sync.resource import Parsed, Resource, Unstorable


class Pipelines(Resource):
    kind = "pipeline"
    title_of_kind = gettext_lazy("Pipeline")
    is_edited = False
    model = Pipeline
    sight = PipelineSight

    def parse(self, payload: dict[str, Any]) -> Parsed:
        if not isinstance(payload.get("pipeline_id"), str):
            raise Unstorable("pipeline_id is missing")
        return Parsed(payload["pipeline_id"], payload, {})

    def values(self, remote: dict[str, Any]) -> dict[str, Any]:
        return {name: remote.get(name) for name in ("name", "description", "color", "archived_at")}

    def columns(self, remote: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": mapping.text(values.get("name"))[:255],
            "description": mapping.text(values.get("description")),
            "color": mapping.text(values.get("color"))[:30],
            "is_default": bool(remote.get("is_default")),
            "default_currency": mapping.text(remote.get("default_currency"))[:3],
            "archived_at": when.moment(values.get("archived_at")),
        }

    def saved(self, rows: dict[int, dict[str, Any]]) -> None:
        for pk, remote in rows.items():
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

    def for_user(self, user: Any) -> Any:
        return queries.pipelines(user)

    def url(self, row: Pipeline) -> str:
        return row.get_absolute_url()
