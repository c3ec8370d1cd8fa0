"""Every operation that the product uses, against the sandbox, checked against the published specification."""

import pytest

from nimble import errors, transport
from nimble.client import Client
from nimble.models import Member
from tests.nimble.conftest import ADA, BJORN, EVE, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(connect):
    return Client(connect(ADA))


def test_myself_says_who_is_asking(client, nimble):
    assert client.myself()["user_id"] == nimble.users[ADA]["user_id"]
    assert (client.last.operation, client.last.status) == ("get-myself", 200)
    assert client.last.size > 20
    assert client.last.seconds > 0


def test_company_users_when_nimble_has_them(client, nimble):
    with pytest.raises(errors.NotFound):
        client.company_users()
    assert client.last.status == 404
    nimble.switch(company_users="on")
    assert nimble.users[BJORN]["user_id"] in str(client.company_users())


def test_list_contacts_in_pages(client):
    first = client.list_contacts(page=1, per_page=20, sort="updated:asc", contexts=["leads_data", "employers_data"])
    second = client.list_contacts(page=2, per_page=20, sort="updated:asc")
    ids = [contact["id"] for page in (first, second) for contact in page["resources"]]
    assert len(ids) == len(set(ids)) == 40
    assert first["meta"]["page"] == 1


def test_list_contacts_by_query_and_by_type(client):
    companies = client.list_contacts(record_type="company")
    assert {contact["record_type"] for contact in companies["resources"]} == {"company"}
    window = {"updated": {"range": {"start_datetime": "2100-01-01T00:00:00", "end_datetime": "2101-01-01T00:00:00"}}}
    assert client.list_contacts(query=window)["resources"] == []


def test_list_contact_ids_is_the_whole_list(client):
    listed = client.list_contact_ids()
    assert len(listed["resources"]) == listed["meta"]["total"] > 30


def test_contacts_by_ids(client):
    ids = client.list_contact_ids()["resources"][:30]
    assert {contact["id"] for contact in client.contacts_by_ids(ids)["resources"]} == set(ids)
    with pytest.raises(ValueError):
        client.contacts_by_ids([*ids, "one too many"])
    with pytest.raises(ValueError):
        client.contacts_by_ids([])


def test_contact_is_created_changed_and_deleted(client):
    created = client.create_contact(person())
    phone = [{"value": "+46 1", "modifier": "work"}]
    client.update_contact(created["id"], {"fields": {"phone": phone}})
    extended = client.update_contact(created["id"], {"fields": {"phone": [{"value": "+46 2", "modifier": "work"}]}})
    assert {phone["value"] for phone in extended["fields"]["phone"]} == {"+46 1", "+46 2"}
    assert client.contact(created["id"])["fields"]["first name"][0]["value"] == "Grace"
    client.delete_contact(created["id"])
    with pytest.raises(errors.NotFound):
        client.contact(created["id"])


@pytest.mark.parametrize("legacy", [False, True])
def test_update_contact_replaces_under_either_name(client, nimble, legacy):
    nimble.switch(replace_param="replace" if legacy else "type")
    created = client.create_contact(person())
    for number in ("+46 1", "+46 2"):
        phones = [{"value": number, "modifier": "work"}]
        answer = client.update_contact(created["id"], {"fields": {"phone": phones}}, replace=True, legacy=legacy)
    assert [phone["value"] for phone in answer["fields"]["phone"]] == ["+46 2"]
    assert answer["fields"]["last name"][0]["value"] == "Hopper"


def test_contact_that_is_invalid_names_the_field(client):
    with pytest.raises(errors.Invalid) as caught:
        client.create_contact({"record_type": "person", "fields": {}})
    assert caught.value.fields
    assert not caught.value.ambiguous
    assert client.last.request_id == caught.value.request_id != ""


def test_set_contact_tags_sets_the_whole_list(client):
    created = client.create_contact(person())
    client.set_contact_tags(created["id"], ["one", "two"])
    assert sorted(client.set_contact_tags(created["id"], ["two", "comma, too"])["tags"]) == ["comma, too", "two"]


def test_contact_fields_and_their_metadata(client):
    assert client.contact_fields()["tabs"]
    assert client.contact_fields_metadata()


def test_note_is_created_under_our_id_changed_and_deleted(client):
    contact = client.create_contact(person())
    note_id = "5f00000000000000000000aa"
    body = {"contact_ids": [contact["id"]], "note": "<p>Hello</p>", "note_preview": "Hello"}
    assert client.create_note(note_id, body)["id"] == note_id
    assert client.note(note_id)["note"] == "<p>Hello</p>"
    client.update_note(note_id, {**body, "note": "<p>Bye</p>", "note_preview": "Bye"})
    assert [note["note"] for note in client.contact_notes(contact["id"])["resources"]] == ["<p>Bye</p>"]
    client.delete_note(note_id)
    with pytest.raises(errors.NotFound):
        client.note(note_id)


def test_deals_newest_first(client):
    answer = client.deals(limit=10)
    updated = [deal["updated"] for deal in answer["resources"]]
    assert len(updated) == 10
    assert updated == sorted(updated, reverse=True)


def test_deal_is_created_moved_and_deleted(client, nimble):
    pipeline = client.pipelines()["pipelines"][0]
    first, second = [stage["stage_id"] for stage in pipeline["stages"]][:2]
    owner = nimble.users[ADA]["user_id"]
    created = client.create_deal(
        {
            "pipeline_id": pipeline["pipeline_id"],
            "stage_id": first,
            "owner_id": owner,
            "owner": owner,
            "privacy": {"read": None, "edit": None},
            "related_contacts": [],
            "fields_values": {"name": [{"value": "A deal"}]},
        }
    )
    client.update_deal(created["deal_id"], {"stage_id": second})
    assert nimble.object("deal", created["deal_id"])["stage_id"] == second
    assert client.deal(created["deal_id"])["deal_id"] == created["deal_id"]
    client.delete_deal(created["deal_id"])
    with pytest.raises(errors.NotFound):
        client.deal(created["deal_id"])


@pytest.mark.parametrize("position", ["absolute", "relative"])
def test_pipeline_deals_are_walked_to_their_end(client, nimble, position):
    nimble.switch(next_page_url=position)
    found = []
    for pipeline in client.pipelines()["pipelines"]:
        for stage in client.pipeline_deals(pipeline["pipeline_id"], limit=3)["stages"]:
            found += stage["deals"]
            following = stage["meta"].get("next_page_url")
            while following:
                [page] = client.next_page(following)["stages"]
                found += page["deals"]
                following = page["meta"].get("next_page_url")
    assert {deal["deal_id"] for deal in found} == {deal["deal_id"] for deal in client.deals(limit=1000)["resources"]}


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "//evil.test", "http://user:pass@evil.test", "HTTP://evil.test:1"]
)
def test_next_page_ignores_the_host_it_names(client, nimble, origin):
    pipeline = client.pipelines()["pipelines"][0]["pipeline_id"]
    assert client.next_page(f"{origin}/api/v2/deals/pipelines/{pipeline}/deals?sort=created:asc&limit=1")["stages"]
    assert nimble.log()[-1]["path"].startswith(f"/api/v2/deals/pipelines/{pipeline}/deals")


@pytest.mark.parametrize(
    "url",
    [
        "https://app.nimble.com/api/v2/deals",
        "@evil.test/api/v2/deals/pipelines/x",
        "/api/v2/deals/pipelines/../../../oauth/x",
        "/api/v2/deals/pipelines/%2e%2e/tags",
        "/api/v2/deals/pipelines//evil.test",
        "/api/v2/deals/pipelines/x\\y",
        "?page=2",
        "https://[broken",
        "",
    ],
)
def test_next_page_that_leads_elsewhere_is_not_asked_for(client, nimble, url):
    before = len(nimble.log())
    with pytest.raises(errors.BadAnswer):
        client.next_page(url)
    assert len(nimble.log()) == before


def test_deal_fields(client):
    assert client.deal_fields()


def test_deal_note_is_created_changed_and_deleted(client, nimble):
    deal = client.deals(limit=1)["resources"][0]
    note = client.create_deal_note(deal["deal_id"], title="Call", body="<p>Said yes</p>")
    client.update_deal_note(deal["deal_id"], note["note_id"], title="Call", body="<p>Said no</p>")
    assert nimble.object("deal_note", note["note_id"])["body"] == "<p>Said no</p>"
    client.delete_deal_note(deal["deal_id"], note["note_id"])
    assert nimble.objects("deal_note", deal_id=deal["deal_id"]) == []


def test_hidden_record_is_not_found_or_forbidden(client, connect, nimble):
    created = client.create_contact(person())
    nimble.edit(ADA, "contact", created["id"], hide_from=[EVE])
    eve = Client(connect(EVE))
    with pytest.raises(errors.NotFound):
        eve.contact(created["id"])
    nimble.switch(hidden_record="403")
    with pytest.raises(errors.Forbidden):
        eve.contact(created["id"])


def test_id_that_would_leave_its_path_is_refused(client, nimble):
    before = len(nimble.log())
    for bad in ("", "..", ".", "../contacts", "a/b"):
        with pytest.raises(transport.Denied):
            client.delete_contact(bad)
    assert len(nimble.log()) == before


@pytest.mark.parametrize("position", ["403", "401"])
def test_dead_token_is_renewed_once_and_the_request_repeated(client, nimble, position):
    nimble.switch(dead_token=position)
    nimble.expire(ADA)
    created = client.create_contact(person())
    assert nimble.object("contact", created["id"])
    assert [entry["status"] for entry in nimble.log() if entry["path"] == "/api/v1/contact"] == [int(position), 200]


def test_quota_is_payment_required(client, nimble):
    for shape in ("published", "legacy"):
        nimble.switch(quota_error=shape)
        nimble.set(contact_limit=1)
        with pytest.raises(errors.PaymentRequired):
            client.create_contact(person())


def test_members_are_remembered_and_never_emptied(connect):
    workspace = connect(ADA).workspace
    Member.objects.remember(workspace, [{"user_id": "u1", "name": "Ada", "email": "a@b.test"}, None, {}, "junk"])
    Member.objects.remember(workspace, [{"id": "u1", "name": "Ada L.", "email": None}, {"user_id": "u2"}])
    known = Member.objects.filter(workspace=workspace).order_by("nimble_user_id")
    assert [(m.nimble_user_id, m.name, m.email) for m in known] == [("u1", "Ada L.", "a@b.test"), ("u2", "", "")]


def test_members_that_did_not_change_are_not_written(connect, django_assert_num_queries):
    workspace = connect(ADA).workspace
    Member.objects.remember(workspace, [{"user_id": "u1", "name": "Ada"}])
    with django_assert_num_queries(1):
        Member.objects.remember(workspace, [{"user_id": "u1", "name": "Ada"}] * 3)
