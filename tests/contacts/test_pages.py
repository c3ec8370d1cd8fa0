"""A contact's page: all that Nimble sent, laid out; its notes are asked for again."""

import json

import pytest
from django.test import Client

from contacts.models import Contact, ContactField
from nimble.models import Connection, Member
from tests.contacts.conftest import Keep
from tests.contacts.payloads import WORK, contact, employed, item, note


@pytest.fixture
def open_page(visitor: Client, keep: Keep):
    """The page of the first of these contacts."""

    def open_(*payloads) -> str:
        row = keep(*payloads)[0]
        answer = visitor.get(row.get_absolute_url())
        assert answer.status_code == 200
        return answer.content.decode()

    return open_


def test_page_shows_every_field_in_words(open_page, ada: Connection):
    Member.objects.create(workspace=ada.workspace, nimble_user_id="u7", name="Chiara Nwosu")
    body = open_page(
        contact(
            1,
            fields={
                "Tier": [item("2")],
                "Since": [item("2025-12-31T00:00:00Z")],
                "Seats": [item("12000")],
                "VIP": [item("true")],
                "Looked after by": [item("u7")],
                "email": [item("a@b.example", "work")],
                "phone": [item("+44 20 7946 (ext. 7)", "satellite")],
                "address": [
                    item('{"street": "1 Main St.", "city": "Köln", "zip": "50667"}', "work"),
                    item("{'street': \"2 d'Estaing\", 'country': 'France', 'planet': 'Earth'}", "home"),
                ],
                "contact employment": [item(json.dumps(WORK)), item("not json")],
                "Never heard of, this": [item("A surprise")],
                "source": [item("csv")],
            },
        )
    )
    for text in (
        *(
            "Silver",
            "Dec 31, 2025",
            "12,000",
            "Yes",
            "Chiara Nwosu",
            "a@b.example",
            "+44 20 7946 (ext. 7)",
            "satellite",
        ),
        *(
            "1 Main St.\n50667 Köln",
            "2 d&#x27;Estaing\nFrance\nplanet: Earth",
            "Buyer at Kestrel &amp; Sons (since 03/2019)",
        ),
        *("not json", "Never heard of, this", "A surprise", "csv", "mailto:a@b.example"),
    ):
        assert text in body, text


def test_page_survives_a_contact_before_its_metadata(open_page):
    ContactField.objects.all().delete()
    body = open_page(contact(1, fields={"Tier": [item("2")], "email": [item("a@b.example")]}))
    assert "a@b.example" in body
    assert "Tier" in body


@pytest.mark.parametrize(
    "fields", [{"Tier": [item(None)]}, {"email": [item(5)]}, {"Since": [item({"a": 1})]}, {"VIP": "bare"}]
)
def test_page_survives_values_of_the_wrong_type(open_page, fields):
    assert "Lindqvist" in open_page(contact(1, fields=fields))


def test_company_field_that_people_have_too_is_laid_out_once(open_page):
    body = open_page(contact(1, fields={"email": [item("a@b.example", "work")]}))
    assert body.count('<dt dir="auto">E-mail</dt>') == 1


def test_hostile_values_are_escaped(open_page):
    evil = "<img src=x onerror=alert(1)>"
    body = open_page(contact(1, tags=[evil], fields={"last name": [item(evil)], evil: [item(evil)]}))
    assert "<img" not in body
    bait = item("javascript:alert(1)")
    assert 'href="javascript' not in open_page(contact(2, fields={"URL": [bait], "linkedin": [bait], "phone": [bait]}))


def test_company_page_lists_the_people_that_one_may_see(visitor: Client, keep: Keep, connect):
    firm = contact(900, "company")
    hidden = {"read": {"user_ids": ["x"], "group_ids": []}, "edit": None}
    keep(firm, employed(1, firm), employed(2, firm))
    zoe = connect("bjorn@lantern-pine.test")
    keep(employed(3, firm, privacy=hidden), connection=zoe)
    row = Contact.objects.get(nimble_id="c900")
    body = visitor.get(row.get_absolute_url()).content.decode()
    assert "Ada Lindqvist 001" in body
    assert "Ada Lindqvist 002" in body
    assert "Ada Lindqvist 003" not in body


def test_person_under_the_address_of_companies_is_sent_to_their_own(visitor: Client, keep: Keep):
    [row] = keep(contact(1))
    answer = visitor.get(f"/companies/{row.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{row.pk}/")


@pytest.mark.parametrize("notes", [1, 3])
def test_page_costs_the_same_queries_whatever_hangs_on_it(
    visitor: Client, keep: Keep, django_assert_num_queries, notes: int
):
    firm = contact(900, "company")
    fields = {"email": [item(f"{n}@b.example", "work") for n in range(notes)]}
    row = keep(employed(1, firm, fields=fields), firm)[0]
    keep(*[note(n, "c1") for n in range(notes)], kind="contact_note")
    visitor.get(row.get_absolute_url())
    with django_assert_num_queries(15):
        visitor.get(row.get_absolute_url())


def test_whole_mirror_has_a_page_for_each_contact(mirror: Connection, client: Client):
    client.force_login(mirror.user, backend="django.contrib.auth.backends.ModelBackend")
    rows = list(Contact.objects.all())
    assert len(rows) > 40
    for row in rows:
        answer = client.get(row.get_absolute_url())
        assert answer.status_code == 200, row.pk
        body = answer.content.decode()
        assert "<script>" not in body
        assert "onerror=" not in body.replace("onerror=alert(1)&gt;", "").replace("onerror=alert(1)", "")


def test_page_is_kept_by_no_cache(visitor: Client, keep: Keep):
    [row] = keep(contact(1))
    assert "no-store" in visitor.get(row.get_absolute_url())["Cache-Control"]
