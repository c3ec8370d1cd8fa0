"""Changing one field of a deal: every kind of it, refusals with what was typed, and what arrives in Nimble."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import actions
from deals.models import Deal, Stage
from deals.record import Record
from nimble.models import Connection
from sync import outbox
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def edit(page: Client, row: Deal, field: str, value: Any, **data: Any) -> Any:
    """Open the form, type, save: with the seal of what was seen."""
    address = reverse("deals:edit", args=[row.pk, field])
    form = page.get(address, headers=HTMX).content.decode()
    seal = re.search(r'name="seal" value="([^"]*)"', form)
    assert seal
    return page.post(address, {"value": value, "seal": seal[1], **data}, headers=HTMX)


def changed() -> dict[str, Any]:
    """The one edit's fields: base and new."""
    return {name: (change["base"], change["new"]) for name, change in Edit.objects.get().fields.items()}


@pytest.mark.parametrize(
    ("field", "typed", "base", "new"),
    [
        ("name", "  Another name ", "Deal 001", "Another name"),
        ("amount", "1,250.50", "100", "1250.5"),
        ("amount", "0", "100", "0"),
        ("amount", "", "100", None),
        ("currency", "usd", "EUR", "USD"),
        ("probability", "35 %", None, 35),
        ("expected_close_date", "2026-03-31", None, "2026-03-31"),
        ("owner", "u2", "u1", "u2"),
        ("description", "two\r\nlines", None, "two\nlines"),
        ("tags", "b\n\na,c\nb", [], ["b", "a,c"]),
        ("field:x-text", "PO 7", None, ["PO 7"]),
        ("field:x-long", "a\r\nb", None, ["a\nb"]),
        ("field:x-number", "12.5", None, ["12.5"]),
        ("field:x-day", "2026-01-02", None, ["2026-01-02"]),
        ("field:x-flag", "true", None, ["true"]),
        ("field:x-choice", "c2", None, ["c2"]),
        ("field:x-many", "one\ntwo", None, ["one", "two"]),
        ("field:x-levels", ["c1", "c2"], None, ["c1", "c2"]),
        ("field:x-user", "u2", None, ["u2"]),
        ("field:x-money", "1,250.50", None, ["1250.50"]),
        ("field:x-share", "12.5 %", None, ["12.5"]),
        ("field:x-whole", "12", None, ["12"]),
    ],
)
def test_every_kind_of_field(page: Client, keep: Keep, field: str, typed: str, base: Any, new: Any):
    [row] = keep(deal(1))
    answer = edit(page, row, field, typed)
    assert answer.status_code == 200
    assert "deal-changed" in answer.headers["HX-Trigger"]
    assert changed() == {field: (base if base is not None else changed()[field][0], new)}
    assert changed()[field][0] in (base, [])


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "This field is required."),
        ("name", " \n", "A deal needs a name."),
        ("amount", "a lot", "Write a number like 1,250.5."),
        ("amount", "-1", "An amount is 0 or more."),
        ("amount", "NaN", "That number is too large."),
        ("amount", "9" * 40, "That number is too large."),
        ("currency", "XYZ", "three letters"),
        ("probability", "101", "from 0 to 100"),
        ("probability", "1.5", "from 0 to 100"),
        ("expected_close_date", "soon", "Write a date like"),
        ("owner", "nobody", "Select a valid choice"),
        ("field:x-number", "many", "Write a number like"),
        ("field:x-choice", "c9", "Select a valid choice"),
        ("field:x-levels", "c9", "Select a valid choice"),
        ("field:x-whole", "1.5", "Write a whole number."),
        ("field:x-share", "1.25", "at most 1 digits"),
        ("tags", "x" * 256, "at most 255 characters"),
    ],
)
def test_what_cannot_be_saved_comes_back_as_typed(page: Client, keep: Keep, field: str, typed: str, said: str):
    [row] = keep(deal(1))
    answer = edit(page, row, field, typed)
    body = answer.content.decode()
    assert answer.status_code == 422
    assert said in body
    assert 'class="editable editing"' in body
    assert not Edit.objects.exists()
    if field not in ("owner", "field:x-choice", "field:x-levels") and typed.strip():
        assert typed in body


def test_nothing_typed_changes_nothing(page: Client, keep: Keep):
    [row] = keep(
        deal(
            1,
            values={"amount": "100.10", "expected_close_date": "2026-01-02T00:00:00+0300", "description": " a \r\n b "},
            custom={"x-number": [12], "x-day": ["2026-01-02T10:00:00"], "x-flag": [True], "x-choice": ["gone"]},
        )
    )
    for field in ("name", "amount", "expected_close_date", "description", "tags", "owner", "field:x-number",
                  "field:x-day", "field:x-flag", "field:x-choice"):  # fmt: skip
        address = reverse("deals:edit", args=[row.pk, field])
        form = page.get(address, headers=HTMX).content.decode()
        shown = re.search(r'<input[^>]*name="value" value="([^"]*)"', form) or re.search(
            r'<option value="([^"]*)" selected', form
        )
        text = re.search(r'<textarea name="value"[^>]*>\s?(.*?)</textarea>', form, re.DOTALL)
        typed = shown[1] if shown else text[1] if text else ""
        assert edit(page, row, field, typed).status_code == 200
    assert not Edit.objects.exists()


def test_numbers_in_the_readers_language(page: Client, keep: Keep):
    [row] = keep(deal(1, values={"amount": "1250.5"}))
    address = reverse("deals:edit", args=[row.pk, "amount"])
    german = {**HTMX, "Accept-Language": "de"}
    assert 'value="1250,5"' in page.get(address, headers=german).content.decode()
    assert page.post(address, {"value": "2.000,25"}, headers=german).status_code == 200
    assert changed() == {"amount": ("1250.5", "2000.25")}


def test_what_the_reader_saw_is_the_base(page: Client, keep: Keep):
    [row] = keep(deal(1))
    address = reverse("deals:edit", args=[row.pk, "amount"])
    form = page.get(address, headers=HTMX).content.decode()
    seal = re.search(r'name="seal" value="([^"]*)"', form)
    assert seal
    keep(deal(1, values={"amount": "777"}, updated="2025-03-01T00:00:00+0000"))
    page.post(address, {"value": "200", "seal": seal[1]}, headers=HTMX)
    assert changed() == {"amount": ("100", "200")}


def test_a_forged_seal_is_refused(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "5", "seal": "x:y"}, headers=HTMX)
    assert answer.status_code == 422
    assert "out of date" in answer.content.decode()


@pytest.mark.parametrize(
    "field", ["actual_close_date", "stage", "pipeline", "field:x-fixed", "field:none", "remote", "rev"]
)
def test_what_is_no_field_to_change_is_not_found(page: Client, keep: Keep, field: str):
    [row] = keep(deal(1, custom={"x-fixed": ["3"]}))
    address = reverse("deals:edit", args=[row.pk, field])
    assert page.get(address).status_code == 404
    assert page.post(address, {"value": "1"}).status_code == 404
    assert not Edit.objects.exists()


def test_what_nimble_lets_nobody_edit_has_no_forms(page: Client, keep: Keep):
    [row] = keep(deal(1, is_editable=False))
    assert page.get(reverse("deals:edit", args=[row.pk, "amount"])).status_code == 404
    assert "/edit/" not in page.get(row.get_absolute_url()).content.decode()


def test_refused_value_comes_back_at_the_field_with_nimbles_message(page: Client, keep: Keep):
    [row] = keep(deal(1))
    edit(page, row, "amount", "250")
    Edit.objects.update(
        state=State.REJECTED, error={"reason": "Invalid", "fields": {"/fields_values/amount": ["Too much <b>"]}}
    )
    form = page.get(reverse("deals:edit", args=[row.pk, "amount"]), headers=HTMX).content.decode()
    assert 'value="250"' in form
    assert "Nimble refused this: Too much &lt;b&gt;" in form
    assert edit(page, row, "amount", "240").status_code == 200
    assert Edit.objects.get().fields["amount"]["new"] == "240"
    assert Edit.objects.get().state == State.PENDING


def test_going_back_to_nimbles_value_drops_the_refused_one(page: Client, keep: Keep):
    [row] = keep(deal(1))
    edit(page, row, "amount", "250")
    Edit.objects.update(state=State.REJECTED)
    edit(page, row, "amount", "100")
    assert Edit.objects.get().state == State.DISCARDED


def test_without_javascript_form_and_saving_are_pages(page: Client, keep: Keep):
    [row] = keep(deal(1))
    address = reverse("deals:edit", args=[row.pk, "field:x-text"])
    assert "<h1" in page.get(address).content.decode()
    wrong = page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "lots"})
    assert wrong.status_code == 422
    assert 'value="lots"' in wrong.content.decode()
    answer = page.post(address, {"value": "PO 8"}, follow=True)
    assert answer.redirect_chain == [(row.get_absolute_url() + "#field-field-x-text", 302)]
    assert "Order no. saved." in answer.content.decode()


def test_edits_arrive_in_nimble_and_leave_the_rest_alone(mirror: Connection, sandbox: SandboxServer):
    mine = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True, amount__gt=0)
    row = mine.exclude(tags=[]).first()
    assert row
    before = sandbox.object("deal", row.nimble_id or "")
    page = browser(mirror.user)
    assert edit(page, row, "amount", "4321.5").status_code == 200
    assert edit(page, row, "tags", "new one\n" + "\n".join(row.tags)).status_code == 200
    assert outbox.deliver() == 2
    after = sandbox.object("deal", row.nimble_id or "")
    assert after["values"]["amount"] == "4321.5"
    assert after["tags"] == ["new one", *before["tags"]]
    assert {**after["values"], "amount": None} == {**before["values"], "amount": None}
    assert after["updated_by"] == mirror.nimble_user_id


def test_a_lost_connection_keeps_what_was_typed(page: Client, keep: Keep, ada: Connection, monkeypatch):
    [row] = keep(deal(1))
    Connection.objects.filter(pk=ada.pk).update(state=Connection.State.RECONNECT)
    answer = page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "5"}, headers=HTMX)
    assert answer.status_code == 404
    assert actions.Edit.objects.count() == 0


OFFICE = '{"street": "Harbour 1", "city": "Lisbon", "floor": 3}'


def parts(*typed: str, begin: int = 0) -> dict[str, str]:
    """The inputs of an address."""
    return {f"value_{begin + number}": text for number, text in enumerate(typed)}


def test_address_is_edited_part_by_part_and_keeps_what_has_no_input(page: Client, keep: Keep):
    [row] = keep(deal(1, custom={"x-address": [OFFICE]}))
    assert "Harbour 1\nLisbon\nfloor: 3" in page.get(row.get_absolute_url()).content.decode()
    edit(page, row, "field:x-address", "", **parts("Harbour 1", "Porto", "", "4000", ""))
    ((_base, [new]),) = changed().values()
    assert json.loads(new) == {"street": "Harbour 1", "city": "Porto", "zip": "4000", "floor": 3}


def test_address_that_nobody_touched_stays_as_it_is(page: Client, keep: Keep):
    [row, text] = keep(deal(1, custom={"x-address": [OFFICE]}), deal(2, custom={"x-address": ["Somewhere 7"]}))
    assert edit(page, row, "field:x-address", "", **parts("Harbour 1", "Lisbon", "", "", "")).status_code == 200
    assert edit(page, text, "field:x-address", "", **parts("Somewhere 7", "", "", "", "")).status_code == 200
    assert not Edit.objects.exists()
    edit(page, row, "field:x-address", "", **parts("", "", "", "", ""))
    assert changed()["field:x-address"] == ([OFFICE], [])


def test_several_addresses_have_room_for_one_more(page: Client, keep: Keep):
    [row] = keep(deal(1, custom={"x-places": [OFFICE]}))
    form = page.get(reverse("deals:edit", args=[row.pk, "field:x-places"]), headers=HTMX).content.decode()
    assert form.count('aria-label="Street"') == 2
    typed = {**parts("Harbour 1", "Lisbon", "", "", ""), **parts("Mill 2", "Faro", "", "", "", begin=5)}
    edit(page, row, "field:x-places", "", **typed)
    ((_base, new),) = changed().values()
    assert new[0] == OFFICE
    assert json.loads(new[1]) == {"street": "Mill 2", "city": "Faro"}


def test_numbers_look_as_nimble_says(page: Client, keep: Keep):
    [row] = keep(deal(1, custom={"x-money": ["1250.5"], "x-share": ["12.5"], "x-levels": ["c1", "c2"]}))
    body = page.get(row.get_absolute_url()).content.decode()
    for said in ("$1,250.50", "12.5 %", "Bronze\nSilver"):
        assert said in body


def test_stage_offers_its_probability(page: Client, keep: Keep):
    [row] = keep(deal(1))
    assert "10 %, the stage&#x27;s own" in page.get(row.get_absolute_url()).content.decode()
    form = page.get(reverse("deals:edit", args=[row.pk, "probability"]), headers=HTMX).content.decode()
    assert "Empty: the stage&#x27;s own, 10 %." in form


def test_a_stage_without_a_probability_wants_one(page: Client, keep: Keep):
    [row] = keep(deal(1, values={"probability": "40"}))
    Stage.objects.update(default_probability=None)
    answer = edit(page, row, "probability", "")
    assert answer.status_code == 422
    assert "has no probability of its own" in answer.content.decode()


def test_every_kind_arrives_in_nimble(mirror: Connection, sandbox: SandboxServer):
    """As far as the sandbox's pipelines have fields of it."""
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    page, record = browser(mirror.user), Record(row, mirror.user)
    sent = {}
    for name, field in record.custom.items():
        typed = {
            "number": "7", "datetime": "2030-01-02", "boolean": "true", "user": mirror.nimble_user_id,
            "choice": field.choices[0]["id"] if field.choices else "",
        }.get(field.kind, "Typed here")  # fmt: skip
        address = parts("Mill 2", "Faro", "", "", "") if field.kind == "address" else {}
        if address:
            typed = '{"street": "Mill 2", "city": "Faro"}'
        answer = edit(page, row, name, typed, **address)
        assert answer.status_code == 200, (field.kind, field.multiples, answer.content.decode())
        sent[field.field_id] = typed
    assert sent
    # What stood there already is not sent.
    assert 0 < outbox.deliver() == Edit.objects.count()
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    stored = sandbox.object("deal", row.nimble_id or "")["custom"]
    assert {key: [one["value"] for one in stored[key]] for key in sent} == {key: [one] for key, one in sent.items()}
