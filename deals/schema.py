"""Storing what Nimble says of the fields of deals."""

from collections.abc import Mapping, Sequence
from typing import Any

from deals import mapping, metadata
from deals.models import DealField


def store_fields(workspace_id: int, fields: Sequence[Mapping[str, Any]], first: int = 0) -> None:
    """Insert or update fields as `metadata.fields` gives them; `first` is the place of the first one."""
    DealField.objects.bulk_create(
        {
            field["id"]: DealField(
                workspace_id=workspace_id,
                field_id=field["id"][:64],
                pipeline_nimble_id=field["pipeline"],
                name=field["name"][:255],
                kind=field["kind"][:30],
                choices=field["choices"],
                presentation=field["presentation"],
                multiples=field["multiples"],
                is_standard=field["is_standard"],
                read_only=field["read_only"],
                group=field["group"][:255],
                tab=field["tab"][:255],
                position=position,
            )
            for position, field in enumerate(fields, start=first)
        }.values(),
        update_conflicts=True,
        unique_fields=["workspace", "field_id"],
        update_fields=[
            "pipeline_nimble_id", "name", "kind", "choices", "presentation", "multiples", "is_standard",
            "read_only", "group", "tab", "position",
        ],
    )  # fmt: skip


def store_own_fields(workspace_id: int, pipeline: Mapping[str, Any]) -> None:
    """The fields of one pipeline, out of the pipeline itself; one that tells of no tabs says nothing of its fields."""
    if not isinstance(pipeline.get("tabs"), list):
        return
    listed = metadata.fields({"pipelines_tabs": mapping.listed(pipeline.get("tabs"))})
    known = DealField.objects.filter(workspace_id=workspace_id, pipeline_nimble_id=pipeline["pipeline_id"])
    first = known.order_by("position").values_list("position", flat=True).first()
    known.exclude(field_id__in=[one["id"] for one in listed]).delete()
    own = [{**one, "pipeline": one["pipeline"] or pipeline["pipeline_id"]} for one in listed]
    store_fields(workspace_id, own, first=first or DealField.objects.filter(workspace_id=workspace_id).count())
