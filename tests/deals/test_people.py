"""The contacts of a deal: found, added, noted, removed."""

import threading
import time
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from deals import actions
from deals.models import Deal
from deals.record import external_key
from nimble.models import Connection
from sync import events, outbox
from sync.models import Edit, State
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, related
from tests.factories import caught_up
from tests.people import BJORN
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}
PRIVATE = {"read": {"user_ids": [], "group_ids": []}, "edit": None}


def person(number: int, name: str, **more: Any) -> dict[str, Any]:
    return contact(number, fields={"first name": [], "last name": [item(name)]}, **more)


@pytest.fixture
def row(keep: Keep) -> Deal:
    keep(person(1, "Zimmermann"), person(2, "Åström"), person(3, "Ashton", privacy=PRIVATE), kind="contact")
    return keep(deal(1, related_contacts=[related("c1", "Zimmermann")]))[0]


def pk_of(nimble_id: str) -> int:
    return Contact.objects.values_list("pk", flat=True).get(nimble_id=nimble_id)


def change(page: Client, row: Deal, key: str, **data: str) -> Any:
    return page.post(reverse("deals:related", args=[row.pk, key]), data, headers=HTMX)


def taking_part() -> list[dict[str, str]]:
    edit = Edit.objects.exclude(state=State.SUPERSEDED).get()
    found: list[dict[str, str]] = edit.fields["contacts"]["new"]
    return found


def test_contacts_are_found_by_words_and_added(page: Client, row: Deal):
    find = reverse("deals:relate", args=[row.pk])
    target = {**HTMX, "HX-Target": "found"}
    assert "Åström" in page.get(find, {"q": "astr"}, headers=target).content.decode()
    assert "Nobody by that name" in page.get(find, {"q": "zimmer"}, headers=target).content.decode()
    answer = page.post(find, {"contact": pk_of("c2")}, headers=HTMX)
    assert "deal-changed" in answer.headers["HX-Trigger"]
    assert taking_part() == [{"id": "c1", "note": ""}, {"id": "c2", "note": ""}]
    shown = page.get(reverse("deals:beside", args=[row.pk])).content.decode()
    assert "Åström" in shown
    assert "Saved here" in shown


@pytest.mark.django_db(transaction=True)
def test_two_who_add_contacts_at_once_lose_neither(page: Client, row: Deal, ada: Connection):
    """The second one asks while the first one's change is not committed yet."""
    begun = threading.Event()
    find = reverse("deals:relate", args=[row.pk])
    page.get(find, {"q": "astr"}, headers=HTMX)

    def add() -> None:
        try:
            with events.atomic():
                locked = Deal.objects.select_for_update().get(pk=row.pk)
                both = [{"id": "c1", "note": ""}, {"id": "c3", "note": ""}]
                actions.change(author=ada.user, deal=locked, field="contacts", value=both)
                begun.set()
                time.sleep(1)
        finally:
            database.close()

    first = threading.Thread(target=add)
    first.start()
    assert begun.wait(10)
    answer = page.post(find, {"contact": pk_of("c2")}, headers=HTMX)
    first.join()
    assert answer.status_code == 200
    assert [one["id"] for one in taking_part()] == ["c1", "c3", "c2"]


def test_nobody_finds_or_adds_whom_they_do_not_see(row: Deal, connect: Any):
    other = browser(caught_up(connect(BJORN)).user)
    find = reverse("deals:relate", args=[row.pk])
    assert "Ashton" not in other.get(find, {"q": "ashton"}, headers=HTMX).content.decode()
    assert other.post(find, {"contact": pk_of("c3")}).status_code == 404
    assert other.post(find, {"contact": "c3"}).status_code == 404


def test_contact_that_takes_part_already_is_not_added_twice(page: Client, row: Deal):
    answer = page.post(reverse("deals:relate", args=[row.pk]), {"contact": pk_of("c1")}, headers=HTMX)
    assert answer.status_code == 409
    assert "takes part already" in answer.content.decode()
    assert not Edit.objects.exists()


def test_note_on_a_contact_and_its_removal(page: Client, row: Deal):
    assert change(page, row, "c1", note="Signs <b>").status_code == 200
    assert taking_part() == [{"id": "c1", "note": "Signs <b>"}]
    assert "Signs &lt;b&gt;" in page.get(row.get_absolute_url()).content.decode()
    change(page, row, "c1", remove="1")
    assert taking_part() == []
    assert "Nobody takes part yet." in page.get(reverse("deals:beside", args=[row.pk])).content.decode()
    assert change(page, row, "c1", note="x").status_code == 404


def test_contacts_without_javascript(page: Client, row: Deal):
    find = reverse("deals:relate", args=[row.pk])
    assert "Åström" in page.get(find, {"q": "astr"}).content.decode()
    answer = page.post(find, {"contact": pk_of("c2")}, follow=True)
    assert "Åström takes part now." in answer.content.decode()
    body = page.get(reverse("deals:related", args=[row.pk, "c2"])).content.decode()
    assert "<h1" in body
    assert "Åström" in body


def test_whom_one_does_not_see_can_be_noted_and_stays_unnamed(keep: Keep, page: Client):
    [row] = keep(deal(1, related_contacts=[related("c9", "Secret", is_viewable=False)]))
    assert change(page, row, "c9", note="Pays").status_code == 200
    assert taking_part() == [{"id": "c9", "note": "Pays"}]


def test_who_may_not_edit_the_deal_changes_no_contacts(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False, related_contacts=[related("c1", "x")]))
    assert page.get(reverse("deals:relate", args=[row.pk])).status_code == 404
    assert change(page, row, "c1", remove="1").status_code == 404
    assert reverse("deals:related", args=[row.pk, "c1"]) not in page.get(row.get_absolute_url()).content.decode()


def test_contacts_arrive_in_nimble_and_leave(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    before = [one["contact_id"] for one in sandbox.object("deal", row.nimble_id or "")["related_contacts"]]
    someone = Contact.objects.filter(is_private=False).exclude(nimble_id__in=before).first()
    assert someone
    page, key = browser(mirror.user), someone.nimble_id or ""
    page.post(reverse("deals:relate", args=[row.pk]), {"contact": someone.pk}, headers=HTMX)
    assert outbox.deliver() == 1
    change(page, row, key, note="Decides")
    assert outbox.deliver() == 1
    stored = sandbox.object("deal", row.nimble_id or "")["related_contacts"]
    assert [one["contact_id"] for one in stored] == [*before, key]
    assert stored[-1]["note"] == "Decides"
    change(page, row, key, remove="1")
    assert outbox.deliver() == 1
    stored = sandbox.object("deal", row.nimble_id or "")["related_contacts"]
    assert [one["contact_id"] for one in stored] == before
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}


# --- people who are no contacts ------------------------------------------------------------------------------------


GUEST = {"contact_info": "guest@outside.example", "note": "Advisor"}


def tell(page: Client, row: Deal, who: str = "", **data: str) -> Any:
    known = [row.pk, external_key(who)] if who else [row.pk]
    return page.post(reverse("deals:external" if who else "deals:add_external", args=known), data, headers=HTMX)


def others() -> list[dict[str, str]]:
    edit = Edit.objects.exclude(state=State.SUPERSEDED).get()
    found: list[dict[str, str]] = edit.fields["external"]["new"]
    return found


@pytest.fixture
def guest(keep: Keep) -> Deal:
    return keep(deal(1, related_external_contacts=[GUEST]))[0]


def test_somebody_who_is_no_contact_is_added_changed_and_removed(page: Client, guest: Deal):
    text = page.get(guest.get_absolute_url()).content.decode()
    assert "guest@outside.example" in text
    assert "Advisor" in text
    answer = tell(page, guest, info="+49 30 1234", note="Pays")
    assert "deal-changed" in answer.headers["HX-Trigger"]
    assert others() == [{"info": "guest@outside.example", "note": "Advisor"}, {"info": "+49 30 1234", "note": "Pays"}]
    form = page.get(reverse("deals:external", args=[guest.pk, external_key("+49 30 1234")]), headers=HTMX)
    assert 'value="Pays"' in form.content.decode()
    tell(page, guest, "+49 30 1234", info="+49 30 1235", note="")
    assert others() == [{"info": "guest@outside.example", "note": "Advisor"}, {"info": "+49 30 1235", "note": ""}]
    tell(page, guest, "guest@outside.example", remove="1")
    assert others() == [{"info": "+49 30 1235", "note": ""}]


def test_one_who_takes_part_already_or_has_no_name_is_refused_with_what_was_typed(page: Client, guest: Deal):
    answer = tell(page, guest, info="guest@outside.example", note="Twice")
    assert answer.status_code == 422
    assert "guest@outside.example takes part already." in answer.content.decode()
    assert 'value="Twice"' in answer.content.decode()
    assert tell(page, guest, info=" ", note="Nobody").status_code == 422
    assert not Edit.objects.exists()
    assert tell(page, guest, "nobody@outside.example", info="x").status_code == 404


def test_who_may_not_edit_the_deal_changes_nobody_of_it(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False, related_external_contacts=[GUEST]))
    assert tell(page, row, info="x").status_code == 404
    assert tell(page, row, "guest@outside.example", remove="1").status_code == 404
    assert "/external/" not in page.get(row.get_absolute_url()).content.decode()


def test_others_arrive_in_nimble_beside_what_it_has_and_are_merged(mirror: Connection, nimble: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True, is_private=False).first()
    assert row
    page, key = browser(mirror.user), row.nimble_id or ""
    tell(page, row, info="a@outside.example", note="Decides")
    nimble.edit(BJORN, "deal", key, set={"related_external_contacts": [GUEST, {"note": "nameless"}]})
    assert outbox.deliver() == 1
    assert Edit.objects.get().state == State.CONFIRMED
    stored = nimble.object("deal", key)["related_external_contacts"]
    told = {"contact_info": "a@outside.example", "note": "Decides"}
    assert sorted(stored, key=str) == sorted([GUEST, told, {"note": "nameless"}], key=str)
    tell(page, Deal.objects.get(pk=row.pk), "a@outside.example", remove="1")
    assert outbox.deliver() == 1
    assert told not in nimble.object("deal", key)["related_external_contacts"]
    assert "a@outside.example" in page.get("/history/").content.decode()
