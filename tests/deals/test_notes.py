"""Notes on a deal: written, changed, removed; Nimble never reads them back."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import actions
from deals.forms import title_of
from deals.models import Deal, DealNote
from nimble.models import Connection
from sync import edits, outbox
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}


def write(page: Client, row: Deal, body: str, **more: str):
    return page.post(reverse("deals:write_note", args=[row.pk]), {"body": body, **more}, headers=HTMX)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Called them", "Called them"),
        ("\n\n## *Called* `them` \nagain", "Called them"),
        ("- first\n- second", "first"),
        ("---", "---"),
        ("x" * 300, "x" * 79 + "…"),
    ],
)
def test_title_is_the_first_words(text: str, title: str):
    assert title_of(text) == title


def test_note_is_shown_at_once_and_cleaned(page: Client, keep: Keep):
    [row] = keep(deal(1))
    body = write(page, row, "**Hello** <script>alert(1)</script> [x](javascript:alert(1))").content.decode()
    assert "<strong>Hello</strong>" in body
    assert "<script>alert" not in body
    assert 'href="javascript' not in body
    assert 'id="timeline"' in body
    assert 'hx-swap-oob="true"' in body
    note = DealNote.objects.get()
    assert note.title.startswith("Hello")
    assert "<strong>Hello</strong>" in page.get(row.get_absolute_url()).content.decode()


def test_each_line_of_a_note_is_a_line_of_its_own(page: Client, keep: Keep):
    [row] = keep(deal(1))
    write(page, row, "First\nSecond\n\nThird")
    assert re.search(r"<p>First<br ?/?>\s*Second</p>\s*<p>Third</p>", page.get(row.get_absolute_url()).content.decode())


@pytest.mark.parametrize(("title", "shown"), [("", False), ("Call", False), ("About the offer", True)])
def test_title_is_shown_only_where_it_says_more_than_the_text(page: Client, keep: Keep, title: str, shown: bool):
    [row] = keep(deal(1))
    write(page, row, "Call them *back*", title=title)
    body = page.get(row.get_absolute_url()).content.decode()
    assert body.count("Call them") == 1
    assert bool(re.search(r'<p class="font-medium" dir="auto">', body)) == shown


def test_the_reason_of_a_loss_is_shown_once(page: Client, keep: Keep, ada: Connection):
    [row] = keep(deal(1))
    text = "Lost: " + "too *dear* " * 20
    actions.write_note(author=ada.user, deal=row, title=text.strip(), body=text)
    assert page.get(row.get_absolute_url()).content.decode().count("Lost: too") == 1


def test_a_title_that_was_made_of_the_text_follows_it(page: Client, keep: Keep):
    [row] = keep(deal(1))
    write(page, row, "First")
    note = DealNote.objects.get()
    change = reverse("deals:change_note", args=[row.pk, note.pk])
    assert 'value="First"' not in page.get(change, headers=HTMX).content.decode()
    page.post(change, {"title": "", "body": "Second"}, headers=HTMX)
    note.refresh_from_db()
    assert note.title == "Second"


def test_empty_note_is_refused_with_the_title_that_was_typed(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = write(page, row, " \r\n ", title="My title")
    assert answer.status_code == 422
    assert "Write something first." in answer.content.decode()
    assert 'value="My title"' in answer.content.decode()
    assert not DealNote.objects.exists()


def test_note_is_changed_and_removed(page: Client, keep: Keep):
    [row] = keep(deal(1))
    write(page, row, "First")
    note = DealNote.objects.get()
    change = reverse("deals:change_note", args=[row.pk, note.pk])
    assert "First</textarea>" in page.get(change, headers=HTMX).content.decode()
    page.post(change, {"title": "T", "body": "Second"}, headers=HTMX)
    note.refresh_from_db()
    assert (note.title, note.body) == ("T", "Second")
    assert page.post(change, {"body": ""}, headers=HTMX).status_code == 422
    remove = reverse("deals:remove_note", args=[row.pk, note.pk])
    assert "cannot bring it back" in page.get(remove, headers=HTMX).content.decode()
    answer = page.post(remove, headers=HTMX)
    assert f'id="note-{note.pk}"' not in answer.content.decode()
    assert page.get(change).status_code == 404


def test_a_note_of_another_deal_is_not_found(page: Client, keep: Keep):
    one, other = keep(deal(1), deal(2))
    write(page, one, "Mine")
    note = DealNote.objects.get()
    assert page.get(reverse("deals:change_note", args=[other.pk, note.pk])).status_code == 404


def test_a_refused_note_is_mended(page: Client, keep: Keep):
    [row] = keep(deal(1))
    write(page, row, "First")
    Edit.objects.update(state=State.REJECTED, error={"reason": "Invalid"})
    note = DealNote.objects.get()
    page.post(reverse("deals:change_note", args=[row.pk, note.pk]), {"title": "T", "body": "Mended"}, headers=HTMX)
    assert Edit.objects.get().fields["body"]["new"] == "Mended"
    assert Edit.objects.get().state == State.PENDING


def test_notes_without_javascript(page: Client, keep: Keep):
    [row] = keep(deal(1))
    address = reverse("deals:write_note", args=[row.pk])
    assert page.post(address, {"body": ""}).status_code == 422
    answer = page.post(address, {"body": "Plain"}, follow=True)
    assert answer.redirect_chain == [(row.get_absolute_url() + "#timeline", 302)]
    assert "Note saved." in answer.content.decode()
    note = DealNote.objects.get()
    for name in ("deals:change_note", "deals:remove_note"):
        assert "<h1" in page.get(reverse(name, args=[row.pk, note.pk])).content.decode()


def test_notes_arrive_in_nimble_are_changed_there_and_removed(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    page = browser(mirror.user)
    write(page, row, "**Called** them", title="Call")
    assert outbox.deliver() == 1
    note = DealNote.objects.get()
    stored = sandbox.object("deal_note", note.nimble_id or "")
    assert (stored["title"], stored["body"]) == ("Call", "**Called** them")
    page.post(reverse("deals:change_note", args=[row.pk, note.pk]), {"title": "Call", "body": "Twice"}, headers=HTMX)
    assert outbox.deliver() == 1
    assert sandbox.object("deal_note", note.nimble_id or "")["body"] == "Twice"
    page.post(reverse("deals:remove_note", args=[row.pk, note.pk]), headers=HTMX)
    assert outbox.deliver() == 1
    assert Edit.objects.exclude(state=State.CONFIRMED).count() == 0


def test_a_change_of_a_note_sends_nothing_of_a_later_one(mirror: Connection, sandbox: SandboxServer):
    row = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True).first()
    assert row
    page = browser(mirror.user)
    write(page, row, "First", title="Call")
    assert outbox.deliver() == 1
    note = DealNote.objects.get()
    earlier = edits.record(author=mirror.user, row=note, new={"title": "Called"})
    later = edits.record(author=mirror.user, row=note, new={"body": "Not meant to go out"})
    assert earlier
    assert later
    Edit.objects.filter(pk=later.pk).update(not_before=timezone.now() + timedelta(minutes=10))
    assert outbox.deliver() == 1
    earlier.refresh_from_db()
    assert earlier.state == State.CONFIRMED
    stored = sandbox.object("deal_note", note.nimble_id or "")
    assert (stored["title"], stored["body"]) == ("Called", "First")
