"""Making deals: in a column, on a page, for a contact; here at once, once in Nimble, whatever gets lost."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactSight
from deals import actions
from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from sync import outbox
from sync.clock import database_now
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser, columns
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}
NEW = reverse("deals:new")


def stage(name: str) -> Stage:
    return Stage.objects.get(pipeline__nimble_id="p-sales", name=name)


def quick(page: Client, at: Stage, **data: Any) -> Any:
    """As the form in a column sends it."""
    board = {"pipeline": at.pipeline_id, "query": "", "quick": 1}
    return page.post(NEW, {"stage": at.pk, **board, **data}, headers=HTMX)


def test_quick_add_shows_the_card_at_once_and_asks_for_the_next(page: Client, keep: Keep, sales: Pipeline):
    keep(deal(1))
    at = stage("Qualify")
    answer = quick(page, at, name="Two windows", amount="1,250.50", currency="eur")
    body = answer.content.decode()
    assert answer.status_code == 200
    made = Deal.objects.get(name="Two windows")
    assert (made.stage_nimble_id, str(made.amount.normalize()), made.currency) == ("s-qualify", "1250.5", "EUR")
    assert re.search(rf'<li class="card" id="deal-{made.pk}"[^>]*hx-swap-oob="true" data-stage="{at.pk}"', body)
    assert 'name="name"' in body
    assert "Two windows is in Qualify." in body
    board = columns(page.get(sales.get_absolute_url()))
    assert board["Qualify"].cards[0] == made.pk
    assert board["Qualify"].count == "2"


def test_mistakes_are_told_at_their_fields_and_what_was_typed_stays(page: Client, keep: Keep, sales: Pipeline):
    answer = quick(page, stage("Qualify"), name="", amount="a lot", currency="Taler")
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "A deal needs a name." in body
    assert 'value="a lot"' in body
    assert "Write a number like" in body
    assert not Deal.objects.exists()


def test_cursor_goes_to_the_first_field_at_fault(page: Client, keep: Keep, sales: Pipeline):
    def focused(answer: Any) -> list[str]:
        controls = re.findall(r"<(?:input|select|textarea)[^>]*>", answer.content.decode())
        return [re.search(r' name="(\w+)"', one)[1] for one in controls if " autofocus" in one]  # type: ignore[index]

    assert focused(quick(page, stage("Qualify"), name="Door", amount="a lot", currency="Taler")) == ["amount"]
    assert focused(quick(page, stage("Qualify"), name="", amount="a lot")) == ["name"]
    assert focused(quick(page, stage("Qualify"), name="Door")) == ["name"]


def test_stage_without_a_probability_asks_for_one(page: Client, keep: Keep, sales: Pipeline):
    Stage.objects.filter(name="Propose").update(default_probability=None)
    at = stage("Propose")
    assert 'name="probability"' in page.get(NEW, {"stage": at.pk, "quick": 1}, headers=HTMX).content.decode()
    refused = quick(page, at, name="Door")
    assert refused.status_code == 422
    assert "has no probability of its own" in refused.content.decode()
    quick(page, at, name="Door", probability="35")
    assert Deal.objects.get().probability == 35


def test_page_with_all_fields_works_without_scripts(page: Client, keep: Keep, sales: Pipeline):
    at = stage("Propose")
    asked = page.get(NEW, {"stage": at.pk}).content.decode()
    assert re.search(rf'<option value="{at.pk}" selected>', asked)
    assert re.search(r'name="description"', asked)
    given = {
        "stage": at.pk,
        "name": "Loft",
        "expected_close_date": "2027-03-31",
        "owner": "u2",
        "tags": "roof\r\nsolar",
        "description": "Line\r\nline",
    }
    answer = page.post(NEW, given)
    made = Deal.objects.get()
    assert answer.headers["Location"] == made.get_absolute_url()
    assert (made.owner_id, made.tags, made.description) == ("u2", ["roof", "solar"], "Line\nline")
    assert "Loft is in Propose." in page.get(made.get_absolute_url()).content.decode()


def test_archived_stage_takes_no_new_deal(page: Client, keep: Keep, sales: Pipeline):
    answer = page.post(NEW, {"stage": stage("Old").pk, "name": "Too late"})
    assert answer.status_code == 422
    assert not Deal.objects.exists()


def test_undo_takes_a_new_deal_off_the_board(page: Client, keep: Keep, sales: Pipeline, connect):
    answer = quick(page, stage("Qualify"), name="Oops")
    made = Deal.objects.get()
    undo = re.search(r'hx-post="([^"]*/undo/[^"]*)"', answer.content.decode())
    assert undo
    undone = page.post(undo[1], headers=HTMX)
    assert json.loads(undone.headers["HX-Trigger"])["deal-changed"] == {"deal": made.pk}
    asked = {"pipeline": sales.pk, "query": ""}
    gone = page.get(reverse("deals:card", args=[made.pk]), asked, headers=HTMX)
    assert f'<li id="deal-{made.pk}" hx-swap-oob="delete">' in gone.content.decode()
    assert columns(page.get(sales.get_absolute_url()))["Qualify"].cards == []
    other = browser(connect("bjorn@lantern-pine.test").user)
    assert other.get(reverse("deals:card", args=[made.pk]), asked, headers=HTMX).status_code == 404


# --- on the way to Nimble -------------------------------------------------------------------------------------------


@pytest.fixture
def open_stage(mirror: Connection) -> Stage:
    pipelines = Pipeline.objects.filter(workspace=mirror.workspace, archived_at=None)
    found = Stage.objects.filter(
        pipeline__in=pipelines, role="open", archived_at=None, default_probability__isnull=False
    )
    return found.select_related("pipeline").order_by("pipeline__position", "position")[0]


def named(nimble: SandboxServer, name: str) -> list[dict[str, Any]]:
    return [one for one in nimble.objects("deal") if one["values"].get("name") == name]


def test_new_deal_arrives_with_all_that_was_given(mirror: Connection, nimble: SandboxServer, open_stage: Stage):
    contact = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    values = {"name": "Bay window", "amount": "1250.5", "currency": "EUR", "tags": ["glass"], "description": "Text"}
    values["expected_close_date"] = "2027-03-31"
    edit = actions.create(author=mirror.user, stage=open_stage, values=values, related=[contact.nimble_id or ""])
    row = Deal.objects.get(pk=edit.record_id)
    actions.write_note(author=mirror.user, deal=row, title="First", body="Written before it was there")
    actions.change(author=mirror.user, deal=row, field="amount", value="2000")
    while outbox.deliver():
        pass
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    [there] = named(nimble, "Bay window")
    assert there["values"]["amount"] == "2000"
    assert there["related_contacts"] == [{"contact_id": contact.nimble_id, "note": ""}]
    row.refresh_from_db()
    assert (row.nimble_id, row.stage_nimble_id, row.currency) == (there["id"], open_stage.nimble_id, "EUR")
    assert (row.owner_in_nimble, row.tags) == (mirror.nimble_user_id, ["glass"])
    assert row.related.get().contact_nimble_id == contact.nimble_id


def test_only_a_contact_that_one_sees_can_take_part(mirror: Connection, open_stage: Stage):
    page = browser(mirror.user)
    seen, hidden = Contact.objects.filter(is_private=False, record_type="person").exclude(name="").order_by("pk")[:2]
    ContactSight.objects.filter(record=hidden).update(hidden_at=database_now())
    assert seen.name in page.get(NEW, {"contact": seen.pk}).content.decode()
    assert hidden.name not in page.get(NEW, {"contact": hidden.pk}).content.decode()
    for contact in (seen, hidden):
        page.post(NEW, {"stage": open_stage.pk, "name": f"For {contact.pk}", "contact": contact.pk})
    assert Deal.objects.get(name=f"For {seen.pk}").related.get().contact_nimble_id == seen.nimble_id
    assert not Deal.objects.get(name=f"For {hidden.pk}").related.exists()
    assert f"For {seen.pk}" in page.get(seen.get_absolute_url()).content.decode()


def test_lost_answer_to_a_create_makes_one_deal(mirror: Connection, nimble: SandboxServer, open_stage: Stage):
    actions.create(author=mirror.user, stage=open_stage, values={"name": "Only once", "amount": "10"})
    nimble.fault(method="POST", path=r"/api/v2/deals", times=1, cut="after")
    for _round in range(4):
        outbox.deliver()
        Edit.objects.update(not_before=None)
    assert Edit.objects.get().state == State.CONFIRMED
    [there] = named(nimble, "Only once")
    assert Deal.objects.get(name="Only once").nimble_id == there["id"]


def test_refused_create_keeps_its_text_and_is_mended(mirror: Connection, nimble: SandboxServer, open_stage: Stage):
    edit = actions.create(author=mirror.user, stage=open_stage, values={"name": "To be mended", "amount": "-5"})
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.REJECTED
    page = browser(mirror.user)
    shown = page.get(reverse("deals:deal", args=[edit.record_id]))
    assert "To be mended" in shown.content.decode()
    asked = page.get(reverse("sync:edit", args=[edit.pk])).content.decode()
    given = dict(re.findall(r'name="(value-[\w-]+)" value="([^"]*)"', asked))
    given |= dict(re.findall(r'<select name="(value-[\w-]+)".*?<option value="([^"]*)" selected>', asked, re.S))
    number = next(name for name, value in given.items() if value == "-5")
    page.post(reverse("sync:mend", args=[edit.pk]), {**given, number: "5"})
    outbox.deliver()
    edit.refresh_from_db()
    assert edit.state == State.CONFIRMED
    assert [one["values"]["amount"] for one in named(nimble, "To be mended")] == ["5"]


def test_new_deal_with_fields_of_its_pipeline(page: Client, keep: Keep):
    stage = Stage.objects.get(name="Qualify")
    form = page.get(reverse("deals:new"), {"stage": stage.pk}).content.decode()
    assert "Fields of Sales" in form
    # Nimble alone fills it.
    assert 'name="field:x-fixed"' not in form
    given = {
        "stage": stage.pk, "name": "Whole", "field:x-number": "12.5", "field:x-levels": ["c1", "c2"],
        "field:x-many": "one\ntwo", "field:x-address_0": "Mill 2", "field:x-flag": "true",
    }  # fmt: skip
    assert page.post(reverse("deals:new"), given).status_code == 302
    made = {name: change["new"] for name, change in Edit.objects.get().fields.items() if name.startswith("field:")}
    assert made == {
        "field:x-number": ["12.5"],
        "field:x-levels": ["c1", "c2"],
        "field:x-many": ["one", "two"],
        "field:x-address": ['{"street": "Mill 2"}'],
        "field:x-flag": ["true"],
    }


def test_values_of_another_pipelines_fields_are_not_dropped_unseen(page: Client, keep: Keep):
    given = {"stage": Stage.objects.get(name="Talk").pk, "name": "Elsewhere", "field:x-text": "PO 7"}
    answer = page.post(reverse("deals:new"), given)
    assert answer.status_code == 422
    assert "another pipeline" in answer.content.decode()
    wrong = {"stage": Stage.objects.get(name="Qualify").pk, "name": "Wrong", "field:x-whole": "1.5"}
    answer = page.post(reverse("deals:new"), wrong)
    assert answer.status_code == 422
    assert "Write a whole number." in answer.content.decode()
    assert not Edit.objects.exists()
