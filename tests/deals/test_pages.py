"""A deal's page, its drawer, its history, and its place on a contact's page."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from deals import actions
from deals.models import Deal, LostReason, Stage
from nimble.models import Connection
from sync.clock import database_now
from sync.models import Change, Edit, State
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, related, went
from tests.factories import caught_up
from tests.people import BJORN

HTMX = {"HX-Request": "true"}


def words(answer) -> str:
    body = re.sub(r"<(script|style|template)[^>]*>.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_page_and_drawer_show_every_field(page: Client, keep: Keep):
    [row] = keep(
        deal(
            1,
            values={
                "amount": "1250.5",
                "probability": "40",
                "expected_close_date": "2026-03-31",
                "actual_close_date": "2025-12-24",
                "description": "Long\nstory",
            },
            custom={
                "x-text": ["PO 7"],
                "x-number": ["1234.5"],
                "x-day": ["2026-01-02"],
                "x-flag": ["false"],
                "x-choice": ["c2"],
                "x-many": ["one", "two"],
                "x-fixed": ["3"],
            },
            tags=["best"],
            files=[{"file_id": "f1", "file_name": "offer <1>.pdf"}],
            related_external_contacts=[{"contact_info": "guest@outside.example", "note": "Advisor"}],
        )
    )
    whole = words(page.get(row.get_absolute_url()))
    drawer = page.get(row.get_absolute_url() + "?drawer=1")
    assert "<html" not in drawer.content.decode()
    for text in (whole, words(drawer)):
        for said in (
            "€1,250.50", "40 %", "Mar 31, 2026", "Dec 24, 2025", "Long story", "Order no.", "PO 7", "1,234.5",
            "Jan 2, 2026", "Approved", "No", "Silver", "one two", "Score", "Olga Owner", "best",
            "offer &lt;1&gt;.pdf", "guest@outside.example", "Advisor", "Qualify", "Propose", "Won", "Open in Nimble",
        ):  # fmt: skip
            assert said in text


def test_fifty_tags_are_folded_after_the_first(page: Client, keep: Keep):
    names = [f"tag-{n:02}" for n in range(50)]
    few, many, locked = keep(deal(1, tags=names[:15]), deal(2, tags=names), deal(3, tags=names, is_editable=False))
    assert '<details class="more-tags"' not in page.get(few.get_absolute_url()).content.decode()
    for row in (many, locked):
        body = page.get(row.get_absolute_url()).content.decode()
        shown, rest = re.search(r'id="field-tags"(.*?)<details class="more-tags">(.*?)</details>', body, re.S).groups()  # type: ignore[union-attr]
        assert "and 38 more" in rest
        assert [re.findall(r"tag-\d\d", part) for part in (shown, rest)] == [names[:12], names[12:]]


def test_stages_step_and_win(page: Client, keep: Keep):
    [row] = keep(deal(1, "Propose"))
    head = page.get(reverse("deals:head", args=[row.pk])).content.decode()
    assert re.findall(r'<button class="done" title="Move to (\w+)"', head) == ["Qualify"]
    assert re.search(r'aria-current="step" title="Propose"', head)
    assert "dialog=1" in head
    move = {"stage": row.pk and re.search(r'name="stage" value="(\d+)"', head)[1], "next": row.get_absolute_url()}
    answer = page.post(reverse("deals:move", args=[row.pk]), move, headers=HTMX)
    assert json.loads(answer.headers["HX-Trigger"])["deal-changed"] == {"deal": row.pk}
    plain = page.post(reverse("deals:move", args=[row.pk]), move)
    assert plain.headers["Location"] == row.get_absolute_url()


def test_timeline_tells_stages_changes_edits_and_notes_newest_first(page: Client, keep: Keep, ada: Connection):
    [row] = keep(
        deal(1, "Propose", transitions=[went("Qualify", "Propose", "2025-01-11"), went(None, "Qualify", "2025-01-01")])
    )
    Change.objects.create(
        workspace=ada.workspace, kind="deal", record_id=row.pk, field="amount", before="100", after="250",
        by="u2", at=datetime(2025, 2, 1, tzinfo=UTC),
    )  # fmt: skip
    page.post(reverse("deals:edit", args=[row.pk, "field:x-choice"]), {"value": "c1"})
    page.post(reverse("deals:write_note", args=[row.pk]), {"body": "Hello there"})
    text = words(page.get(reverse("deals:history", args=[row.pk])))
    order = [
        "Hello there",
        "Tier",
        "Bronze",
        "Paul",
        "€100",
        "€250",
        "Qualify → Propose",
        "after",
        "created in Qualify",
    ]
    places = [text.index(said) for said in order]
    assert places == sorted(places)
    assert "Saved here" in text
    assert ada.name in text


def test_timeline_names_nobody_whom_the_team_does_not_know(page: Client, keep: Keep, ada: Connection):
    (row,) = keep(deal(1))
    about = {"workspace": ada.workspace, "kind": "deal", "record_id": row.pk, "field": "amount", "at": database_now()}
    Change.objects.create(**about, by="0123456789abcdef01234567", before="1", after="2")
    text = words(page.get(reverse("deals:history", args=[row.pk])))
    assert "changed in Nimble" in text
    assert "0123456789abcdef01234567" not in text


def test_timeline_tells_which_tags_came_and_went(page: Client, keep: Keep, ada: Connection):
    many = [f"A tag of many number {n}" for n in range(24)]
    [row] = keep(deal(1, tags=many))
    actions.change(author=ada.user, deal=row, field="tags", value=[*many[1:], "The new one"])
    timeline = page.get(reverse("deals:history", args=[row.pk])).content.decode()
    assert "Tags: The new one added" in timeline
    assert f"Tags: {many[0]} removed" in timeline
    assert many[1] not in timeline


def test_timeline_tells_amounts_in_the_currency_of_then(page: Client, keep: Keep, ada: Connection):
    [row] = keep(deal(1, values={"amount": "3000"}))
    before = datetime(2025, 2, 1, tzinfo=UTC)
    amount = {"workspace": ada.workspace, "kind": "deal", "record_id": row.pk, "field": "amount"}
    Change.objects.create(**amount, before="1234.5", after="2500.75", at=before)
    Change.objects.create(**amount | {"field": "currency"}, before="EUR", after="USD", at=before + timedelta(days=1))
    Change.objects.create(**amount, before="2500.75", after="2600", at=before + timedelta(days=2))
    Deal.objects.filter(pk=row.pk).update(currency="USD", remote=row.remote | {"currency": "USD"})
    page.post(reverse("deals:edit", args=[row.pk, "currency"]), {"value": "GBP"})
    page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "2700"})
    text = words(page.get(reverse("deals:history", args=[row.pk])))
    told = re.findall(r"Amount: (\S+) → (\S+)", text)
    assert told == [("£3,000", "£2,700"), ("$2,500.75", "$2,600"), ("€1,234.50", "€2,500.75")]


def test_amount_whose_currency_nobody_knows_is_told_bare(page: Client, keep: Keep, ada: Connection):
    [row] = keep(deal(1))
    then = datetime(2025, 2, 1, tzinfo=UTC)
    seen = {"workspace": ada.workspace, "kind": "deal", "record_id": row.pk}
    # How it came to be EUR again, nothing says.
    Change.objects.create(**seen, field="currency", before="EUR", after="USD", at=then)
    Change.objects.create(**seen, field="amount", before="2500", after="2600", at=then + timedelta(days=1))
    text = words(page.get(reverse("deals:history", args=[row.pk])))
    assert "Amount: 2,500 → 2,600" in text


def test_history_offers_undo_to_the_author_alone(page: Client, keep: Keep, connect):
    [row] = keep(deal(1))
    page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "250"})
    Edit.objects.update(state=State.CONFIRMED)
    undo = reverse("deals:undo", args=[row.pk, Edit.objects.get().pk])
    history = reverse("deals:history", args=[row.pk])
    assert undo in page.get(history).content.decode()
    assert undo not in browser(caught_up(connect(BJORN)).user).get(history).content.decode()


def test_what_was_refused_is_told_to_the_author_alone(page: Client, keep: Keep, connect):
    [row] = keep(deal(1))
    page.post(reverse("deals:edit", args=[row.pk, "description"]), {"value": "my secret attempt"})
    Edit.objects.update(state=State.REJECTED)
    other = browser(caught_up(connect(BJORN)).user)
    assert "my secret attempt" in page.get(row.get_absolute_url()).content.decode()
    assert "my secret attempt" not in other.get(row.get_absolute_url()).content.decode()


def test_related_contacts_linked_only_for_who_sees_them(page: Client, keep: Keep, connect):
    private = {"read": {"user_ids": [], "group_ids": []}, "edit": None}
    [person] = keep(contact(1, fields={"last name": [item("Zimmermann")]}, privacy=private), kind="contact")
    [row] = keep(deal(1, related_contacts=[related("c1", "Ada Zimmermann")]))
    assert person.get_absolute_url() in page.get(row.get_absolute_url()).content.decode()
    other = browser(caught_up(connect(BJORN)).user)
    body = other.get(row.get_absolute_url()).content.decode()
    assert "Zimmermann" not in body
    assert "Private contact" in body
    assert person.get_absolute_url() not in body


def test_contact_shows_its_deals_as_one_may_see_them(page: Client, keep: Keep, connect):
    mine = {"read": {"user_ids": [], "group_ids": []}, "edit": None}
    keep(contact(1), kind="contact")
    owner = {"user_id": Connection.objects.get().nimble_user_id, "name": "Ada"}
    keep(
        deal(1, related_contacts=[related("c1", "x")]),
        deal(2, related_contacts=[related("c1", "x")], privacy=mine, owner=owner),
        deal(3),
    )
    person = Contact.objects.get()
    text = words(page.get(person.get_absolute_url()))
    assert "Deal 001 Qualify €100" in text
    assert "Deal 002" in text
    assert "Deal 003" not in text
    other = words(browser(caught_up(connect(BJORN)).user).get(person.get_absolute_url()))
    assert "Deal 001" in other
    assert "Deal 002" not in other


def test_page_takes_as_many_statements_whatever_is_on_it(page: Client, keep: Keep, django_assert_num_queries):
    one, three = keep(
        *[
            deal(
                count,
                related_contacts=[related(f"c{n}", "x") for n in range(count)],
                transitions=[went(None, "Qualify", f"2025-01-0{n + 1}") for n in range(count)],
            )
            for count in (1, 3)
        ]
    )
    for row, count in ((one, 1), (three, 3)):
        for n in range(count):
            page.post(reverse("deals:write_note", args=[row.pk]), {"body": f"Note {n}"})
    Edit.objects.update(state=State.CONFIRMED)
    page.get(one.get_absolute_url())
    for row in (one, three):
        with django_assert_num_queries(25):
            page.get(row.get_absolute_url())


def test_an_open_deal_hears_of_its_edits(page: Client, keep: Keep):
    [row] = keep(deal(1))
    page.post(reverse("deals:edit", args=[row.pk, "amount"]), {"value": "250"})
    edit = Edit.objects.get()
    head = page.get(reverse("deals:head", args=[row.pk])).content.decode()
    assert f"/pulse/?was={edit.pk}.pending" in head
    pulse = reverse("deals:pulse", args=[row.pk])
    still = page.get(pulse, {"was": f"{edit.pk}.pending"}, headers=HTMX)
    assert still.status_code == 204
    assert "HX-Trigger" not in still.headers
    Edit.objects.update(state=State.CONFIRMED)
    assert "deal-changed" in page.get(pulse, {"was": f"{edit.pk}.pending"}, headers=HTMX).headers["HX-Trigger"]
    assert "/pulse/" not in page.get(reverse("deals:head", args=[row.pk])).content.decode()


def test_open_deal_asks_whether_nimble_brought_anything_new(page: Client, keep: Keep):
    [row] = keep(deal(1))
    fresh = reverse("deals:fresh", args=[row.pk])
    assert f"{fresh}?as_of={row.rev}-0" in page.get(row.get_absolute_url()).content.decode()
    still = page.get(fresh, {"as_of": f"{row.rev}-0"}, headers=HTMX)
    assert (still.status_code, "HX-Trigger" in still.headers) == (204, False)
    [row] = keep(deal(1, values={"name": "Changed there"}))
    told = page.get(fresh, {"as_of": f"{row.rev - 1}-0"}, headers=HTMX)
    assert (told.status_code, "deal-changed" in told.headers["HX-Trigger"]) == (204, True)


def test_page_tells_how_long_the_deal_stood_where(page: Client, keep: Keep):
    [row] = keep(deal(1, "Propose", transitions=[went(None, "Qualify"), went("Qualify", "Propose", "2025-01-11")]))
    beside = words(page.get(reverse("deals:beside", args=[row.pk])))
    assert re.search(r"Stages Stage Since For Propose Jan 11, 2025 .* so far Qualify Jan 1, 2025 1 wk long", beside)


def test_lost_deal_says_why_and_is_reopened_where_it_came_from(page: Client, keep: Keep):
    way = [went(None, "Qualify"), went("Qualify", "Propose", "2025-01-11"), went("Propose", "Lost", "2025-02-01")]
    [row] = keep(deal(1, "Propose", transitions=way[:2]))
    lost, reason = Stage.objects.get(name="Lost"), LostReason.objects.get(nimble_id="r1")
    page.post(reverse("deals:move", args=[row.pk]), {"stage": lost.pk, "reason": reason.pk}, headers=HTMX)
    head = words(page.get(reverse("deals:head", args=[row.pk])))
    assert "Lost: Too dear &lt;b&gt; (kept here, and as a note)" in head
    keep(deal(2, "Lost", transitions=way))
    transitions = {"pipeline_id": "p-sales", "transitions": way, "before_final_stage": way[2]["from_stage"]}
    [row] = keep(deal(2, "Lost", stage_transitions=transitions, updated="2026-01-01T00:00:00+0000"))
    body = page.get(reverse("deals:head", args=[row.pk])).content.decode()
    assert "Reopen in Propose" in body
    stage = Stage.objects.get(name="Propose")
    page.post(reverse("deals:move", args=[row.pk]), {"stage": stage.pk}, headers=HTMX)
    assert "Reopen" not in page.get(reverse("deals:head", args=[row.pk])).content.decode()


@pytest.mark.parametrize("state", [State.PENDING, State.CONFIRMED])
def test_deal_that_was_just_won_here_is_reopened_where_it_was(page: Client, keep: Keep, state: str):
    way = [went(None, "Qualify"), went("Qualify", "Propose", "2025-01-11")]
    [row] = keep(deal(1, "Propose", transitions=way))
    page.post(reverse("deals:move", args=[row.pk]), {"stage": Stage.objects.get(name="Won").pk}, headers=HTMX)
    if state == State.CONFIRMED:
        Edit.objects.update(state=state, confirmed_at=database_now())
        # Not every answer tells the way.
        keep(deal(1, "Won", updated="2026-01-01T00:00:00+0000"))
    assert "Reopen in Propose" in page.get(reverse("deals:head", args=[row.pk])).content.decode()


def test_deal_that_was_moved_and_won_before_anything_was_sent_is_reopened_where_it_was_shown(page: Client, keep: Keep):
    [row] = keep(deal(1, "Qualify", transitions=[went(None, "Qualify")]))
    for name in ("Propose", "Won"):
        page.post(reverse("deals:move", args=[row.pk]), {"stage": Stage.objects.get(name=name).pk}, headers=HTMX)
    assert "Reopen in Propose" in page.get(reverse("deals:head", args=[row.pk])).content.decode()
