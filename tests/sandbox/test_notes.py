import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import ADA, Ask
from tests.sandboxes import SandboxServer

Everyones = Callable[..., dict[str, Any]]


@pytest.fixture
def contact(everyones: Everyones) -> str:
    return str(everyones("contact")["id"])


def body(contact: str, note: str = "<p>Hello</p>") -> dict[str, Any]:
    return {"contact_ids": [contact], "note": note, "note_preview": "Hello"}


def test_a_note_keeps_the_id_that_was_chosen(sandbox: SandboxServer, ada: Ask, contact: str) -> None:
    chosen = secrets.token_hex(12)
    made = ada("POST", f"/api/v1/contacts/notes/{chosen}", body(contact))
    assert (made.status_code, made.json()["id"]) == (201, chosen)
    assert ada("GET", f"/api/v1/contacts/notes/{chosen}").json()["note"] == "<p>Hello</p>"
    assert sandbox.object("note", chosen)["owner_id"] == sandbox.users[ADA]["user_id"]
    again = ada("POST", f"/api/v1/contacts/notes/{chosen}", body(contact))
    assert again.status_code == 409


def test_a_note_gets_its_own_id_where_none_can_be_chosen(sandbox: SandboxServer, ada: Ask, contact: str) -> None:
    sandbox.switch(note_ids="own")
    chosen = secrets.token_hex(12)
    made = ada("POST", f"/api/v1/contacts/notes/{chosen}", body(contact)).json()["id"]
    assert made != chosen
    assert ada("GET", f"/api/v1/contacts/notes/{chosen}").status_code == 404


def test_an_id_that_is_none_is_refused(ada: Ask, contact: str) -> None:
    assert ada("POST", "/api/v1/contacts/notes/hello", body(contact)).status_code == 409


@pytest.mark.parametrize("missing", ["contact_ids", "note", "note_preview"])
def test_every_part_is_required(ada: Ask, contact: str, missing: str) -> None:
    sent = body(contact)
    del sent[missing]
    answer = ada("POST", "/api/v1/contacts/notes", sent)
    assert (answer.status_code, list(answer.json()["errors"])) == (409, [f"/{missing}"])


def test_one_to_ten_contacts(ada: Ask) -> None:
    for ids in ([], [f"{number:024x}" for number in range(11)]):
        assert ada("POST", "/api/v1/contacts/notes", body("") | {"contact_ids": ids}).status_code == 409


def test_a_note_on_a_contact_that_is_gone_is_not_found(ada: Ask, contact: str) -> None:
    ada("DELETE", f"/api/v1/contact/{contact}")
    answer = ada("POST", f"/api/v1/contacts/notes/{secrets.token_hex(12)}", body(contact))
    assert (answer.status_code, answer.json()) == (404, {"object_type": "contact", "object_id": contact})


def test_five_a_page_newest_first(ada: Ask, contact: str) -> None:
    before = ada("GET", f"/api/v1/contacts/{contact}/notes").json()["meta"]["total"]
    for number in range(7):
        ada("POST", "/api/v1/contacts/notes", body(contact, f"note {number}"))
    page = ada("GET", f"/api/v1/contacts/{contact}/notes").json()
    assert [one["note"] for one in page["resources"]] == [f"note {number}" for number in (6, 5, 4, 3, 2)]
    assert page["meta"]["per_page"] == 5
    assert page["meta"]["total"] == before + 7
    assert page["meta"]["has_more"] is True
    whole = ada("GET", f"/api/v1/contacts/{contact}/notes?per_page=100").json()
    assert (len(whole["resources"]), whole["meta"]["has_more"]) == (before + 7, False)


def test_changed_and_deleted(ada: Ask, contact: str) -> None:
    made = ada("POST", f"/api/v1/contacts/{contact}/notes", {"note": "first"}).json()
    path = f"/api/v1/contacts/notes/{made['id']}"
    changed = ada("PUT", path, body(contact, "second")).json()
    assert (changed["note"], changed["created"]) == ("second", made["created"])
    assert ada("DELETE", path).json() == {"id": made["id"]}
    assert ada("GET", path).status_code == 404


def test_the_world_holds_notes_with_markup_hostile_and_encoded(sandbox: SandboxServer) -> None:
    texts = {note["note"] for note in sandbox.objects("note")}
    assert any("<script>" in text for text in texts)
    assert any(text.startswith("%3C") for text in texts)
    assert any("javascript:" in text for text in texts)
