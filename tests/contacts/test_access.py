"""Who may see and change what: every page of contacts, asked by everybody."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, ContactNote, ContactSight
from nimble.models import Connection
from sync.models import Edit
from tests.contacts.conftest import Keep
from tests.contacts.payloads import contact, note
from tests.factories import caught_up
from tests.people import BJORN, ZOE

MINE = {"read": {"user_ids": [], "group_ids": []}, "edit": {"user_ids": [], "group_ids": []}}


def browser(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def private(keep: Keep) -> Contact:
    """A contact that Nimble shows to Ada alone, with a note."""
    [row] = keep(contact(1, fields={"description": [{"value": "Secret plan", "modifier": ""}]}, privacy=MINE))
    keep(note(1, "c1", "<p>Secret note</p>"), kind="contact_note")
    return row


@pytest.fixture
def others(connect, private: Contact) -> dict[str, Callable[[], Client]]:
    """Everybody who must not see Ada's private contact."""

    def dead_grant() -> Client:
        connection = Connection.objects.get(user__username__contains="nimble-", name="Ada Kowalska")
        connection.state = Connection.State.RECONNECT
        connection.save(update_fields=["state"])
        return browser(connection.user)

    return {
        "stranger of another workspace": lambda: browser(connect(ZOE).user),
        "member without visibility": lambda: browser(caught_up(connect(BJORN)).user),
        "dead grant": dead_grant,
        "operator": lambda: browser(get_user_model().objects.create_superuser("operator", password="x" * 20)),
        "without a connection": lambda: browser(get_user_model().objects.create_user("nobody")),
    }


OTHERS = [
    "stranger of another workspace",
    "member without visibility",
    "dead grant",
    "operator",
    "without a connection",
]


def addresses(row: Contact) -> dict[str, str]:
    """Every address of a contact."""
    note = ContactNote.objects.get()
    base = f"/contacts/{row.pk}/"
    return {
        "page": base,
        "company": f"/companies/{row.pk}/",
        "edit": f"{base}edit/description/",
        "tags": f"{base}edit/tags/",
        "write_note": f"{base}notes/",
        "change_note": f"{base}notes/{note.pk}/",
        "remove_note": f"{base}notes/{note.pk}/remove/",
    }


@pytest.mark.parametrize("who", OTHERS)
def test_private_contact_is_not_found_by_others(private: Contact, others, who: str):
    client = others[who]()
    for name, url in addresses(private).items():
        for answer in (
            [client.post(url, {"value": "x", "text": "x", "tags": "x"})]
            if name == "write_note"
            else [
                client.get(url),
                client.post(url, {"value": "x", "text": "x", "tags": "x"}),
            ]
        ):
            assert answer.status_code in (404, 405), (name, answer.status_code)
            assert "Secret" not in answer.content.decode()
    assert not Edit.objects.exists()


@pytest.mark.parametrize("who", OTHERS)
def test_private_contact_is_in_nobody_elses_list_search_or_tags(private: Contact, others, who: str):
    client = others[who]()
    for url in ("/contacts/", "/contacts/?q=lindqvist", "/contacts/?type=person", "/companies/", "/contacts/tags/"):
        answer = client.get(url)
        assert answer.status_code == 200
        body = answer.content.decode()
        assert "Lindqvist" not in body
        assert f"/contacts/{private.pk}/" not in body


@pytest.mark.parametrize("who", ["dead grant", "operator", "without a connection"])
def test_list_leads_to_connecting_whoever_has_no_connection(private: Contact, others, who: str):
    body = others[who]().get("/contacts/").content.decode()
    assert ("Reconnect Nimble" if who == "dead grant" else "Connect your Nimble account") in body
    assert 'action="/accounts/nimble/login/"' in body


def test_anonymous_visitor_is_sent_to_sign_in(private: Contact):
    for name, url in addresses(private).items():
        answer = Client().post(url) if name == "write_note" else Client().get(url)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/accounts/login/")


def test_owner_sees_all_of_it(private: Contact, visitor: Client):
    body = visitor.get(f"/contacts/{private.pk}/").content.decode()
    assert "Secret plan" in body
    assert "Secret note" in body
    assert "Not visible to everyone" in body


def test_public_contact_is_seen_by_a_colleague_and_not_by_another_company(keep: Keep, connect):
    [row] = keep(contact(1))
    assert browser(caught_up(connect(BJORN)).user).get(f"/contacts/{row.pk}/").status_code == 200
    assert browser(connect(ZOE).user).get(f"/contacts/{row.pk}/").status_code == 404


def test_contact_that_nimble_hid_from_somebody_is_not_found_by_them(keep: Keep, connect, visitor: Client):
    [row] = keep(contact(1))
    bjorn = connect(BJORN)
    ContactSight.objects.create(record=row, connection=bjorn, hidden_at=timezone.now())
    assert browser(bjorn.user).get(f"/contacts/{row.pk}/").status_code == 404
    assert visitor.get(f"/contacts/{row.pk}/").status_code == 200


def test_note_is_not_reached_through_a_contact_that_it_is_not_on(keep: Keep, visitor: Client):
    keep(contact(1), contact(2))
    keep(note(1, "c1"), kind="contact_note")
    other = Contact.objects.get(nimble_id="c2")
    assert visitor.get(f"/contacts/{other.pk}/notes/{ContactNote.objects.get().pk}/").status_code == 404


def test_gone_contact_is_not_found(keep: Keep, visitor: Client):
    [row] = keep(contact(1))
    Contact.objects.update(gone_at=timezone.now())
    assert visitor.get(f"/contacts/{row.pk}/").status_code == 404
    assert "Lindqvist" not in visitor.get("/contacts/").content.decode()
