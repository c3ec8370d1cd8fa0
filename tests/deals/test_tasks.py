"""Tasks of a deal: made here, shown on the timeline; and what Nimble calls overdue of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from deals.models import Deal, DealTask, Overdue
from nimble.models import Connection
from sync import interest, opened, outbox
from sync.clock import database_now
from sync.models import Edit, State
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, related
from tests.factories import caught_up
from tests.people import BJORN
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def add(page: Client, row: Deal, **data: Any) -> Any:
    return page.post(reverse("deals:add_task", args=[row.pk]), {"subject": "Call them", **data}, headers=HTMX)


@pytest.fixture
def row(keep: Keep) -> Deal:
    """A deal with a contact that Ada sees, and one that she does not."""
    keep(contact(1, fields={"last name": [item("Zimmermann")]}), kind="contact")
    return keep(deal(1, related_contacts=[related("c1", "Zimmermann"), related("c2", "", is_viewable=False)]))[0]


def test_task_is_for_the_contacts_that_one_sees_and_chooses(page: Client, row: Deal):
    form = page.get(reverse("deals:add_task", args=[row.pk]), headers=HTMX).content.decode()
    assert re.search(r'name="contacts" value="c1"[^>]* checked', form)
    assert 'value="c2"' not in form
    answer = add(page, row, due="2030-03-31", contacts=["c1"], notes="Ask <b>why</b>", assignee="u2")
    assert "deal-changed" in answer.headers["HX-Trigger"]
    task = DealTask.objects.get()
    assert (task.subject, task.contact_ids, task.assignee_id) == ("Call them", ["c1"], "u2")
    timeline = page.get(reverse("deals:history", args=[row.pk])).content.decode()
    for said in ("made a task", "Call them", "Mar 31, 2030", "Ask &lt;b&gt;why&lt;/b&gt;", "Paul", "Saved here"):
        assert said in timeline


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"subject": ""}, "This field is required."),
        ({"subject": "x"}, "at least 2 characters"),
        ({"subject": "x" * 129}, "at most 128 characters"),
        ({"due": "soon"}, "Write a date like"),
        ({"contacts": ["c2"]}, "Select a valid choice"),
        ({"assignee": "nobody"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_a_task_comes_back_as_typed(page: Client, row: Deal, typed: dict[str, Any], said: str):
    answer = add(page, row, **{"notes": "Kept text", **typed})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "Kept text</textarea>" in answer.content.decode()
    assert not Edit.objects.exists()


def test_task_is_withdrawn_until_it_is_sent_and_not_after(page: Client, row: Deal):
    undo = re.search(r'hx-post="([^"]*undo[^"]*)"', add(page, row).content.decode())
    assert undo
    assert "Undone" in page.post(undo[1], headers=HTMX).content.decode()
    assert "Call them" not in page.get(row.get_absolute_url()).content.decode()
    undo = re.search(r'hx-post="([^"]*undo[^"]*)"', add(page, row).content.decode())
    assert undo
    now = database_now()
    Edit.objects.filter(state=State.PENDING).update(state=State.CONFIRMED, sent_at=now, confirmed_at=now)
    answer = page.post(undo[1], headers=HTMX)
    assert answer.status_code == 409
    assert "does not let us remove it" in answer.content.decode()


def test_task_arrives_in_nimble_with_its_deal_and_contacts(mirror: Connection, sandbox: SandboxServer):
    seen = Contact.objects.filter(is_private=False).values_list("nimble_id", flat=True)
    row = Deal.objects.filter(related__contact_nimble_id__in=seen).first()
    assert row
    page = browser(mirror.user)
    form = page.get(reverse("deals:add_task", args=[row.pk]), headers=HTMX).content.decode()
    people = re.findall(r'name="contacts" value="([^"]*)"', form)
    assert people
    me = mirror.nimble_user_id
    add(page, row, due="2030-03-31", contacts=people[:1], notes="Soon", assignee=me)
    assert outbox.deliver() == 1
    task = DealTask.objects.get()
    stored = sandbox.object("task", task.nimble_id or "")
    assert stored["subject"] == "Call them"
    assert stored["due_date"] == "2030-03-31"
    assert (stored["contacts"], stored["deals"]) == (people[:1], [row.nimble_id])
    timeline = page.get(reverse("deals:history", args=[row.pk])).content.decode()
    assert "Call them" in timeline
    assert "Saved here" not in timeline
    assert (task.due and task.due.isoformat(), task.text, task.assignee_id) == ("2030-03-31", "Soon", me)


def test_a_task_whose_answer_was_lost_is_a_persons_to_decide(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror).first()
    assert row
    page = browser(mirror.user)
    add(page, row, assignee=mirror.nimble_user_id)
    sandbox.fault(method="POST", path=r"/api/v1/tasks", times=1, cut="after")
    outbox.deliver()
    Edit.objects.update(not_before=None)
    outbox.deliver()
    edit = Edit.objects.get()
    assert edit.state == State.AMBIGUOUS
    page.post(reverse("sync:adopt", args=[edit.pk]))
    task = DealTask.objects.get()
    assert (task.subject, task.assignee_id) == ("Call them", mirror.nimble_user_id)


def test_overdue_activities_are_read_when_the_deal_is_opened(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror).first()
    assert row
    past = (timezone.now() - timedelta(days=3)).date().isoformat()
    page = browser(mirror.user)
    add(page, row, subject="Send the <offer>", due=past, assignee=mirror.nimble_user_id)
    assert outbox.deliver() == 1
    fresh = re.search(r'hx-get="([^"]*fresh[^"]*)"', page.get(row.get_absolute_url()).content.decode())
    assert fresh
    interest.record(mirror, Deal.kind, row.pk)
    assert opened.read(mirror) == 1
    assert page.get(fresh[1]).headers["HX-Trigger"]
    shown = page.get(reverse("deals:beside", args=[row.pk])).content.decode()
    assert 'id="overdue"' in shown
    assert "Send the &lt;offer&gt;" in shown
    log = len(sandbox.log())
    interest.record(mirror, Deal.kind, row.pk)
    opened.read(mirror)
    assert not [one for one in sandbox.log()[log:] if one["path"].endswith("/overdue")]


def test_what_is_overdue_is_shown_to_whom_nimble_told_it(page: Client, row: Deal, ada: Connection, connect: Any):
    told = [{"name": "Secret call", "scheduled_tstamp": "2025-01-02", "related_contacts": [{"id": "c2", "name": "X"}]}]
    now = database_now()
    Overdue.objects.create(deal=row, connection=ada, activities=told, read_at=now, changed_at=now)
    shown = page.get(row.get_absolute_url()).content.decode()
    assert "Secret call" in shown
    assert ">X<" not in shown
    other = browser(caught_up(connect(BJORN)).user)
    assert "Secret call" not in other.get(row.get_absolute_url()).content.decode()


@pytest.mark.parametrize("kind", ["task", ["task"], None, {"type_name": 5}])
def test_strange_overdue_activity_keeps_nobody_from_the_deal(ada: Connection, page: Client, keep: Keep, kind: Any):
    [row] = keep(deal(1))
    now = database_now()
    told = [{"name": "Call them", "activity_type": kind}]
    Overdue.objects.create(deal=row, connection=ada, activities=told, read_at=now, changed_at=now)
    assert "Call them" in page.get(row.get_absolute_url()).content.decode()
