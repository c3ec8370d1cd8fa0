import pytest

from tests.sandbox.conftest import ADA, EVE, ZOE, Ask
from tests.sandboxes import SandboxServer

NOBODY = {"user_ids": [], "group_ids": []}


def contact_ids(ask: Ask) -> set[str]:
    return set(ask("GET", "/api/v1/contacts/ids?per_page=1000").json()["resources"])


def test_the_world_shows_less_to_some(ada: Ask, eve: Ask) -> None:
    assert contact_ids(ada) - contact_ids(eve)


def test_listings_and_single_reads_agree(sandbox: SandboxServer, eve: Ask) -> None:
    company = sandbox.users[EVE]["company_id"]
    listed = contact_ids(eve)
    for doc in sandbox.objects("contact", company_id=company):
        status = eve("GET", f"/api/v1/contact/{doc['id']}").status_code
        assert status == (200 if doc["id"] in listed else 404)


@pytest.mark.parametrize(("position", "status"), [("404", 404), ("403", 403)])
def test_what_is_hidden_is_answered_as_the_switch_says(
    sandbox: SandboxServer, ada: Ask, eve: Ask, position: str, status: int
) -> None:
    sandbox.switch(hidden_record=position)
    hidden = min(contact_ids(ada) - contact_ids(eve))
    assert eve("GET", f"/api/v1/contact/{hidden}").status_code == status
    assert eve("PUT", f"/api/v1/contact/{hidden}", {}).status_code == status
    assert eve("GET", f"/api/v1/contacts/{hidden}/notes").status_code == status


def test_groups_and_users_and_owners(sandbox: SandboxServer, ada: Ask, eve: Ask) -> None:
    eve_id, group = sandbox.users[EVE]["user_id"], sandbox.users[ADA]["group_ids"][0]
    fields = {"last name": [{"value": "Doe"}]}
    cases = [
        ({"read": None, "edit": None}, 200, 200),
        ({"read": NOBODY, "edit": NOBODY}, 404, 404),
        ({"read": NOBODY | {"group_ids": [group]}, "edit": NOBODY}, 404, 404),
        ({"read": NOBODY | {"user_ids": [eve_id]}, "edit": NOBODY}, 200, 403),
        ({"read": NOBODY, "edit": NOBODY | {"user_ids": [eve_id]}}, 200, 200),
    ]
    for privacy, reads, edits in cases:
        made = ada("POST", "/api/v1/contact", {"fields": fields, "privacy": privacy}).json()
        path = f"/api/v1/contact/{made['id']}"
        assert (eve("GET", path).status_code, eve("PUT", path, {}).status_code) == (reads, edits), privacy
        assert ada("PUT", path, {}).status_code == 200


def test_another_company_sees_nothing_of_ours(sandbox: SandboxServer, ada: Ask) -> None:
    ours = contact_ids(ada)
    theirs = sandbox.request("GET", "/api/v1/contacts/ids?per_page=1000", ZOE).json()["resources"]
    assert theirs
    assert ours.isdisjoint(theirs)
    one = min(ours)
    assert sandbox.request("GET", f"/api/v1/contact/{one}", ZOE).status_code == 404
    deal = ada("GET", "/api/v2/deals?sort=name:asc&limit=1").json()["resources"][0]["deal_id"]
    assert sandbox.request("GET", f"/api/v2/deals/{deal}", ZOE).status_code == 404


def test_joining_a_group_opens_its_records(sandbox: SandboxServer, eve: Ask) -> None:
    before = contact_ids(eve)
    sandbox.edit(ADA, "user", sandbox.users[EVE]["user_id"], set={"group_ids": sandbox.users[ADA]["group_ids"]})
    assert contact_ids(eve) > before


def test_the_team_is_listed_where_the_switch_says_so(sandbox: SandboxServer, ada: Ask) -> None:
    assert ada("GET", "/api/v1/company/users").status_code == 404
    sandbox.switch(company_users="on")
    team = ada("GET", "/api/v1/company/users").json()["users"]
    assert {one["email"] for one in team} == set(sandbox.users) - {ZOE}
