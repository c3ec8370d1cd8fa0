"""What Nimble refused, typed anew in the inputs that the field has on its record's page."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from contacts import actions as contact_actions
from contacts import queries as contact_queries
from contacts.models import Contact
from deals import actions, queries
from deals.models import Deal, DealField
from nimble.models import Connection, Member
from sync import outbox
from sync.models import Edit, State
from tests import factories
from tests.people import BJORN, Connect
from tests.sync.pages import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mirror(db: None, ada: Connection) -> Connection:
    return factories.mirrored(ada)


@pytest.fixture
def deal(mirror: Connection) -> Deal:
    return queries.for_user(mirror.user).filter(is_private=False)[0]


def refused(edit: Edit | None) -> Edit:
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state=State.REJECTED, error={"reason": "Invalid"})
    return edit


def disputed(edit: Edit | None, field: str, theirs: Any) -> Edit:
    assert edit
    edit.fields[field]["theirs"] = theirs
    Edit.objects.filter(pk=edit.pk).update(state=State.CONFLICT, error={"reason": "conflict"}, fields=edit.fields)
    return edit


def email(*values: str) -> list[dict[str, str]]:
    purposes = ("work", "personal")
    return [{"value": value, "modifier": purpose} for value, purpose in zip(values, purposes, strict=False)]


@pytest.fixture
def contact(mirror: Connection) -> Contact:
    """Somebody with no more than the two addresses that are typed here."""
    return contact_queries.for_user(mirror.user).filter(is_private=False, record_type="person")[0]


def inputs(page: str) -> dict[str, Any]:
    """What a browser would send of the inputs with values."""
    form = page[page.index('name="value-0') - 300 :]
    form = form[: form.index("</form>")]
    tags = (dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", form))
    found = {tag["name"]: html.unescape(tag.get("value", "")) for tag in tags if "name" in tag}
    for name, options in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = html.unescape(chosen[1]) if chosen else ""
    return found


def new(edit: Edit) -> Any:
    edit.refresh_from_db()
    [change] = edit.fields.values()
    return change["new"]


def test_refused_address_is_mended_in_its_row(mirror: Connection, contact: Contact):
    wrong = email("a@lantern.example", "b@lantern,example")
    edit = refused(contact_actions.change_field(author=mirror.user, contact=contact, name="email", wanted=wrong))
    page = signed_in(mirror)
    path = f"/sync/edits/{edit.pk}/"
    sent = inputs(page.get(path).content.decode())
    assert (sent["value-0-rows-0-value"], sent["value-0-rows-1-value"]) == ("a@lantern.example", "b@lantern,example")
    more = page.post(f"{path}mend/", {**sent, "another": "value-0"})
    assert (more.status_code, inputs(more.content.decode())["value-0-rows"]) == (200, "4")
    answer = page.post(f"{path}mend/", {**sent, "value-0-rows-1-value": "no address"})
    assert (answer.status_code, "is no e-mail address" in answer.content.decode()) == (422, True)
    assert Edit.objects.get(pk=edit.pk).state == State.REJECTED
    answer = page.post(f"{path}mend/", {**sent, "value-0-rows-1-value": "b@lantern.example"})
    assert answer.status_code == 302
    outbox.deliver()
    assert [item["value"] for item in new(edit)] == ["a@lantern.example", "b@lantern.example"]
    assert edit.state == State.CONFIRMED


def test_refused_owner_is_chosen_anew(mirror: Connection, deal: Deal, connect: Connect):
    other = connect(BJORN).nimble_user_id
    Member.objects.remember(mirror.workspace, [{"user_id": other, "name": "Björn"}])
    edit = refused(actions.change(author=mirror.user, deal=deal, field="owner", value="5f0c"))
    page = signed_in(mirror)
    answer = page.get(f"/sync/edits/{edit.pk}/").content.decode()
    assert f'<option value="{other}"' in answer
    assert page.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": "nobody"}).status_code == 422
    assert page.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": other}).status_code == 302
    assert new(edit) == other


def test_refused_choice_is_chosen_anew(mirror: Connection, deal: Deal):
    field = DealField.objects.filter(kind="choice", pipeline_nimble_id__in=["", deal.pipeline_nimble_id])[0]
    edit = refused(actions.change(author=mirror.user, deal=deal, field=f"field:{field.field_id}", value=["gone"]))
    page = signed_in(mirror)
    wanted = field.choices[0]["id"]
    assert f'<option value="{wanted}"' in page.get(f"/sync/edits/{edit.pk}/").content.decode()
    assert page.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": wanted}).status_code == 302
    assert new(edit) == [wanted]


def test_refused_tags_are_typed_one_a_line(mirror: Connection, deal: Deal):
    edit = refused(actions.change(author=mirror.user, deal=deal, field="tags", value=["one", "two"]))
    page = signed_in(mirror)
    assert "one\ntwo</textarea>" in page.get(f"/sync/edits/{edit.pk}/").content.decode()
    assert page.post(f"/sync/edits/{edit.pk}/mend/", {"value-0-value": "one\nthree"}).status_code == 302
    assert new(edit) == ["one", "three"]


def test_conflict_of_several_values_takes_others(mirror: Connection, contact: Contact):
    wrong = email("a@lantern.example")
    edit = disputed(
        contact_actions.change_field(author=mirror.user, contact=contact, name="email", wanted=wrong),
        "field:email",
        email("z@lantern.example"),
    )
    page: Client = signed_in(mirror)
    sent = inputs(page.get(f"/sync/edits/{edit.pk}/").content.decode())
    wanted = {**sent, "choice-0": "other", "value-0-rows-0-value": "m@lantern.example"}
    shown = page.post(f"/sync/edits/{edit.pk}/preview/", wanted, headers={"HX-Request": "true"}).content.decode()
    assert "m@lantern.example" in shown
    assert page.post(f"/sync/edits/{edit.pk}/resolve/", wanted).status_code == 302
    assert [item["value"] for item in new(edit)] == ["m@lantern.example"]
