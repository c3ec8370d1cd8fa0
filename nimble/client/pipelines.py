"""Pipelines, with their stages, lost reasons and fields. Every write answers with the pipeline or the fields anew."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nimble.client.calls import Calls
from nimble.errors import BadAnswer
from nimble.transport import Denied, refuse_denied, segment

PIPELINES = "/api/v2/deals/pipelines/"


def _path(*parts: str) -> str:
    """A pipeline's address, or that of something in it: ids and fixed words in turn."""
    return PIPELINES + "/".join(segment(part) for part in parts)


class PipelineCalls(Calls):
    # list-deals-pipelines
    def pipelines(self) -> dict[str, Any]:
        return self.call("list-deals-pipelines", "GET", "/api/v2/deals/pipelines")

    # get-deals-pipeline
    def pipeline(self, pipeline_id: str) -> dict[str, Any]:
        return self.call("get-deals-pipeline", "GET", _path(pipeline_id))

    # list-pipeline-deals-by-stages
    def pipeline_deals(
        self, pipeline_id: str, *, sort: str = "created:asc", limit: int = 100, stage_id: str | None = None
    ) -> dict[str, Any]:
        """The first deals of each stage; each stage's `meta.next_page_url` leads to its rest."""
        params = {"sort": sort, "limit": limit, "stage_id": stage_id}
        path = _path(pipeline_id, "deals")
        return self.call("list-pipeline-deals-by-stages", "GET", path, params=params)

    # list-pipeline-deals-by-stages
    def next_page(self, next_page_url: str) -> dict[str, Any]:
        """Follows `next_page_url`, absolute or relative: its path and query only, the host it names is ignored."""
        operation = "list-pipeline-deals-by-stages"
        try:
            parts = urlsplit(next_page_url)
            if not parts.path.startswith(PIPELINES):
                raise Denied("next_page_url leads elsewhere")
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            refuse_denied("GET", path)
        except ValueError:
            error = BadAnswer("Nimble's link to the next page leads elsewhere.", operation=operation)
            error.ambiguous = False
            raise error from None
        return self.call(operation, "GET", path)

    # list-all-user-deals-fields
    def deal_fields(self) -> dict[str, Any]:
        return self.call("list-all-user-deals-fields", "GET", "/api/v2/deals/fields")

    # list-pipeline-deals-by-owner
    def deals_by_owner(self, pipeline_id: str, *, sort: str = "created:asc", limit: int = 100) -> dict[str, Any]:
        """The first deals of each owner, with Nimble's sums."""
        params = {"sort": sort, "limit": limit}
        return self.call("list-pipeline-deals-by-owner", "GET", _path(pipeline_id, "owners"), params=params)

    # post-deals-pipelines
    def create_pipeline(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-deals-pipelines", "POST", PIPELINES.rstrip("/"), body=body)

    # put-deals-pipeline
    def update_pipeline(self, pipeline_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`name`, `description`, `color`: Nimble changes nothing else of a pipeline."""
        return self.call("put-deals-pipeline", "PUT", _path(pipeline_id), body=body)

    # delete-deals-pipeline
    def delete_pipeline(self, pipeline_id: str) -> dict[str, Any]:
        """Deletes all of its deals, too."""
        return self.call("delete-deals-pipeline", "DELETE", _path(pipeline_id))

    # mark-deals-pipeline-archived
    def archive_pipeline(self, pipeline_id: str) -> dict[str, Any]:
        return self.call("mark-deals-pipeline-archived", "POST", _path(pipeline_id, "archive"))

    # mark-deals-pipeline-unarchived
    def unarchive_pipeline(self, pipeline_id: str) -> dict[str, Any]:
        return self.call("mark-deals-pipeline-unarchived", "POST", _path(pipeline_id, "unarchive"))

    # post-deals-pipeline-lost-reason
    def add_lost_reason(self, pipeline_id: str, reason: str) -> dict[str, Any]:
        """Nimble neither renames nor removes one."""
        path = _path(pipeline_id, "lost_reasons")
        return self.call("post-deals-pipeline-lost-reason", "POST", path, body={"reason": reason})

    # post-deals-pipeline-stage
    def create_stage(self, pipeline_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-deals-pipeline-stage", "POST", _path(pipeline_id, "stages"), body=body)

    # put-deals-pipeline-stage
    def update_stage(self, pipeline_id: str, stage_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-deals-pipeline-stage", "PUT", _path(pipeline_id, "stages", stage_id), body=body)

    # mark-deals-pipeline-stage-archived
    def archive_stage(self, pipeline_id: str, stage_id: str) -> dict[str, Any]:
        """For good: no operation takes it back."""
        return self.call("mark-deals-pipeline-stage-archived", "DELETE", _path(pipeline_id, "stages", stage_id))

    # post-deals-pipeline-field
    def create_deal_field(self, pipeline_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-deals-pipeline-field", "POST", _path(pipeline_id, "fields"), body=body)

    # put-deals-pipeline-field
    def update_deal_field(self, pipeline_id: str, field_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-deals-pipeline-field", "PUT", _path(pipeline_id, "fields", field_id), body=body)

    # delete-deals-pipeline-field
    def delete_deal_field(self, pipeline_id: str, field_id: str, *, preflight: bool) -> dict[str, Any]:
        """`preflight`: refuse (406) and say how many deals have a value, instead of deleting."""
        path, body = _path(pipeline_id, "fields", field_id), {"preflight_checks": preflight}
        return self.call("delete-deals-pipeline-field", "DELETE", path, body=body)

    # post-deals-pipeline-field-choice
    def create_choice(self, pipeline_id: str, field_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        path = _path(pipeline_id, "fields", field_id, "choices")
        return self.call("post-deals-pipeline-field-choice", "POST", path, body=body)

    # put-deals-pipeline-field-choice
    def update_choice(self, pipeline_id: str, field_id: str, choice_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        path = _path(pipeline_id, "fields", field_id, "choices", choice_id)
        return self.call("put-deals-pipeline-field-choice", "PUT", path, body=body)

    # delete-deals-pipeline-field-choice
    def delete_choice(self, pipeline_id: str, field_id: str, choice_id: str, *, preflight: bool) -> dict[str, Any]:
        path = _path(pipeline_id, "fields", field_id, "choices", choice_id)
        body = {"preflight_checks": preflight}
        return self.call("delete-deals-pipeline-field-choice", "DELETE", path, body=body)

    # post-deals-pipeline-group
    def create_field_group(self, pipeline_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-deals-pipeline-group", "POST", _path(pipeline_id, "groups"), body=body)

    # put-deals-pipeline-fields-group
    def update_field_group(self, pipeline_id: str, group_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-deals-pipeline-fields-group", "PUT", _path(pipeline_id, "groups", group_id), body=body)

    # delete-deals-pipeline-fields-group
    def delete_field_group(self, pipeline_id: str, group_id: str) -> dict[str, Any]:
        return self.call("delete-deals-pipeline-fields-group", "DELETE", _path(pipeline_id, "groups", group_id))
