"""Changing one field: the form, what it keeps, what it refuses, what becomes an edit."""

import html
import json
import re

import pytest
from django.core import signing
from django.test import Client

from contacts import actions
from contacts.models import Contact
from nimble.models import Connection
from sync import edits, overlay
from sync.models import Edit, State
from tests.contacts.conftest import Keep
from tests.contacts.payloads import WORK, contact, employed, item

HTMX = {"HTTP_HX_REQUEST": "true"}


def inputs(body: str) -> dict[str, str]:
    """What a browser would send of the page's edit form if nobody touched it."""
    form = body[body.index('name="seal"') - 200 :]
    form = form[: form.index("</form>")]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attrs = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attrs:
            # One line's input drops line ends.
            found[attrs["name"]] = re.sub(r"[\r\n]", "", html.unescape(attrs.get("value", "")))
    for name, text in re.findall(r'<textarea name="([\w-]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        found[name] = html.unescape(text).replace("\r\n", "\n").replace("\n", "\r\n")
    for name, options in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r'<option value="([^"]*)"', options
        )
        found[name] = html.unescape(chosen[1]) if chosen else ""
    return found


class Editing:
    """Somebody who edits the fields of one contact."""

    def __init__(self, client: Client, row: Contact) -> None:
        self.client, self.row = client, row

    def url(self, field: str) -> str:
        return f"/contacts/{self.row.pk}/edit/{field}/"

    def form(self, field: str) -> dict[str, str]:
        answer = self.client.get(self.url(field), **HTMX)
        assert answer.status_code == 200
        return inputs(answer.content.decode())

    def save(self, field: str, sent: dict[str, str] | None = None, **typed: str):
        return self.client.post(self.url(field), {**(self.form(field) if sent is None else sent), **typed}, **HTMX)

    def change(self, field: str) -> dict:
        """What the only edit changes."""
        return Edit.objects.get().fields[field]


@pytest.fixture
def editing(visitor: Client, keep: Keep):
    def begin(payload) -> Editing:
        return Editing(visitor, keep(payload)[0])

    return begin


EMAILS = [
    item("a@b.example", "work", is_primary=True),
    item(" B@b.example\r\n", "alien"),
    item("not an address", "personal"),
]


def values(*items) -> list[dict[str, str]]:
    return [{"value": one["value"], "modifier": one["modifier"]} for one in items]


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("first name", [item("tab\there\r\nand a line ")]),
        ("description", [item("two\nlines\r\nand a third\n"), item("more", "other")]),
        ("email", EMAILS),
        ("phone", [item("call after 6\nplease", "satellite")]),
        ("Tier", [item("99")]),
        ("Since", [item("2026-02-28T10:00:00+0300")]),
        ("Seats", [item("1e6")]),
        ("VIP", [item("TRUE")]),
        ("contact employment", [item(json.dumps({**WORK, "title": " Buyer "})), item("garbage")]),
    ],
)
def test_form_that_nobody_touched_changes_nothing(editing, field: str, sent):
    mine = editing(contact(1, fields={field: sent}))
    answer = mine.save(field)
    assert answer.status_code == 200
    assert not Edit.objects.exists()


def test_changed_name_is_saved_shown_and_can_be_undone(editing):
    mine = editing(contact(1))
    answer = mine.save("first name", value="  Grace ")
    body = answer.content.decode()
    assert mine.change("field:first name") == {"base": values(item("Ada")), "new": values(item("Grace"))}
    mine.row.refresh_from_db()
    assert mine.row.name == "Grace Lindqvist 001"
    assert "Grace Lindqvist 001" in body
    assert "Saved here" in body
    assert f"/sync/edits/{Edit.objects.get().pk}/undo/" in body


def test_person_keeps_a_name_and_what_was_typed_stays(editing):
    mine = editing(contact(1, fields={"last name": None}))
    answer = mine.save("first name", value="   ")
    assert answer.status_code == 422
    assert "A person needs a first or a last name." in answer.content.decode()
    assert not Edit.objects.exists()


def test_either_name_may_go_while_the_other_stays(editing):
    mine = editing(contact(1))
    assert mine.save("first name", value="").status_code == 200
    assert mine.change("field:first name")["new"] == []


def test_company_keeps_its_name(editing):
    mine = editing(contact(1, "company"))
    answer = mine.save("company name", value="")
    assert answer.status_code == 422
    assert "A company needs its name." in answer.content.decode()


def test_one_changed_email_leaves_the_others_as_they_are(editing):
    mine = editing(contact(1, fields={"email": EMAILS}))
    assert mine.save("email", **{"rows-0-value": "new@b.example"}).status_code == 200
    assert mine.change("field:email")["new"] == values(item("new@b.example", "work"), *EMAILS[1:])


def test_emails_are_added_moved_and_removed(editing):
    mine = editing(contact(1, fields={"email": EMAILS[:2]}))
    typed = {
        "rows-0-value": "",
        "rows-1-modifier": "other",
        "rows-2-value": "c@b.example",
        "rows-2-modifier": "personal",
    }
    assert mine.save("email", **typed).status_code == 200
    assert mine.change("field:email")["new"] == values(
        item(" B@b.example\r\n", "other"), item("c@b.example", "personal")
    )


def test_wrong_email_is_said_at_its_line_and_nothing_typed_is_lost(editing):
    mine = editing(contact(1, fields={"email": EMAILS}))
    answer = mine.save("email", **{"rows-0-value": "still here@", "rows-3-value": "fine@b.example"})
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "“still here@” is no e-mail address." in body
    again = inputs(body)
    assert (again["rows-0-value"], again["rows-3-value"]) == ("still here@", "fine@b.example")
    assert not Edit.objects.exists()


def test_another_line_is_added_without_saving_or_losing_anything(editing):
    mine = editing(contact(1, fields={"email": EMAILS[:1]}))
    answer = mine.save("email", another="1", **{"rows-1-value": "half@typed"})
    assert answer.status_code == 200
    again = inputs(answer.content.decode())
    assert again["rows"] == "3"
    assert again["rows-1-value"] == "half@typed"
    assert not Edit.objects.exists()
    assert mine.save("email", sent=again, **{"rows-2-value": "third@b.example"}).status_code == 200
    assert [one["value"] for one in mine.change("field:email")["new"]] == [
        "a@b.example",
        "half@typed",
        "third@b.example",
    ]


def test_employment_keeps_its_other_parts_and_the_other_jobs(editing):
    past = {"company_name": "Old & Co", "title": "Clerk", "start_date": "01/2001", "end_date": "02/2003"}
    jobs = [item(json.dumps(past)), item(json.dumps(WORK))]
    mine = editing(contact(1, fields={"contact employment": jobs}))
    form = mine.form("contact employment")
    assert (form["title"], form["company"]) == ("Buyer", "Kestrel & Sons")
    assert mine.save("contact employment", title="Head of Buying").status_code == 200
    new = mine.change("field:contact employment")["new"]
    assert new[0] == values(jobs[0])[0]
    assert json.loads(new[1]["value"]) == {**WORK, "title": "Head of Buying"}
    mine.row.refresh_from_db()
    assert (mine.row.title, mine.row.company_name) == ("Head of Buying", "Kestrel & Sons")


def test_deprecated_title_is_read_and_never_written(editing):
    mine = editing(contact(1, fields={"title": [item("Baker")], "parent company": [item("Bread Ltd")]}))
    assert mine.form("contact employment")["title"] == "Baker"
    mine.save("contact employment", title="Master baker")
    fields = Edit.objects.get().fields
    assert set(fields) == {"field:contact employment"}
    job = json.loads(fields["field:contact employment"]["new"][0]["value"])
    assert job == {"title": "Master baker", "company_name": "Bread Ltd", "is_present": True}
    for name in ("title", "parent company"):
        assert mine.client.get(mine.url(name)).status_code == 404


def test_tags_with_commas_and_strange_ones_stay(editing):
    mine = editing(contact(1, tags=["best,premium", " spaced", "gone"]))
    form = mine.form("tags")
    typed = form["tags"].replace("gone", "<b>new</b>\r\n\r\nspaced")
    assert mine.save("tags", tags=typed).status_code == 200
    assert mine.change("tags")["new"] == ["best,premium", " spaced", "<b>new</b>"]


@pytest.mark.parametrize(
    ("field", "typed", "stored"),
    [
        ("Tier", "2", "2"),
        ("Since", "2026-03-31", "2026-03-31"),
        ("Seats", "12.5", "12.5"),
        ("VIP", "false", "false"),
        ("description", "one\r\n\r\ntwo ", "one\n\ntwo"),
    ],
)
def test_custom_field_is_set_by_its_kind(editing, field: str, typed: str, stored: str):
    mine = editing(contact(1))
    sent = {"rows-0-value": typed} if field == "description-rows" else {"value": typed}
    assert mine.save(field, **sent).status_code == 200
    assert mine.change(f"field:{field}")["new"] == values(item(stored))


@pytest.mark.parametrize(
    ("field", "typed"), [("Tier", "3"), ("Since", "soon"), ("Seats", "many"), ("Seats", "1,5"), ("VIP", "perhaps")]
)
def test_value_of_the_wrong_kind_is_refused(editing, field: str, typed: str):
    mine = editing(contact(1))
    answer = mine.save(field, value=typed)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Edit.objects.exists()


@pytest.mark.parametrize("field", ["source", "nothing such", "address", "title", "company name/"])
def test_field_that_cannot_be_edited_has_no_form(editing, field: str):
    mine = editing(contact(1, fields={"source": [item("csv")], "address": [item("{}", "work")]}))
    assert mine.client.get(mine.url(field)).status_code == 404
    assert mine.client.post(mine.url(field), {"value": "x"}).status_code == 404


def test_what_the_reader_saw_is_the_base(editing, keep: Keep):
    mine = editing(contact(1, tags=["a"]))
    form = mine.form("last name")
    keep(contact(1, fields={"last name": [item("Changed meanwhile")]}))
    assert mine.save("last name", sent=form, value="Mine").status_code == 200
    assert mine.change("field:last name")["base"] == values(item("Lindqvist 001"))


def test_forged_seal_is_refused_and_the_text_kept(editing):
    mine = editing(contact(1))
    forged = signing.dumps([{"value": "x", "modifier": ""}], salt="elsewhere")
    answer = mine.save("first name", seal=forged, value="Typed")
    assert answer.status_code == 422
    body = answer.content.decode()
    assert "This form is out of date." in body
    assert inputs(body)["value"] == "Typed"


def test_saving_works_without_javascript(editing):
    mine = editing(contact(1))
    page = mine.client.get(mine.url("first name")).content.decode()
    assert "<html" in page
    answer = mine.client.post(mine.url("first name"), {**inputs(page), "value": "Grace"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/contacts/{mine.row.pk}/#field-")
    body = mine.client.get(f"/contacts/{mine.row.pk}/").content.decode()
    assert "First name saved." in body
    assert "Grace" in body


def test_lost_connection_is_told_and_the_text_kept(editing, ada: Connection, monkeypatch):
    mine = editing(contact(1))
    form = mine.form("first name")

    def lost(*_args, **_kwargs):
        raise edits.CannotEdit("Connect your Nimble account to change records.")

    # The connection goes between the check of who may see and the saving: nothing but a race brings this about.
    monkeypatch.setattr(edits, "connection_of", lost)
    answer = mine.save("first name", sent=form, value="Grace")
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "Connect your Nimble account" in body
    assert inputs(body)["value"] == "Grace"


def refuse(edit: Edit, **error) -> None:
    """As the outbox ends an edit that Nimble does not accept."""
    Edit.objects.filter(pk=edit.pk).update(state=State.REJECTED, error={"reason": "Invalid", "message": "No.", **error})
    overlay.refresh(Contact.objects.get(pk=edit.record_id))


def test_refused_edit_comes_back_to_its_field_with_its_text(editing):
    mine = editing(contact(1, fields={"email": EMAILS[:1]}))
    mine.save("email", **{"rows-0-value": "bad@address"})
    edit = Edit.objects.get()
    refuse(edit, fields={"email": ["Invalid email address"]})
    body = mine.client.get(f"/contacts/{mine.row.pk}/").content.decode()
    assert "Needs you" in body
    assert mine.url("email") in body
    assert f"/sync/edits/{edit.pk}/discard/" in body
    form = mine.client.get(mine.url("email"), **HTMX).content.decode()
    assert "Invalid email address" in form
    assert inputs(form)["rows-0-value"] == "bad@address"
    assert mine.save("email", **{"rows-0-value": "good@b.example"}).status_code == 200
    edit.refresh_from_db()
    assert (Edit.objects.count(), edit.state) == (1, State.PENDING)
    assert edit.fields["field:email"]["new"] == values(item("good@b.example", "work"))


def test_refused_edit_that_goes_back_to_nimbles_value_ends(editing):
    mine = editing(contact(1))
    mine.save("first name", value="Bad")
    edit = Edit.objects.get()
    refuse(edit)
    assert mine.save("first name", value="Ada").status_code == 200
    edit.refresh_from_db()
    assert (Edit.objects.count(), edit.state) == (1, State.DISCARDED)


def test_refused_edit_is_its_authors_alone(editing, connect):
    mine = editing(contact(1))
    mine.save("first name", value="Whisper")
    refuse(Edit.objects.get())
    other = Client()
    other.force_login(connect("bjorn@lantern-pine.test").user, backend="django.contrib.auth.backends.ModelBackend")
    body = other.get(f"/contacts/{mine.row.pk}/").content.decode()
    assert "Needs you" not in body
    form = other.get(mine.url("first name")).content.decode()
    assert "Whisper" not in form


def test_tag_that_another_added_meanwhile_stays(editing, ada: Connection, connect):
    bjorn = connect("bjorn@lantern-pine.test")
    mine = editing(contact(1, tags=["a"]))
    form = mine.form("tags")
    actions.set_tags(author=bjorn.user, contact=mine.row, tags=["a", "b"])
    Edit.objects.update(state=State.SENDING)
    assert mine.save("tags", sent=form, tags="a\r\nc").status_code == 200
    assert Edit.objects.order_by("-pk")[0].fields["tags"] == {"base": ["a"], "new": ["a", "c"]}


def test_employer_in_the_head_follows_the_edit(editing, keep: Keep):
    firm = contact(900, "company")
    keep(firm)
    mine = editing(employed(1, firm))
    body = mine.save("contact employment", company="Elsewhere Ltd").content.decode()
    assert "Elsewhere Ltd" in body
    assert "/companies/" not in body
