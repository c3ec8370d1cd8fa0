"""Edits of contacts and notes in words, for the pages that list them."""

import json

from contacts.models import Contact, ContactField, ContactNote, ContactSight
from nimble.models import Connection, Member, Workspace
from sync import edits, entries, merge, registry
from sync.clock import database_now
from tests.contacts.conftest import Keep
from tests.contacts.payloads import WORK, contact, note
from tests.factories import caught_up
from tests.people import BJORN, Connect


def values(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"value": value, "modifier": modifier} for value, modifier in pairs]


def test_fields_and_values_are_said_as_a_person_reads_them(keep: Keep, ada: Connection):
    Member.objects.create(workspace=ada.workspace, nimble_user_id="u7", name="Chiara Nwosu")
    keep(contact(1))
    kind = registry.resource("contact")
    names = kind.names(ada.workspace_id, ada.user)
    said = {
        ("field:Tier", "Tier"): (values(("2", "")), "Silver"),
        ("field:email", "E-mail"): (values(("a@b", "work"), ("c@d", "alien")), "a@b · Work\nc@d · alien"),
        ("field:Looked after by", "Looked after by"): (values(("u7", "")), "Chiara Nwosu"),
        ("field:contact employment", "Title and company"): (
            values((json.dumps(WORK), "")),
            "Buyer at Kestrel & Sons (since 03/2019)",
        ),
        ("field:last name", "Last name"): ([], ""),
        ("tags", "Tags"): (["a,b", "c"], "a,b\nc"),
    }
    for (field, label), (value, text) in said.items():
        assert (kind.label(field, names), kind.shown(field, value, names, {})) == (label, text)
    assert kind.shown("field:last name", None, names, {}) == ""


def test_note_is_said_as_text_and_named_after_a_contact_that_everybody_sees(keep: Keep):
    mine = {"read": {"user_ids": [], "group_ids": []}, "edit": None}
    keep(contact(1, privacy=mine), contact(2))
    both = [{"id": "c1", "is_viewable": True}, {"id": "c2", "is_viewable": True}]
    [kept] = keep(note(1, "c1", contacts=both), kind="contact_note")
    kind = registry.resource("contact_note")
    assert kind.title(kept) == "Ada Lindqvist 002"
    assert kind.url(kept) == f"/contacts/{Contact.objects.get(nimble_id='c2').pk}/#note-{kept.pk}"
    assert (kind.label("note", None), kind.shown("note", "<p>One<br>two</p>", None, {})) == ("Note", "One\ntwo")
    assert kind.title(ContactNote()) == ""


def test_note_is_named_after_a_contact_that_the_reader_sees(keep: Keep, connect: Connect, ada: Connection):
    """Its first contact is hidden from a colleague: neither its name nor its page may be told."""
    hidden, shared = keep(contact(1), contact(2))
    both = [{"id": "c1", "is_viewable": True}, {"id": "c2", "is_viewable": True}]
    [kept] = keep(note(1, "c1", contacts=both), kind="contact_note")
    bjorn = caught_up(connect(BJORN))
    ContactSight.objects.create(record=hidden, connection=bjorn, hidden_at=database_now())
    edit = edits.record(author=bjorn.user, row=kept, new={"note": "<p>Changed</p>"})
    assert edit is not None
    for reader, named in ((bjorn.user, shared), (ada.user, hidden)):
        entry = entries.one(edit, reader)
        assert (entry.title, entry.url) == (named.name, f"/contacts/{named.pk}/#note-{kept.pk}")


def test_how_a_field_merges_is_said_by_the_own_workspace(keep: Keep):
    [row] = keep(contact(1))
    other = Workspace.objects.create(company_id="other")
    ContactField.objects.create(workspace=other, field_id="f", name="Tier", multiples=True)
    kind = registry.resource("contact")

    def sets(of: Contact) -> set[str]:
        rules = kind.rules(of, ["field:Tier", "field:email", "tags"])
        return {name for name, rule in rules.items() if rule.content is merge.present}

    assert sets(row) == {"field:email", "tags"}
    assert sets(Contact(workspace=other)) == {"field:Tier", "field:email", "tags"}
