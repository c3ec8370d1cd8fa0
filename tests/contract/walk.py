"""One exchange for each operation of the sandbox, and the turns that a product takes: what the contract is held to."""

import secrets
from collections.abc import Callable
from typing import Any

import requests

from tests.sandboxes import SandboxServer

ADA = "ada@lantern-pine.test"
EVE = "eve@lantern-pine.test"
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
        for part in (self.team, self.contacts, self.notes, self.tasks, self.pipelines, self.deals, self.refusals):
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

    def _may_only_read(self, doc: dict[str, Any]) -> bool:
        me, edit = self.sandbox.users[self.user], doc["privacy"]["edit"]
        if doc["company_id"] != me["company_id"] or not self._may_read(doc) or edit is None:
            return False
        granted = me["user_id"] in edit["user_ids"] or set(me["group_ids"]) & set(edit["group_ids"])
        return doc["owner_id"] != me["user_id"] and not granted
