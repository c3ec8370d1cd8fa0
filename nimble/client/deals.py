"""Deals, and what hangs on them: notes, files, tags, activities."""

from collections.abc import Mapping
from typing import Any

from nimble.client.calls import Calls
from nimble.transport import segment

DEALS = "/api/v2/deals"


class DealCalls(Calls):
    # list-user-deals
    def deals(self, *, sort: str = "updated:desc", limit: int = 50, page: int | None = None) -> dict[str, Any]:
        """`page` is not published: whether it is honoured shows in the answer's `meta`."""
        return self.call("list-user-deals", "GET", DEALS, params={"sort": sort, "limit": limit, "page": page})

    # get-deal
    def deal(self, deal_id: str) -> dict[str, Any]:
        return self.call("get-deal", "GET", f"{DEALS}/{segment(deal_id)}")

    # create-new-deal
    def create_deal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("create-new-deal", "POST", DEALS, body=body)

    # put-deal
    def update_deal(self, deal_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("put-deal", "PUT", f"{DEALS}/{segment(deal_id)}", body=body)

    # delete-deal
    def delete_deal(self, deal_id: str) -> dict[str, Any]:
        return self.call("delete-deal", "DELETE", f"{DEALS}/{segment(deal_id)}")

    # create-deal-note
    def create_deal_note(self, deal_id: str, *, title: str, body: str) -> dict[str, Any]:
        path = f"{DEALS}/{segment(deal_id)}/notes"
        return self.call("create-deal-note", "POST", path, body={"title": title, "body": body})

    # put-deal-note
    def update_deal_note(self, deal_id: str, note_id: str, *, title: str, body: str) -> dict[str, Any]:
        path = f"{DEALS}/{segment(deal_id)}/notes/{segment(note_id)}"
        return self.call("put-deal-note", "PUT", path, body={"title": title, "body": body})

    # delete-deal-note
    def delete_deal_note(self, deal_id: str, note_id: str) -> dict[str, Any]:
        path = f"{DEALS}/{segment(deal_id)}/notes/{segment(note_id)}"
        return self.call("delete-deal-note", "DELETE", path)

    # store-deal-file
    def store_deal_file(self, deal_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a file by its link at an external storage; the bytes never pass through here."""
        return self.call("store-deal-file", "POST", f"{DEALS}/{segment(deal_id)}/files", body=body)

    # put-deal-file
    def rename_deal_file(self, deal_id: str, file_id: str, name: str) -> dict[str, Any]:
        """Only of files that were uploaded to Nimble itself."""
        path = f"{DEALS}/{segment(deal_id)}/files/{segment(file_id)}"
        return self.call("put-deal-file", "PUT", path, body={"new_file_name": name})

    # delete-deal-file
    def delete_deal_file(self, deal_id: str, file_id: str) -> dict[str, Any]:
        path = f"{DEALS}/{segment(deal_id)}/files/{segment(file_id)}"
        return self.call("delete-deal-file", "DELETE", path)

    # get-deal-file-download-url
    def deal_file_url(self, deal_id: str, file_id: str) -> dict[str, Any]:
        """`url`: a link that lives for minutes."""
        path = f"{DEALS}/{segment(deal_id)}/files/{segment(file_id)}/url"
        return self.call("get-deal-file-download-url", "GET", path)

    # list-deals-overdue-activities
    def overdue_activities(self, deal_id: str, *, limit: int = 50) -> dict[str, Any]:
        path = f"{DEALS}/{segment(deal_id)}/overdue"
        return self.call("list-deals-overdue-activities", "GET", path, params={"limit": limit})

    # list-deals-tags
    def deal_tags(self, *, starts_with: str | None = None, limit: int = 1000) -> dict[str, Any]:
        params = {"starts_with": starts_with, "limit": limit}
        return self.call("list-deals-tags", "GET", f"{DEALS}/tags", params=params)

    # put-deals-tag
    def rename_deal_tag(self, tag: str, new: str) -> dict[str, Any]:
        """On every deal that has it."""
        return self.call("put-deals-tag", "PUT", f"/api/2/deals/tags/{segment(tag)}", body={"new_tag": new})

    # delete-deals-tag
    def delete_deal_tag(self, tag: str, *, preflight: bool) -> dict[str, Any]:
        """From every deal that has it. `preflight`: refuse (406) where some of those may not be edited."""
        body = {"preflight_checks": preflight}
        return self.call("delete-deals-tag", "DELETE", f"/api/2/deals/tags/{segment(tag)}", body=body)

    # list-column-catalogue
    def column_catalogue(self) -> dict[str, Any]:
        return self.call("list-column-catalogue", "GET", f"{DEALS}/column_catalogue")

    # get-won-last-month-deals-sum
    def won_last_month(self) -> dict[str, Any]:
        """`last_month_won_amount` and `last_month_won_count`, as Nimble counts them."""
        return self.call("get-won-last-month-deals-sum", "GET", f"{DEALS}/widget/won_last_month")
