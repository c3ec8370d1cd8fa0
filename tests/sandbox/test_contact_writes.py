import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import ADA, Ask
from tests.sandboxes import SandboxServer

NAME = {"last name": [{"value": "Doe", "modifier": ""}]}
ENDED = '{"company_name": "X", "is_present": true, "end_date": "01/2020"}'
Everyones = Callable[..., dict[str, Any]]


def create(ada: Ask, fields: Any = None, **more: Any) -> dict[str, Any]:
    answer = ada("POST", "/api/v1/contact", {"record_type": "person", "fields": fields or NAME, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def put(ada: Ask, contact: dict[str, Any], fields: Any, how: str = "") -> dict[str, Any]:
    answer = ada("PUT", f"/api/v1/contact/{contact['id']}{how}", {"fields": fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["fields"])


def values(fields: dict[str, Any], name: str) -> list[tuple[str, str]]:
    return [(one["value"], one["modifier"]) for one in fields.get(name, [])]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"record_type": "person", "fields": {}}, "first name"),
        ({"record_type": "person", "fields": {"first name": [{"value": "  "}]}}, "first name"),
        ({"record_type": "company", "fields": {}}, "company name"),
        ({"fields": NAME | {"email": [{"value": "nobody"}]}}, "email"),
        ({"fields": NAME | {"Tier": [{"value": "99"}]}}, "Tier"),
        ({"fields": NAME | {"Budget": [{"value": "much"}]}}, "Budget"),
        ({"fields": NAME | {"phone": [{"value": "1", "modifier": "moon"}]}}, "phone"),
        ({"fields": NAME | {"source": [{"value": "me"}]}}, "source"),
        ({"fields": NAME | {"no such field": [{"value": "x"}]}}, "no such field"),
        ({"fields": NAME | {"title": [{"value": "a"}, {"value": "b"}]}}, "title"),
        ({"fields": NAME | {"title": [{"value": 5}]}}, "title"),
        ({"fields": NAME | {"contact employment": [{"value": "CEO"}]}}, "contact employment"),
        ({"fields": NAME | {"contact employment": [{"value": ENDED}]}}, "contact employment"),
    ],
)
def test_a_wrong_field_is_named_with_its_id(ada: Ask, body: dict[str, Any], field: str) -> None:
    answer = ada("POST", "/api/v1/contact", body)
    assert (answer.status_code, answer.json()["code"]) == (409, 245)
    assert list(answer.json()["errors"]) == [field]
    assert [set(one) for one in answer.json()["errors"][field]] == [{"message", "field_id"}]


def test_every_mistake_is_named_and_nothing_applied(sandbox: SandboxServer, ada: Ask) -> None:
    before = sandbox.state()["counts"]["contact"]
    fields = NAME | {"email": [{"value": "a"}], "Budget": [{"value": "b"}]}
    answer = ada("POST", "/api/v1/contact", {"fields": fields})
    assert set(answer.json()["errors"]) == {"email", "Budget"}
    assert sandbox.state()["counts"]["contact"] == before
    assert sandbox.writes() == []


def test_created_by_the_one_who_asked(sandbox: SandboxServer, ada: Ask) -> None:
    made = create(ada, tags="one,two\\, three")
    stored = sandbox.object("contact", made["id"])
    me = sandbox.users[ADA]["user_id"]
    assert (stored["creator"], stored["owner_id"], stored["updated_by"]) == (me, me, me)
    assert made["tags"] == ["one", "two, three"]
    assert made["creator"] == "Ada Kowalska"


def test_at_most_five_tags_at_creation(ada: Ask) -> None:
    answer = ada("POST", "/api/v1/contact", {"fields": NAME, "tags": "a,b,c,d,e,f"})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["/tags"])


def test_the_quota_pauses_creates(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.set(contact_limit=1)
    published = ada("POST", "/api/v1/contact", {"fields": NAME})
    sandbox.switch(quota_error="legacy")
    legacy = ada("POST", "/api/v1/contact", {"fields": NAME})
    assert (published.status_code, legacy.status_code) == (402, 402)
    assert set(published.json()) == {"payment_type", "extra_usage", "required_spec"}
    assert legacy.json()["code"] == 108


def test_put_extends_modifier_by_modifier(ada: Ask) -> None:
    contact = create(ada, NAME | {"phone": [{"value": "1", "modifier": "work"}]})
    fields = put(ada, contact, {"phone": [{"value": "2", "modifier": "work"}, {"value": "3", "modifier": "home"}]})
    assert values(fields, "phone") == [("1", "work"), ("2", "work"), ("3", "home")]
    assert values(put(ada, contact, {"phone": [{"value": "2", "modifier": "work"}]}), "phone") == values(
        fields, "phone"
    )
    fields = put(ada, contact, {"last name": [{"value": "Roe", "modifier": ""}]})
    assert values(fields, "last name") == [("Roe", "")]


def test_put_replaces_the_fields_sent_and_only_those(ada: Ask) -> None:
    phones = [{"value": "1", "modifier": "work"}, {"value": "2", "modifier": "home"}]
    contact = create(ada, NAME | {"phone": phones, "email": [{"value": "a@b.test", "modifier": "work"}]})
    fields = put(ada, contact, {"phone": [{"value": "3", "modifier": "home"}]}, "?type=1")
    assert values(fields, "phone") == [("3", "home")]
    assert values(fields, "email") == [("a@b.test", "work")]
    assert "phone" not in put(ada, contact, {"phone": []}, "?replace=1")


def test_null_removes(ada: Ask) -> None:
    phones = [{"value": "1", "modifier": "work"}, {"value": "2", "modifier": "home"}]
    contact = create(ada, NAME | {"phone": phones, "title": [{"value": "CEO"}]})
    assert values(put(ada, contact, {"phone": [{"value": None, "modifier": "work"}]}), "phone") == [("2", "home")]
    assert "title" not in put(ada, contact, {"title": None})


def test_type_is_not_heard_where_only_replace_is(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.switch(replace_param="replace")
    contact = create(ada, NAME | {"phone": [{"value": "1", "modifier": "work"}]})
    new = {"phone": [{"value": "2", "modifier": "work"}]}
    assert values(put(ada, contact, new, "?type=1"), "phone") == [("1", "work"), ("2", "work")]
    assert values(put(ada, contact, new, "?replace=1"), "phone") == [("2", "work")]


def test_the_last_name_can_not_be_removed_from_a_person_without_a_first(ada: Ask) -> None:
    contact = create(ada)
    answer = ada("PUT", f"/api/v1/contact/{contact['id']}", {"fields": {"last name": None}})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["first name"])


def test_values_round_trip_byte_for_byte(ada: Ask) -> None:
    address = "{'city': 'Dushanbe', 'street': 'First str. 15'}"
    hostile = "<b>\u202e\U0001f600\ud800 \x00 e\u0301"
    fields = NAME | {"address": [{"value": address, "modifier": "other"}], "title": [{"value": hostile}]}
    contact = create(ada, fields)
    read = ada("GET", f"/api/v1/contact/{contact['id']}").json()["resources"][0]["fields"]
    assert values(read, "address") == [(address, "other")]
    assert values(read, "title") == [(hostile, "")]


def test_importance_is_each_persons_own(ada: Ask, eve: Ask, everyones: Everyones) -> None:
    one = everyones("contact")["id"]
    assert ada("PUT", f"/api/v1/contact/{one}", {"is_important": True}).json()["is_important"] is True
    before = eve("GET", f"/api/v1/contact/{one}").json()["resources"][0]["is_important"]
    ada("PUT", f"/api/v1/contact/{one}", {"is_important": False})
    assert eve("GET", f"/api/v1/contact/{one}").json()["resources"][0]["is_important"] is before


def test_tags_are_set_as_a_whole(ada: Ask, everyones: Everyones) -> None:
    path = f"/api/v1/contacts/{everyones('contact')['id']}/tags"
    many = [f"tag {number}" for number in range(8)]
    assert ada("PUT", path, {"tags": many}).json()["tags"] == many
    assert ada("PUT", path, {"tags": []}).json()["tags"] == []
    assert ada("PUT", path, {"tags": "a,b"}).status_code == 409


def test_an_employment_names_its_company_by_id_or_by_name(ada: Ask, everyones: Everyones) -> None:
    company = everyones("contact", record_type="company")
    name = company["fields"]["company name"][0]["value"]
    job = {"company_name": name, "title": "CEO", "is_present": True}
    for extra in ({}, {"extra_value": company["id"]}):
        made = create(ada, NAME | {"contact employment": [{"value": json.dumps(job), **extra}]})
        assert made["employers_info"] == [{"contact_id": company["id"], "company_name": name}]


def test_one_value_at_most_is_primary(ada: Ask) -> None:
    emails = [{"value": "a@b.test", "modifier": "work"}, {"value": "c@d.test", "modifier": "work"}]
    contact = create(ada, NAME | {"email": emails})
    field_id = contact["fields"]["email"][0]["field_id"]
    for position in (0, 1):
        mark = {"field_id": field_id, "position": position, "is_primary": True}
        assert ada("PUT", f"/api/v1/contact/{contact['id']}/field", mark).status_code == 200
    read = ada("GET", f"/api/v1/contact/{contact['id']}").json()["resources"][0]["fields"]["email"]
    assert [one["is_primary"] for one in read] == [False, True]


def test_deleted_is_gone(ada: Ask) -> None:
    path = f"/api/v1/contact/{create(ada)['id']}"
    assert (ada("DELETE", path).status_code, ada("DELETE", path).status_code) == (200, 404)
    gone = ada("GET", path)
    assert (gone.status_code, set(gone.json())) == (404, {"object_type", "object_id"})


def test_an_edit_changes_updated_and_who(sandbox: SandboxServer, eve: Ask, everyones: Everyones) -> None:
    before = everyones("contact", record_type="person")
    put(eve, before, {"title": [{"value": "Boss"}]})
    after = sandbox.object("contact", before["id"])
    assert after["updated"] > before["updated"]
    assert after["updated_by"] == sandbox.users["eve@lantern-pine.test"]["user_id"]
