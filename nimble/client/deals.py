"""Deals, their pipelines, fields and notes."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nimble.client.calls import Calls
from nimble.errors import BadAnswer
from nimble.transport import Denied, refuse_denied, segment

PIPELINES = "/api/v2/deals/pipelines/"


class DealCalls(Calls):
    # list-user-deals
    def deals(self, *, sort: str = "updated:desc", limit: int = 50, page: int | None = None) -> dict[str, Any]:
        """`page` is not published: whether it is honoured shows in the answer's `meta`."""
        return self.call("list-user-deals", "GET", "/api/v2/deals", params={"sort": sort, "limit": limit, "page": page})

    # get-deal
    def deal(self, deal_id: str) -> dict[str, Any]:
        return self.call("get-deal", "GET", f"/api/v2/deals/{segment(deal_id)}")

    # create-new-deal
    def create_deal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("create-new-deal", "POST", "/api/v2/deals", body=body)

    # put-deal
    def update_deal(self, deal_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-deal", "PUT", f"/api/v2/deals/{segment(deal_id)}", body=body)

    # delete-deal
    def delete_deal(self, deal_id: str) -> dict[str, Any]:
        return self.call("delete-deal", "DELETE", f"/api/v2/deals/{segment(deal_id)}")

    # list-deals-pipelines
    def pipelines(self) -> dict[str, Any]:
        return self.call("list-deals-pipelines", "GET", "/api/v2/deals/pipelines")

    # get-deals-pipeline
    def pipeline(self, pipeline_id: str) -> dict[str, Any]:
        return self.call("get-deals-pipeline", "GET", f"{PIPELINES}{segment(pipeline_id)}")

    # list-pipeline-deals-by-stages
    def pipeline_deals(
        self, pipeline_id: str, *, sort: str = "created:asc", limit: int = 100, stage_id: str | None = None
    ) -> dict[str, Any]:
        """The first deals of each stage; each stage's `meta.next_page_url` leads to its rest."""
        params = {"sort": sort, "limit": limit, "stage_id": stage_id}
        path = f"{PIPELINES}{segment(pipeline_id)}/deals"
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

    # create-deal-note
    def create_deal_note(self, deal_id: str, *, title: str, body: str) -> dict[str, Any]:
        path = f"/api/v2/deals/{segment(deal_id)}/notes"
        return self.call("create-deal-note", "POST", path, body={"title": title, "body": body})

    # put-deal-note
    def update_deal_note(self, deal_id: str, note_id: str, *, title: str, body: str) -> dict[str, Any]:
        path = f"/api/v2/deals/{segment(deal_id)}/notes/{segment(note_id)}"
        return self.call("put-deal-note", "PUT", path, body={"title": title, "body": body})

    # delete-deal-note
    def delete_deal_note(self, deal_id: str, note_id: str) -> dict[str, Any]:
        path = f"/api/v2/deals/{segment(deal_id)}/notes/{segment(note_id)}"
        return self.call("delete-deal-note", "DELETE", path)
