"""One exchange for each operation of the sandbox, and the turns that a product takes: what the contract is held to."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests

from tests.sandboxes import SandboxServer

ADA = "ada@lantern-pine.test"
EVE = "eve@lantern-pine.test"
# A presentation is required of every field, and the prose says that only those of numbers and dates have one.
PLAIN: dict[str, Any] = {}
Exchange = tuple[requests.PreparedRequest, requests.Response]


class Walk:
    """Asks the sandbox everything as one person; remembers each exchange."""

    def __init__(self, sandbox: SandboxServer, user: str = ADA) -> None:
        self.sandbox = sandbox
        self.user = user
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {sandbox.token_for(user)}"
        self.exchanges: list[Exchange] = []

    def call(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        response = self.session.request(method, self.sandbox.url + path, json=body, timeout=30)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text[:500]}"
        self.exchanges.append((response.request, response))
        return response.json() if response.content else None

    def all(self) -> list[Exchange]:
        parts = (self.team, self.contacts, self.notes, self.tasks, self.pipelines, self.fields, self.deals, self.files)
        for part in (*parts, self.tags, self.refusals):
            part()
        return self.exchanges

    def team(self) -> None:
        self.call("GET", "/api/v1/myself")
        on = self.sandbox.state()["switches"]["company_users"] == "on"
        self.call("GET", "/api/v1/company/users", expect=200 if on else 404)

    def contacts(self) -> None:
        contexts = "last_contacted_data,employers_data,leads_data,sequences_data,contact_files"
        listing = self.call("GET", f"/api/v1/contacts?per_page=100&sort=updated:asc&contexts={contexts}")
        query = '{"and": [{"updated": {"range": {"start_datetime": "2025-01-01T00:00:00Z"}}}, {"tag": {"is": "VIP"}}]}'
        self.call("GET", f"/api/v1/contacts?query={query}&sort=updated:desc")
        self.call(
            "GET", "/api/v1/contacts?keyword=a&record_type=person&tags=false&fields=email,Favourite colour\\, 2nd"
        )
        ids = self.call("GET", "/api/v1/contacts/ids?per_page=1000")["resources"]
        self.call("GET", f"/api/v1/contact?id={','.join(ids[:5])}&contexts={contexts}&meta=true")
        one = self.call("GET", f"/api/v1/contact/{listing['resources'][0]['id']}?contexts={contexts}")
        assert one["resources"][0] == listing["resources"][0]
        self.call("GET", "/api/v1/contacts/metadata")
        self.call("GET", "/api/v1/contacts/fields")
        made = self.call("POST", "/api/v1/contact", self.new_person())
        path = f"/api/v1/contact/{made['id']}"
        self.call("PUT", f"{path}?type=1", {"fields": {"phone": [{"value": "+1 555 0100", "modifier": "work"}]}})
        field_id = made["fields"]["email"][0]["field_id"]
        self.call("PUT", f"{path}/field", {"field_id": field_id, "position": 0, "is_primary": True})
        self.call("DELETE", f"{path}/field", {"field_id": field_id, "position": 0, "is_primary": False})
        self.call("PUT", f"/api/v1/contacts/{made['id']}/tags", {"tags": ["one", "two, three"]})
        self.call("DELETE", path)

    def new_person(self) -> dict[str, Any]:
        email = [{"value": "new@example.test", "modifier": "work"}]
        name = [{"value": "New", "modifier": ""}]
        privacy = {"read": None, "edit": {"user_ids": [], "group_ids": []}}
        return {
            "record_type": "person",
            "fields": {"first name": name, "email": email},
            "privacy": privacy,
            "tags": "a,b",
        }

    def seen_contact(self) -> str:
        everyones = [one for one in self.sandbox.objects("contact") if one["readers"] is None and one["fields"]]
        return str(everyones[0]["id"])

    def notes(self) -> None:
        contact_id = self.seen_contact()
        body = {"contact_ids": [contact_id], "note": "<p>Hello</p>", "note_preview": "Hello"}
        made = self.call("POST", "/api/v1/contacts/notes", body, expect=201)
        self.call("POST", f"/api/v1/contacts/notes/{secrets.token_hex(12)}", body, expect=201)
        self.call("POST", f"/api/v1/contacts/{contact_id}/notes", {"note": "Third"}, expect=201)
        self.call("GET", f"/api/v1/contacts/{contact_id}/notes?page=1&per_page=50")
        path = f"/api/v1/contacts/notes/{made['id']}"
        self.call("GET", path)
        self.call("PUT", path, body | {"note": "Changed"})
        self.call("DELETE", path)

    def tasks(self) -> None:
        contact_id = self.seen_contact()
        body = {"subject": "Call", "due_date": "2030-01-01", "related": {"contacts": [contact_id], "deals": []}}
        self.call("POST", "/api/v1/tasks", body, expect=201)
        self.call("GET", "/api/v1/activities?direction=past&limit=5&include_total=true")
        self.call("GET", f"/api/v1/activities?direction=pending&contacts={contact_id}")

    def pipelines(self) -> None:
        pipeline = self.call("GET", "/api/v2/deals/pipelines")["pipelines"][0]
        path = f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}"
        self.call("GET", path)
        self.call("GET", "/api/v2/deals/fields")
        self.call("GET", "/api/v2/deals/column_catalogue")
        self.call("PUT", path, {"name": "Renamed", "description": "New", "color": "#fff"})
        self.call("POST", f"{path}/lost_reasons", {"reason": "Moved away"}, expect=201)
        self.call("POST", f"{path}/lost_reasons", {"reason": "Moved away"}, expect=406)
        stage = {"name": "Extra", "expected_days": 3, "default_probability": 15}
        made = self.call("POST", f"{path}/stages", stage, expect=201)
        stage_id = next(one["stage_id"] for one in made["stages"] if one["name"] == "Extra")
        self.call("PUT", f"{path}/stages/{stage_id}", {"name": "Extra 2"})
        self.call("DELETE", f"{path}/stages/{stage_id}")
        self.call("POST", f"{path}/archive")
        self.call("POST", f"{path}/unarchive")
        self.call("GET", f"{path}/owners?sort=updated:desc&limit=2")
        self.call("GET", "/api/v2/deals/widget/won_last_month")
        made = self.call("POST", "/api/v2/deals/pipelines", self.new_pipeline(), expect=201)
        assert [stage["name"] for stage in made["stages"]] == ["Talking", "Won", "Lost"]
        self.call("DELETE", f"/api/v2/deals/pipelines/{made['pipeline_id']}")

    def new_pipeline(self) -> dict[str, Any]:
        note = {"name": "Notes", "field_type": {"field_kind": "long_string"}, "presentation": PLAIN}
        share = {"name": "Share", "field_type": {"field_kind": "number"}, "presentation": {"number_type": "integer"}}
        day = {"date_format": "%Y-%m-%d", "ignore_specific_time": True}
        since = {"name": "Since", "field_type": {"field_kind": "datetime"}, "presentation": day}
        return {
            "name": "Partners",
            "description": "Those who sell for us",
            "color": "green",
            "lost_reasons": ["Too far"],
            "stages": [{"name": "Talking", "expected_days": 5, "default_probability": 20}],
            "fields_tab_members": [{"group_name": "Reach", "fields": [{**note, "name": "Area"}]}, note, share, since],
            "default_currency": "EUR",
        }

    def fields(self) -> None:
        pipeline = self.call("GET", "/api/v2/deals/pipelines")["pipelines"][0]
        path = f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}"
        known = {one["field_id"] for one in self._own_fields(path)}
        kind = {"field_kind": "choice", "values": {"ordering_type": "ordinal", "values": [{"id": "1", "value": "Low"}]}}
        field = {"name": "Risk", "field_type": kind, "presentation": PLAIN}
        self.call("POST", f"{path}/fields", field, expect=201)
        self.call("POST", f"{path}/fields", field, expect=409)
        field_id = next(one["field_id"] for one in self._own_fields(path) if one["field_id"] not in known)
        self.call("PUT", f"{path}/fields/{field_id}", {"name": "Risk now", "insert_after": None})
        self.call("POST", f"{path}/fields/{field_id}/choices", {"choice": {"id": "2", "value": "High"}}, expect=201)
        choice_id = self._own_field(path, field_id)["field_type"]["values"]["values"][-1]["id"]
        self.call("PUT", f"{path}/fields/{field_id}/choices/{choice_id}", {"value": "Higher"})
        self.call("DELETE", f"{path}/fields/{field_id}/choices/{choice_id}", {"preflight_checks": True})
        used = next(one for one in self.sandbox.objects("deal") if set(one["custom"]) & known)
        taken = next(iter(set(used["custom"]) & known))
        refused = int(self.sandbox.state()["switches"]["field_in_use"])
        self.call("DELETE", f"{path}/fields/{taken}", {"preflight_checks": True}, expect=refused)
        self.call("DELETE", f"{path}/fields/{field_id}", {"preflight_checks": False})
        self.call("POST", f"{path}/groups", {"group_name": "Terms", "logo_id": "default"}, expect=201)
        groups = [one for one in self._members(path) if one["type"] == "group"]
        group = f"{path}/groups/{groups[-1]['group_id']}"
        self.call("PUT", group, {"group_name": "Conditions"})
        self.call("DELETE", group)

    def _members(self, path: str) -> list[dict[str, Any]]:
        return [member for tab in self.call("GET", path)["tabs"] for member in tab["members"]]

    def _own_fields(self, path: str) -> list[dict[str, Any]]:
        inner = [one for member in self._members(path) for one in member.get("fields", [member])]
        return [one["field"] for one in inner]

    def _own_field(self, path: str, field_id: str) -> dict[str, Any]:
        return next(one for one in self._own_fields(path) if one["field_id"] == field_id)

    def tags(self) -> None:
        tag = self.call("GET", "/api/v2/deals/tags?limit=5")["tags"][0]["name"]
        self.call("PUT", f"/api/2/deals/tags/{quote(tag, safe='')}", {"new_tag": "renamed, once"})
        self.call("PUT", "/api/2/deals/tags/unknown", {"new_tag": "x"}, expect=406)
        name = "/api/2/deals/tags/renamed%2C%20once"
        self.call("DELETE", name, {"preflight_checks": False})

    def files(self) -> None:
        deal = next(one for one in self.sandbox.objects("deal") if one["readers"] is None and self._may_edit(one))
        path = f"/api/v2/deals/{deal['id']}"
        link = {"source": "dropbox", "file_url": "https://files.example/offer", "icon_url": "https://files.example/i"}
        sent = {"metadata": link, "file_name": "Offer.pdf", "file_size": 120}
        self.call("POST", f"{path}/files", sent, expect=201)
        self.call("POST", f"{path}/files", {"metadata": {"source": "uploaded_azure", "data_id": "blob"}}, expect=201)
        linked, uploaded = self.call("GET", path)["files"][-2:]
        self.call("PUT", f"{path}/files/{uploaded['file_id']}", {"new_file_name": "Renamed.pdf"})
        self.call("GET", f"{path}/files/{linked['file_id']}/url")
        self.call("DELETE", f"{path}/files/{linked['file_id']}")
        body = {"subject": "Call back", "due_date": "2020-01-01", "related": {"contacts": [], "deals": [deal["id"]]}}
        self.call("POST", "/api/v1/tasks", body, expect=201)
        assert self.call("GET", f"{path}/overdue?limit=5")["activities"][0]["name"] == "Call back"

    def deals(self) -> None:
        self.call("GET", "/api/v2/deals?sort=updated:desc&limit=1000")
        self.call("GET", "/api/v2/deals/tags?limit=5")
        pipelines = self.call("GET", "/api/v2/deals/pipelines")["pipelines"]
        for pipeline in pipelines:
            path = f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}/deals?sort=updated:desc&limit=2"
            for group in self.call("GET", path)["stages"]:
                following = group["meta"]["next_page_url"]
                if following:
                    self.call("GET", following.removeprefix(self.sandbox.url))
        pipeline_id, stages = pipelines[0]["pipeline_id"], pipelines[0]["stages"]
        made = self.call("POST", "/api/v2/deals", self.new_deal(pipeline_id, stages[0]["stage_id"]))
        path = f"/api/v2/deals/{made['deal_id']}"
        self.call("GET", path)
        self.call("PUT", path, {"stage_id": stages[1]["stage_id"], "fields_values": {"amount": [{"value": "7.5"}]}})
        won = next(stage for stage in stages if stage["role"]["is_final"])
        self.call("PUT", path, {"stage_id": won["stage_id"], "tags": ["done"]})
        note = self.call("POST", f"{path}/notes", {"title": "Title", "body": "Body"}, expect=201)
        self.call("PUT", f"{path}/notes/{note['note_id']}", {"title": "Other", "body": None})
        self.call("DELETE", f"{path}/notes/{note['note_id']}")
        self.call("DELETE", path)
        filed = next(one for one in self.sandbox.objects("deal") if one["files"] and one["readers"] is None)
        self.call("GET", f"/api/v2/deals/{filed['id']}")
        self.call("GET", f"/api/v2/deals/{filed['id']}/files/{filed['files'][0]['file_id']}/url")

    def new_deal(self, pipeline_id: str, stage_id: str) -> dict[str, Any]:
        owner = self.sandbox.users[self.user]["user_id"]
        place = {"owner": owner, "owner_id": owner, "pipeline_id": pipeline_id, "stage_id": stage_id}
        return place | {"fields_values": {"name": [{"value": "New"}]}, "currency": "EUR", "tags": ["new"]}

    def refusals(self) -> None:
        """Each kind of error, from operations that publish it and from those that do not."""
        nothing = "0" * 24
        hidden = 403 if self.sandbox.state()["switches"]["hidden_record"] == "403" else 404
        secret = next(one for one in self.sandbox.objects("contact") if not self._may_read(one))
        self.call("GET", f"/api/v1/contact/{secret['id']}", expect=hidden)
        self.call("GET", f"/api/v1/contact/{nothing}", expect=404)
        self.call("DELETE", f"/api/v1/contact/{nothing}", expect=404)
        self.call("GET", f"/api/v2/deals/{nothing}", expect=404)
        self.call("PUT", f"/api/v2/deals/{nothing}", {}, expect=404)
        self.call("POST", "/api/v1/contact", {"fields": {"first name": []}}, expect=409)
        self.call("GET", "/api/v1/contacts?keyword=a&query={}", expect=409)
        self.call("GET", "/api/v2/deals", expect=409)
        locked = next(one for one in self.sandbox.objects("contact") if self._may_only_read(one))
        self.call("PUT", f"/api/v1/contact/{locked['id']}", {"fields": {}}, expect=403)
        self._with_setting(
            "contact_limit", 1, lambda: self.call("POST", "/api/v1/contact", self.new_person(), expect=402)
        )
        for status in (429, 500, 503):
            self.sandbox.fault(status=status, path="/myself", body={"message": "Not now", "code": 107})
            self.call("GET", "/api/v1/myself", expect=status)
        self.sandbox.expire(self.user)
        self.call("GET", "/api/v1/myself", expect=int(self.sandbox.state()["switches"]["dead_token"]))

    def _with_setting(self, name: str, number: float, action: Callable[[], Any]) -> None:
        self.sandbox.set(**{name: number})
        action()
        self.sandbox.set(**{name: 0})

    def _may_read(self, doc: dict[str, Any]) -> bool:
        me = self.sandbox.users[self.user]
        return doc["company_id"] != me["company_id"] or doc["readers"] is None or me["user_id"] in doc["readers"]

    def _may_edit(self, doc: dict[str, Any]) -> bool:
        me = self.sandbox.users[self.user]
        return doc["company_id"] == me["company_id"] and self._may_read(doc) and not self._may_only_read(doc)

    def _may_only_read(self, doc: dict[str, Any]) -> bool:
        me, edit = self.sandbox.users[self.user], doc["privacy"]["edit"]
        if doc["company_id"] != me["company_id"] or not self._may_read(doc) or edit is None:
            return False
        granted = me["user_id"] in edit["user_ids"] or set(me["group_ids"]) & set(edit["group_ids"])
        return doc["owner_id"] != me["user_id"] and not granted
