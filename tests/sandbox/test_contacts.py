import json
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.ids import moment, parse_moment
from tests.sandbox.conftest import ADA, Ask
from tests.sandboxes import SandboxServer


def listing(ada: Ask, what: str, path: str = "contacts") -> dict[str, Any]:
    answer = ada("GET", f"/api/v1/{path}?{what}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def search(ada: Ask, query: dict[str, Any], more: str = "") -> set[str]:
    text = quote(json.dumps(query))
    return set(listing(ada, f"per_page=1000&query={text}{more}", "contacts/ids")["resources"])


def test_pages_hold_every_contact_once(ada: Ask) -> None:
    pages = [listing(ada, f"sort=updated:asc&per_page=7&page={page}") for page in range(1, 11)]
    seen = [one["id"] for page in pages for one in page["resources"]]
    everything = listing(ada, "per_page=1000", "contacts/ids")
    assert len(seen) == len(set(seen)) == everything["meta"]["total"]
    assert set(seen) == set(everything["resources"])
    assert pages[0]["meta"] == {"page": 1, "pages": -(-len(seen) // 7), "per_page": 7, "total": len(seen)}


def test_sorted_by_updated_ascending_whatever_the_shape_of_the_stamp(ada: Ask) -> None:
    stamps = [one["updated"] for one in listing(ada, "sort=updated:asc&per_page=100")["resources"]]
    moments = [parse_moment(stamp) for stamp in stamps]
    assert None not in moments
    whole = [one.replace(microsecond=0) for one in moments if one]
    assert whole == sorted(whole)
    assert {stamp[-1] == "Z" for stamp in stamps} == {True, False}
    assert any(stamp.endswith("+0300") for stamp in stamps)
    assert any("." in stamp for stamp in stamps)


def test_a_page_holds_thirty_or_what_is_asked_though_sorted_at_most_a_hundred(ada: Ask) -> None:
    assert listing(ada, "")["meta"]["per_page"] == 30
    assert listing(ada, "per_page=500")["meta"]["per_page"] == 500
    assert listing(ada, "per_page=500&sort=updated:asc")["meta"]["per_page"] == 100


def test_ids_are_capped_where_no_larger_page_is_granted(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.switch(ids_page="capped")
    assert listing(ada, "per_page=500", "contacts/ids")["meta"]["per_page"] == 30


@pytest.mark.parametrize("what", ["sort=email:asc", "sort=updated", "page=0", "per_page=x", "record_type=dog"])
def test_a_wrong_parameter_is_refused(ada: Ask, what: str) -> None:
    answer = ada("GET", f"/api/v1/contacts?{what}")
    assert (answer.status_code, answer.json()["code"]) == (409, 245)


def test_keyword_and_query_exclude_each_other(ada: Ask) -> None:
    answer = ada("GET", "/api/v1/contacts?keyword=a&query=%7B%7D")
    assert answer.status_code == 409
    assert answer.json()["message"] == "You can specify either `keyword` or `query` parameter, not both!"


def test_a_window_of_updates_includes_both_ends(sandbox: SandboxServer, ada: Ask) -> None:
    docs = {doc["id"]: doc for doc in sandbox.objects("contact")}
    everything = listing(ada, "sort=updated:asc&per_page=100")["resources"]
    first, last = (moment(docs[everything[at]["id"]]["updated"]) for at in (3, 8))
    window = {"start_datetime": first.isoformat(), "end_datetime": last.isoformat()}
    assert search(ada, {"updated": {"range": window}}) == {one["id"] for one in everything[3:9]}


def test_a_range_of_days_includes_the_last_day(sandbox: SandboxServer, ada: Ask) -> None:
    one = listing(ada, "sort=created:asc&per_page=1")["resources"][0]
    day = moment(next(doc for doc in sandbox.objects("contact") if doc["id"] == one["id"])["created"]).date()
    found = search(ada, {"created": {"range": {"start_date": str(day), "end_date": str(day)}}})
    assert one["id"] in found


def test_tag_conditions(ada: Ask) -> None:
    everything = {one["id"]: set(one["tags"]) for one in listing(ada, "per_page=1000")["resources"]}

    def holding(condition: Any) -> set[str]:
        return {one for one, tags in everything.items() if condition(tags)}

    assert search(ada, {"tag": {"is": "VIP"}}) == holding(lambda tags: "VIP" in tags) != set()
    assert search(ada, {"tag": {"is_not": "VIP"}}) == holding(lambda tags: "VIP" not in tags)
    assert search(ada, {"tag": {"is_empty": ""}}) == holding(lambda tags: not tags)
    both = {"tag": {"in": ["VIP", "best,premium"]}}
    assert search(ada, both) == holding(lambda tags: tags & {"VIP", "best,premium"})
    tree = {"and": [{"tag": {"is": "VIP"}}, {"not": {"tag": {"is": "customer"}}}]}
    assert search(ada, tree) == holding(lambda tags: "VIP" in tags and "customer" not in tags)
    either = {"or": [{"tag": {"is": "VIP"}}, {"tag": {"is": "customer"}}]}
    assert search(ada, either) == holding(lambda tags: tags & {"VIP", "customer"})


def test_ids_and_custom_choices_are_searched(ada: Ask) -> None:
    everything = listing(ada, "per_page=1000")["resources"]
    some = [one["id"] for one in everything[:3]]
    assert search(ada, {"_id": {"in": [*some, "0" * 24]}}) == set(some)
    gold = {one["id"] for one in everything if [value["value"] for value in one["fields"].get("Tier", [])] == ["3"]}
    assert search(ada, {"custom_fields": {"Tier": {"is": "3"}}}) == gold


@pytest.mark.parametrize(
    "query",
    ["{", "[]", '{"mood": {"is": "good"}}', '{"tag": {"like": "V"}}', '{"updated": {"range": {"start_date": "soon"}}}'],
)
def test_a_query_that_makes_no_sense_is_refused(ada: Ask, query: str) -> None:
    assert ada("GET", f"/api/v1/contacts?query={quote(query)}").status_code == 409


def test_a_query_holds_at_most_eleven_terms(ada: Ask) -> None:
    terms = [{"tag": {"is": f"t{number}"}} for number in range(12)]
    assert ada("GET", f"/api/v1/contacts/ids?query={quote(json.dumps({'or': terms[:11]}))}").status_code == 200
    assert ada("GET", f"/api/v1/contacts/ids?query={quote(json.dumps({'or': terms}))}").status_code == 409


def test_only_the_fields_asked_for_come(ada: Ask) -> None:
    asked = quote("last name,Favourite colour\\, 2nd")
    names = {name for one in listing(ada, f"per_page=100&fields={asked}")["resources"] for name in one["fields"]}
    assert names == {"last name", "Favourite colour, 2nd"}


def test_contexts_come_when_asked_for(ada: Ask) -> None:
    plain = listing(ada, "per_page=100")["resources"]
    assert not any("contexts" in one for one in plain)
    asked = listing(ada, "per_page=100&contexts=employers_data,leads_data")["resources"]
    assert {tuple(context["context_key"] for context in one["contexts"]) for one in asked} == {
        ("employers_data", "leads_data")
    }
    assert any(one["contexts"][0]["context"] for one in asked)


def test_several_ids_at_once_by_either_path(ada: Ask) -> None:
    ids = listing(ada, "per_page=4", "contacts/ids")["resources"]
    for path in (f"/api/v1/contact?id={','.join(ids)}", f"/api/v1/contact/{','.join(ids)}"):
        assert [one["id"] for one in ada("GET", path).json()["resources"]] == ids
    many = ",".join(f"{number:024x}" for number in range(31))
    assert ada("GET", f"/api/v1/contact?id={many}").status_code == 409


def test_tags_come_as_objects_where_the_switch_says_so(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.switch(tags_shape="objects")
    tags = [tag for one in listing(ada, "per_page=100")["resources"] for tag in one["tags"]]
    assert tags
    assert {frozenset(tag) for tag in tags} == {frozenset({"tag", "id"})}


def test_a_company_names_its_people(sandbox: SandboxServer, ada: Ask) -> None:
    person = next(doc for doc in sandbox.objects("contact") if doc["parent_id"])
    company = ada("GET", f"/api/v1/contact/{person['parent_id']}").json()["resources"][0]
    assert person["id"] in company["children"]


def test_metadata_knows_every_field_that_a_contact_has(ada: Ask) -> None:
    legacy = ada("GET", "/api/v1/contacts/metadata").json()["fields"]
    tabs = ada("GET", "/api/v1/contacts/fields").json()["tabs"]
    members = [member for tab in tabs for member in tab["members"]]
    fields = [field for member in members for field in member.get("fields", [member])]
    ids = {field["field_id"] for field in fields}
    kinds = {field["field_type"]["field_kind"] for field in fields}
    expected = {"string", "long_string", "choice", "number", "datetime", "boolean", "address", "attachment", "user"}
    assert kinds == {*expected, "employment"}
    for one in listing(ada, "per_page=1000")["resources"]:
        for name, values in one["fields"].items():
            assert name in legacy
            assert {value["field_id"] for value in values} <= ids


def test_last_contacted_is_the_callers_own(sandbox: SandboxServer) -> None:
    doc = next(doc for doc in sandbox.objects("contact") if any("direction" in one for one in doc["viewers"].values()))
    toucher = next(user_id for user_id, seen in doc["viewers"].items() if "direction" in seen)
    found = {}
    for email, user in sandbox.users.items():
        if user["company_id"] == doc["company_id"] and (doc["readers"] is None or user["user_id"] in doc["readers"]):
            view = sandbox.request("GET", f"/api/v1/contact/{doc['id']}", email).json()["resources"][0]
            found[user["user_id"]] = view["last_contacted"] is not None
    assert found == {user_id: user_id == toucher for user_id in found}
    assert len(found) > 1
    assert sandbox.users[ADA]["user_id"] in found
