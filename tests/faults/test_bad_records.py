"""Nimble sends what its specification does not promise: the page goes on, the text is kept, and nothing is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from contacts.models import Contact, ContactNote
from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import outbox, pull, registry, store
from sync.clock import database_now
from sync.models import Quarantined, Run, Stream
from tests.faults.clock import pass_time
from tests.people import ADA
from tests.sandboxes import SandboxServer

pytestmark = pytest.mark.broken_answers


def pulled(connection: Connection) -> dict[str, Run]:
    """Everything anew; the runs by stream."""
    pull.sync_again(connection)
    return {run.stream.name: run for run in pull.pull(connection) or []}


def opened(connection: Connection, row: Any) -> str:
    page = Client()
    page.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = page.get(row.get_absolute_url())
    assert answer.status_code == 200
    return answer.content.decode()


CONTACT_SHAPES = {
    "unknown kind": ({"fields": {"Hologram": [{"value": {"x": [1]}, "modifier": "", "field_id": "9"}]}}, []),
    "fields missing": ({}, ["fields"]),
    "fields null": ({"fields": None}, []),
    "null for a list": ({"fields": {"email": None, "phone": None}, "tags": None, "children": None}, []),
    "a list for text": ({"avatar_url": [], "owner_id": {"a": 1}, "created": ["x"]}, []),
    "a number for a value": ({"fields": {"last name": [{"value": 7, "modifier": None}]}}, []),
}


@pytest.mark.parametrize("shape", CONTACT_SHAPES)
def test_contact_of_another_shape_costs_nobody_else_their_place(mirror, contact, nimble: SandboxServer, shape):
    raw, without = CONTACT_SHAPES[shape]
    nimble.edit(ADA, "contact", contact.nimble_id, raw=raw, raw_without=without)
    runs = pulled(mirror)
    assert (runs["contacts"].state, runs["contacts"].error) == (Run.State.DONE, "")
    kept = Quarantined.objects.filter(kind="contact", nimble_id=contact.nimble_id).exists()
    contact.refresh_from_db()
    assert kept or contact.remote.keys() >= {"id"}
    assert Contact.objects.filter(gone_at=None).count() + int(kept) >= 30
    if not kept:
        opened(mirror, contact)


@pytest.mark.parametrize("text", ["x", "\x00"])
@pytest.mark.parametrize("levels", [300, 600, 950])
def test_record_that_nests_deeply_costs_nobody_else_their_place(mirror, contact, levels, text):
    nested = json.loads("[" * levels + "]" * levels)
    other = Contact.objects.exclude(pk=contact.pk).filter(gone_at=None).order_by("pk")[0]
    deep = {**contact.remote, "unknown": [text, nested], "about_me": "deep"}
    page = [deep, {**other.remote, "about_me": "flat"}]
    tally = store.save_page(registry.resource("contact"), mirror, page, read_at=database_now())
    assert (tally.quarantined, tally.changed) in [(0, 2), (1, 1)]
    other.refresh_from_db()
    assert other.remote["about_me"] == "flat"
    opened(mirror, Contact.objects.get(pk=contact.pk))


# Beyond some 960 levels Python's own reader gives up on an answer.
@pytest.mark.parametrize("levels", [960, 1100, 100_000])
def test_contact_that_nests_too_deeply_is_quarantined_alone(mirror, contact, nimble: SandboxServer, levels):
    other = Contact.objects.exclude(pk=contact.pk).filter(gone_at=None).order_by("pk")[0]
    nimble.edit(ADA, "contact", other.nimble_id, set={"tags": ["read all the same"]})
    nimble.fault(
        method="GET", path=r"/api/v1/contacts\?", times=0, nest={"record": contact.nimble_id, "levels": levels}
    )
    runs = pulled(mirror)
    assert (runs["contacts"].state, runs["contacts"].error) == (Run.State.DONE, "")
    assert [(one.nimble_id, one.payload) for one in Quarantined.objects.all()] == [(contact.nimble_id, None)]
    other.refresh_from_db()
    assert other.tags == ["read all the same"]
    nimble.clear_faults()
    pulled(mirror)
    assert not Quarantined.objects.exists()


@pytest.mark.parametrize("levels", [960, 1100, 100_000])
def test_deal_that_nests_too_deeply_is_quarantined_alone(mirror, deal, nimble: SandboxServer, levels):
    other = Deal.objects.exclude(pk=deal.pk).filter(gone_at=None, sights__view__is_editable=True).order_by("pk")[0]
    nimble.edit(ADA, "deal", other.nimble_id, set={"name": "Read all the same"})
    nimble.fault(method="GET", path=r"/api/v2/deals", times=0, nest={"record": deal.nimble_id, "levels": levels})
    runs = pulled(mirror)
    assert (runs["deals"].state, runs["deals"].error) == (Run.State.DONE, "")
    assert [(one.nimble_id, one.payload) for one in Quarantined.objects.all()] == [(deal.nimble_id, None)]
    other.refresh_from_db()
    assert other.name == "Read all the same"


@pytest.mark.parametrize("wrong", [{"id": None}, {"id": 7}, {"fields": None}])
def test_record_that_is_too_deep_and_broken_besides_costs_nobody_else_their_place(mirror, contact, wrong):
    other = Contact.objects.exclude(pk=contact.pk).filter(gone_at=None).order_by("pk")[0]
    deep = {**contact.remote, "unknown": json.loads("[" * 900 + "]" * 900), **wrong}
    page = [deep, {**other.remote, "about_me": "flat"}]
    tally = store.save_page(registry.resource("contact"), mirror, page, read_at=database_now())
    assert (tally.quarantined, tally.changed) == (1, 1)


DEAL_SHAPES = [
    {"fields_values": None},
    {"fields_values": {"x": None}},
    {"fields_values": [{"field_id": "x", "values": [{"value": {"deep": [None]}}]}]},
    {"transitions": None, "owner": None, "amount": "a lot"},
    {"name": None, "tags": "none"},
]


@pytest.mark.parametrize("raw", DEAL_SHAPES, ids=lambda raw: "-".join(raw))
def test_deal_of_another_shape_costs_nobody_else_their_place(mirror, deal, nimble: SandboxServer, raw):
    nimble.edit(ADA, "deal", deal.nimble_id, raw=raw)
    runs = pulled(mirror)
    assert (runs["deals"].state, runs["deals"].error) == (Run.State.DONE, "")
    kept = Quarantined.objects.filter(kind="deal", nimble_id=deal.nimble_id).exists()
    assert Deal.objects.filter(gone_at=None).count() >= 30
    assert kept or opened(mirror, Deal.objects.get(pk=deal.pk))


@pytest.mark.parametrize("fault", [{"html": True}, {"truncate": True}, {"gzip_bomb": 30_000_000}, {"body": []}])
@pytest.mark.parametrize("path", [r"/api/v1/contacts\?", r"/api/v2/deals/pipelines/.*deals"])
def test_answer_that_cannot_be_read_is_asked_for_again(mirror: Connection, nimble: SandboxServer, fault, path):
    shown = (Contact.objects.filter(gone_at=None).count(), Deal.objects.filter(gone_at=None).count())
    nimble.fault(method="GET", path=path, times=2, **fault)
    pulled(mirror)
    assert (Contact.objects.filter(gone_at=None).count(), Deal.objects.filter(gone_at=None).count()) == shown
    for _ in range(3):
        pass_time(1000)
        pull.sync_now(mirror)
        runs = {run.stream.name: run for run in pull.pull(mirror) or []}
    assert (runs["contacts"].state, runs["deals"].state) == (Run.State.DONE, Run.State.DONE)
    assert not Quarantined.objects.exists()


BODIES = {
    "ten megabytes": "<p>" + "words and more words " * 500_000 + "</p>",
    "nested": "<div>" * 50_000 + "deep down" + "</div>" * 40_000,
    "tags": "<b>a</b><br>" * 100_000,
}


@pytest.mark.parametrize("body", BODIES)
def test_monstrous_note_is_kept_and_shown_short(mirror, contact, nimble: SandboxServer, body):
    Stream.objects.exclude(name="notes").update(paused=True)
    Contact.objects.exclude(pk=contact.pk).update(notes_due=False)
    wanted = {"note": BODIES[body], "note_preview": "", "contact_ids": [contact.nimble_id]}
    made = nimble.edit(ADA, "note", set=wanted)["id"]
    Contact.objects.filter(pk=contact.pk).update(notes_due=True)
    pull.sync_now(mirror, "notes")
    assert [run.state for run in pull.pull(mirror) or []] == [Run.State.DONE]
    note = ContactNote.objects.get(nimble_id=made)
    assert note.remote["note"] == BODIES[body], "all of it"
    assert len(note.html) < 100_000
    assert len(opened(mirror, contact)) < 400_000


def test_hundred_thousand_tags_on_a_contact_are_kept_and_few_are_shown(mirror, contact, nimble: SandboxServer):
    tags = [f"tag {number}" for number in range(100_000)]
    nimble.edit(ADA, "contact", contact.nimble_id, raw={"tags": tags})
    runs = pulled(mirror)
    assert runs["contacts"].state == Run.State.DONE
    contact.refresh_from_db()
    assert len(contact.remote["tags"]) == 100_000
    page = opened(mirror, contact)
    assert len(page) < 400_000
    assert "tag 49<" in page
    assert "tag 50<" not in page
    assert "+99,950" in page


TEXT = "Zoë 👩‍👩‍👧 \u202egnp.exe\u202c נייר 新"


def test_characters_that_a_database_refuses_are_replaced_and_all_others_stay(mirror, contact, nimble: SandboxServer):
    named = {"first name": [{"value": f"{TEXT} \x00 \ud83d end", "modifier": "", "field_id": "1"}]}
    nimble.edit(ADA, "contact", contact.nimble_id, raw={"fields": named})
    runs = pulled(mirror)
    assert (runs["contacts"].state, runs["contacts"].quarantined) == (Run.State.DONE, 0)
    contact.refresh_from_db()
    assert contact.first_name == f"{TEXT} \ufffd \ufffd end"
    assert "👩‍👩‍👧" in opened(mirror, contact)


def test_characters_that_a_person_types_arrive_as_they_are(mirror, deal, nimble: SandboxServer):
    actions.change(author=mirror.user, deal=deal, field="name", value=TEXT)
    outbox.deliver()
    assert nimble.object("deal", deal.nimble_id)["values"]["name"] == TEXT
    pulled(mirror)
    deal.refresh_from_db()
    assert deal.name == TEXT


STAMPS: list[Any] = [
    "2012-09-07T16:49:56+0300", "2012-09-07T13:49:56.123456Z", "2012-09-07T13:49:56", "2012-09-07", "", None,
    "0001-01-01T00:00:00+0300", "9999-12-31T23:59:59-0300", "yesterday", 1347025796, {"at": "noon"}, ["2012"],
]  # fmt: skip


@pytest.mark.parametrize("stamp", STAMPS, ids=str)
def test_stamp_of_any_shape_stops_no_page(mirror, contact, deal, nimble: SandboxServer, stamp):
    names = ("created", "updated", "last_contacted")
    nimble.edit(ADA, "contact", contact.nimble_id, raw=dict.fromkeys(names, stamp))
    nimble.edit(ADA, "deal", deal.nimble_id, raw=dict.fromkeys(("created", "updated", "expected_close_date"), stamp))
    for model in (Contact, Deal):
        # Long ago, or a stamp older than the stored one would be taken for a lagging replica's.
        model.objects.update(fetched_at=F("fetched_at") - timedelta(hours=1))
    runs = pulled(mirror)
    assert {name: runs[name].state for name in ("contacts", "deals")} == dict.fromkeys(("contacts", "deals"), "done")
    for row in (contact, deal):
        row.refresh_from_db()
        assert row.remote["created"] == stamp, "as Nimble wrote it"
        assert opened(mirror, row)
    assert Contact.objects.filter(gone_at=None).count() >= 30
