from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import ADA, EVE, Ask
from tests.sandboxes import SandboxServer

Everyones = Callable[..., dict[str, Any]]


@pytest.fixture
def pipeline(ada: Ask) -> dict[str, Any]:
    return dict(ada("GET", "/api/v2/deals/pipelines").json()["pipelines"][0])


def stage_named(pipeline: dict[str, Any], name: str) -> str:
    return str(next(stage["stage_id"] for stage in pipeline["stages"] if stage["name"] == name))


@pytest.fixture
def create(sandbox: SandboxServer, ada: Ask, pipeline: dict[str, Any]) -> Callable[..., Any]:
    owner = sandbox.users[ADA]["user_id"]

    def make(name: str = "Deal", stage: str = "Qualify", **more: Any) -> Any:
        body = {"owner": owner, "pipeline_id": pipeline["pipeline_id"], "stage_id": stage_named(pipeline, stage)}
        fields = {"name": [{"value": name}]} | more.pop("fields_values", {})
        return ada("POST", "/api/v2/deals", body | {"fields_values": fields} | more)

    return make


def walk(ada: Ask, sandbox: SandboxServer, pipeline_id: str, limit: int) -> dict[str, list[dict[str, Any]]]:
    """Every deal by stage, through `next_page_url`."""
    found: dict[str, list[dict[str, Any]]] = {}
    groups = ada("GET", f"/api/v2/deals/pipelines/{pipeline_id}/deals?sort=updated:asc&limit={limit}").json()["stages"]
    for group in groups:
        deals = found.setdefault(group["stage"]["stage_id"], [])
        while True:
            deals += group["deals"]
            following = group["meta"]["next_page_url"]
            if following is None:
                break
            (group,) = ada("GET", following.removeprefix(sandbox.url)).json()["stages"]
    return found


@pytest.mark.parametrize("position", ["absolute", "relative"])
def test_stage_listings_lead_to_every_deal(
    sandbox: SandboxServer, ada: Ask, pipeline: dict[str, Any], position: str
) -> None:
    sandbox.switch(next_page_url=position)
    pipeline_id = pipeline["pipeline_id"]
    me = sandbox.users[ADA]["user_id"]
    stored = sandbox.objects("deal", pipeline_id=pipeline_id)
    expected = {doc["id"]: doc["stage_id"] for doc in stored if doc["readers"] is None or me in doc["readers"]}
    found = walk(ada, sandbox, pipeline_id, 2)
    assert {deal["deal_id"]: stage for stage, deals in found.items() for deal in deals} == expected
    assert sum(map(len, found.values())) == len(expected)
    listing = ada("GET", f"/api/v2/deals/pipelines/{pipeline_id}/deals?sort=updated:asc&limit=1").json()["stages"]
    links = [one["meta"]["next_page_url"] for one in listing if one["meta"]["next_page_url"]]
    assert {link.startswith("http") for link in links} == {position == "absolute"}


def test_totals_of_a_stage_are_sums_per_currency(sandbox: SandboxServer, ada: Ask, pipeline: dict[str, Any]) -> None:
    me = sandbox.users[ADA]["user_id"]
    listing = ada("GET", f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}/deals?sort=name:asc&limit=1").json()
    for group in listing["stages"]:
        expected: dict[str, float] = {}
        for doc in sandbox.objects("deal", stage_id=group["stage"]["stage_id"]):
            if doc["amount"] is not None and (doc["readers"] is None or me in doc["readers"]):
                expected[doc["currency"]] = expected.get(doc["currency"], 0) + doc["amount"]
        assert {one["currency"]: one["count"] for one in group["meta"]["total_amount"]} == pytest.approx(expected)


def test_all_deals_sorted_without_pages(sandbox: SandboxServer, ada: Ask) -> None:
    first = ada("GET", "/api/v2/deals?sort=updated:desc&limit=5").json()
    ids = [one["deal_id"] for one in first["resources"]]
    stored = sorted(sandbox.objects("deal"), key=lambda doc: -doc["updated"])
    me = sandbox.users[ADA]
    seen = [doc["id"] for doc in stored if doc["company_id"] == me["company_id"]]
    readable = {doc["id"] for doc in stored if doc["readers"] is None or me["user_id"] in doc["readers"]}
    assert ids == [one for one in seen if one in readable][:5]
    assert first["meta"]["page"] == 1
    assert first["meta"]["total"] > 5
    second = ada("GET", "/api/v2/deals?sort=updated:desc&limit=5&page=2").json()
    assert second["resources"] == first["resources"]
    sandbox.switch(deals_page="honoured")
    second = ada("GET", "/api/v2/deals?sort=updated:desc&limit=5&page=2").json()
    assert [one["deal_id"] for one in second["resources"]] == [one for one in seen if one in readable][5:10]


def test_sort_is_required(ada: Ask) -> None:
    assert ada("GET", "/api/v2/deals").status_code == 409
    assert ada("GET", "/api/v2/deals?sort=mood:asc").status_code == 409


def test_only_ones_own_deals_where_the_switch_says_so(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.switch(deals_scope="own")
    found = ada("GET", "/api/v2/deals?sort=name:asc&limit=1000").json()
    assert {one["owner"]["email"] for one in found["resources"]} == {ADA}
    assert found["meta"]["total"] == len(found["resources"])


def test_moving_leaves_a_transition(sandbox: SandboxServer, ada: Ask, create: Any, pipeline: dict[str, Any]) -> None:
    deal = create().json()
    moved = ada("PUT", f"/api/v2/deals/{deal['deal_id']}", {"stage_id": stage_named(pipeline, "Won")})
    down = moved.json()["stage_transitions"]
    assert [one["to_stage"]["name"] for one in down["transitions"]] == ["Won", "Qualify"]
    assert down["transitions"][0]["from_stage"]["name"] == "Qualify"
    assert down["transitions"][1]["from_stage"] is None
    assert down["transitions"][0]["who"]["email"] == ADA
    assert down["before_final_stage"]["name"] == "Qualify"
    assert "actual_close_date" in moved.json()["fields_values_with_names"]
    sandbox.switch(transitions="up")
    up = ada("GET", f"/api/v2/deals/{deal['deal_id']}").json()["stage_transitions"]
    assert [one["to_stage"]["name"] for one in up["transitions"]] == ["Qualify", "Won"]
    assert sandbox.object("deal", deal["deal_id"])["stage_name"] == "Won"


def test_moving_back_opens_the_deal_again(ada: Ask, create: Any, pipeline: dict[str, Any]) -> None:
    path = f"/api/v2/deals/{create(stage='Won').json()['deal_id']}"
    opened = ada("PUT", path, {"stage_id": stage_named(pipeline, "Qualify")}).json()
    assert "actual_close_date" not in opened["fields_values_with_names"]
    assert opened["stage_transitions"]["before_final_stage"] is None


def test_another_pipeline_needs_one_of_its_stages(ada: Ask, create: Any) -> None:
    path = f"/api/v2/deals/{create().json()['deal_id']}"
    other = ada("GET", "/api/v2/deals/pipelines").json()["pipelines"][1]
    assert ada("PUT", path, {"pipeline_id": other["pipeline_id"]}).status_code == 409
    assert ada("PUT", path, {"stage_id": other["stages"][0]["stage_id"]}).status_code == 409
    body = {"pipeline_id": other["pipeline_id"], "stage_id": other["stages"][0]["stage_id"]}
    moved = ada("PUT", path, body)
    assert moved.json()["stage_transitions"]["pipeline_id"] == other["pipeline_id"]


def test_what_is_archived_takes_no_deal(ada: Ask, create: Any, pipeline: dict[str, Any]) -> None:
    path = f"/api/v2/deals/{create().json()['deal_id']}"
    stage = ada("PUT", path, {"stage_id": stage_named(pipeline, "Old demo step")})
    ada("POST", f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}/archive")
    whole = ada("PUT", path, {"stage_id": stage_named(pipeline, "Meet")})
    assert (stage.status_code, stage.json()["type"]) == (406, "archived_stage")
    assert (whole.status_code, whole.json()["type"]) == (406, "archived_pipeline")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("name", []),
        ("name", [{"value": " "}]),
        ("amount", [{"value": "-1"}]),
        ("amount", [{"value": "lots"}]),
        ("amount", [{"value": "1"}, {"value": "2"}]),
        ("probability", [{"value": "101"}]),
        ("expected_close_date", [{"value": "soon"}]),
        ("actual_close_date", [{"value": "2026-01-01"}]),
        ("colour", [{"value": "red"}]),
    ],
)
def test_a_wrong_field_is_named_by_its_path(
    sandbox: SandboxServer, ada: Ask, create: Any, name: str, values: list[Any]
) -> None:
    deal = create().json()
    body = {"fields_values": {name: values, "description": [{"value": "new"}]}}
    answer = ada("PUT", f"/api/v2/deals/{deal['deal_id']}", body)
    assert answer.status_code == 409
    assert list(answer.json()["errors"]) == [f"/fields_values/{name}"]
    assert sandbox.object("deal", deal["deal_id"])["description"] is None


def test_only_what_is_sent_changes(ada: Ask, create: Any) -> None:
    deal = create(
        fields_values={"amount": [{"value": "1200.50"}], "description": [{"value": "old"}]}, tags=["a"]
    ).json()
    changed = ada("PUT", f"/api/v2/deals/{deal['deal_id']}", {"fields_values": {"amount": [{"value": "7"}]}}).json()
    names = changed["fields_values_with_names"]
    assert {name: values[0]["value"] for name, values in names.items()} == {
        "name": "Deal",
        "amount": "7",
        "description": "old",
    }
    assert changed["tags"] == ["a"]


def test_a_field_is_removed_by_an_empty_list_and_a_description_by_a_blank(ada: Ask, create: Any) -> None:
    deal = create(fields_values={"amount": [{"value": "5"}], "description": [{"value": "old"}]}).json()
    body = {"fields_values": {"amount": [], "description": [{"value": " "}]}}
    changed = ada("PUT", f"/api/v2/deals/{deal['deal_id']}", body).json()
    assert set(changed["fields_values_with_names"]) == {"name"}


def test_fields_are_written_by_id_too_and_custom_ones_only_so(ada: Ask, create: Any) -> None:
    fields = ada("GET", "/api/v2/deals/fields").json()
    amount = next(one["field_id"] for one in fields["standard_fields"] if one["field_name"] == "amount")
    members = fields["pipelines_tabs"][0]["members"]
    customs = [member["field"] for one in members for member in one.get("fields", [one])]
    product = next(one for one in customs if one["field_name"] == "Product")
    choice = product["field_type"]["values"]["values"][0]["id"]
    body = {"fields_values": {amount: [{"value": "9"}], product["field_id"]: [{"value": choice}]}}
    path = f"/api/v2/deals/{create().json()['deal_id']}"
    changed = ada("PUT", path, body).json()
    assert changed["fields_values"][amount] == [{"value": "9", "is_primary": False}]
    assert changed["fields_values_with_names"]["Product"][0]["value"] == choice
    wrong = ada("PUT", path, {"fields_values": {product["field_id"]: [{"value": "none of these"}]}})
    assert wrong.status_code == 409


def test_a_stage_without_probability_wants_the_deals_own(create: Any) -> None:
    refused = create(stage="Negotiate")
    assert list(refused.json()["errors"]) == ["/fields_values/probability"]
    accepted = create(stage="Negotiate", fields_values={"probability": [{"value": "40"}]})
    assert (accepted.status_code, accepted.json()["final_probability"]) == (200, 40)
    assert create(stage="Meet").json()["final_probability"] == 25


@pytest.mark.parametrize("missing", ["owner", "fields_values", "pipeline_id", "stage_id"])
def test_creating_needs_every_part(sandbox: SandboxServer, ada: Ask, pipeline: dict[str, Any], missing: str) -> None:
    body = {"owner": sandbox.users[ADA]["user_id"], "pipeline_id": pipeline["pipeline_id"]}
    body |= {"stage_id": stage_named(pipeline, "Meet"), "fields_values": {"name": [{"value": "x"}]}}
    del body[missing]
    answer = ada("POST", "/api/v2/deals", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (409, [f"/{missing}"])


def test_a_deal_that_may_only_be_read_is_not_edited(sandbox: SandboxServer, eve: Ask, create: Any) -> None:
    nobody: dict[str, Any] = {"user_ids": [], "group_ids": []}
    deal = create(privacy={"read": None, "edit": nobody}).json()
    path = f"/api/v2/deals/{deal['deal_id']}"
    assert eve("GET", path).json()["is_editable"] is False
    assert deal["is_editable"] is True
    for method in ("PUT", "DELETE"):
        assert eve(method, path, {}).status_code == 403
    assert sandbox.object("deal", deal["deal_id"])["updated_by"] == sandbox.users[ADA]["user_id"]


def test_a_related_contact_that_one_may_not_see_says_so(
    sandbox: SandboxServer, ada: Ask, eve: Ask, create: Any, everyones: Everyones
) -> None:
    contact = everyones("contact", record_type="company")["id"]
    deal = create(related_contacts=[{"contact_id": contact, "note": "Pays"}]).json()
    sandbox.edit(ADA, "contact", contact, hide_from=[EVE])
    path = f"/api/v2/deals/{deal['deal_id']}"
    views = [ask("GET", path).json()["related_contacts"][0] for ask in (ada, eve)]
    assert [one["contact"]["is_viewable"] for one in views] == [True, False]
    assert [one["note"] for one in views] == ["Pays", "Pays"]


def test_notes_are_written_and_never_read_back(sandbox: SandboxServer, ada: Ask, create: Any) -> None:
    path = f"/api/v2/deals/{create().json()['deal_id']}/notes"
    made = ada("POST", path, {"title": "Call", "body": "<b>ok</b>"})
    assert made.status_code == 201
    note_id = made.json()["note_id"]
    assert ada("PUT", f"{path}/{note_id}", {"title": "Second call"}).json()["body"] == "<b>ok</b>"
    assert ada("GET", f"{path}/{note_id}").status_code == 405
    assert sandbox.object("deal_note", note_id)["title"] == "Second call"
    assert ada("DELETE", f"{path}/{note_id}").status_code == 200
    assert ada("DELETE", f"{path}/{note_id}").status_code == 404
    for title in ("", "t" * 257):
        assert ada("POST", path, {"title": title}).status_code == 409


def test_a_lost_reason_is_added_once(ada: Ask, pipeline: dict[str, Any]) -> None:
    path = f"/api/v2/deals/pipelines/{pipeline['pipeline_id']}/lost_reasons"
    added = ada("POST", path, {"reason": "Moved"})
    assert (added.status_code, added.json()["lost_reasons"][-1]["text"]) == (201, "Moved")
    again = ada("POST", path, {"reason": "Moved"})
    assert (again.status_code, again.json()["error_type"]) == (406, "reason_already_exists")


def test_pipelines_of_every_kind(ada: Ask) -> None:
    pipelines = ada("GET", "/api/v2/deals/pipelines").json()["pipelines"]
    assert len(pipelines) == 3
    stages = [stage for pipeline in pipelines for stage in pipeline["stages"]]
    assert {stage["role"]["name"] for stage in stages if stage["role"]["is_final"]} == {"won", "lost"}
    assert [stage["name"] for stage in stages if stage["archived_at"]] == ["Old demo step"]
    assert {pipeline["default_currency"] for pipeline in pipelines} == {"EUR", "USD", None}


def test_deleting_takes_the_notes_along(sandbox: SandboxServer, ada: Ask, create: Any) -> None:
    path = f"/api/v2/deals/{create().json()['deal_id']}"
    ada("POST", f"{path}/notes", {"title": "x"})
    assert (ada("DELETE", path).status_code, ada("GET", path).status_code) == (200, 404)
    assert sandbox.objects("deal_note") == []


def test_a_files_link_is_short_lived(sandbox: SandboxServer, ada: Ask) -> None:
    deal = next(one for one in sandbox.objects("deal") if one["files"] and one["readers"] is None)
    path = f"/api/v2/deals/{deal['id']}/files"
    assert "expires=" in ada("GET", f"{path}/{deal['files'][0]['file_id']}/url").json()["url"]
    assert ada("GET", f"{path}/{'0' * 24}/url").status_code == 404
