"""Notes: cleaned on their way in, written, changed and removed."""

import html
import re

import pytest
from django.test import Client

from contacts.models import Contact, ContactNote
from sync.models import Edit, State
from tests.contacts.conftest import Keep
from tests.contacts.payloads import contact, note

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def row(keep: Keep) -> Contact:
    return keep(contact(1))[0]


@pytest.mark.parametrize(
    ("markup", "shown", "never"),
    [
        ("<p onclick='x()'>Hi<script>alert(1)</script></p>", "<p>Hi</p>", "alert"),
        ('<a href="javascript:alert(1)">click</a>', "click", "javascript:"),
        ('<img src="http://tracker.test/x.gif">text', "text", "tracker"),
        ("%3Cfont%20color%3Dred%3ESpoke%3C%2Ffont%3E", "Spoke", "%3C"),
        ("Plain: 5 < 6 & 7", "Plain: 5 &lt; 6 &amp; 7", "5 < 6"),
        ("<div>" * 500 + "deep" + "</div>" * 500, "deep", "<div><div><div><div>"),
        ('<p style="position:fixed">cover</p><style>*{display:none}</style>', "cover", "position:fixed"),
        ("bad\x00\ud800text", "text", "\x00"),
    ],
)
def test_note_is_cleaned_when_it_comes_in(
    keep: Keep, visitor: Client, row: Contact, markup: str, shown: str, never: str
):
    [kept] = keep(note(1, "c1", markup), kind="contact_note")
    assert shown in kept.html
    assert never not in kept.html
    body = visitor.get(row.get_absolute_url()).content.decode()
    section = body[body.index('id="notes"') : body.index("</ol>", body.index('id="notes"'))]
    assert shown in section
    assert never not in section


def test_note_is_written_as_markdown_and_shown_at_once(visitor: Client, row: Contact):
    answer = visitor.post(f"/contacts/{row.pk}/notes/", {"text": "Called.\r\n**Wants** a quote <b>now</b>"}, **HTMX)
    assert answer.status_code == 200
    body = answer.content.decode()
    assert "<strong>Wants</strong> a quote &lt;b&gt;now&lt;/b&gt;" in body
    assert "Saved here" in body
    edit = Edit.objects.get()
    assert (edit.operation, edit.kind) == ("create", "contact_note")
    assert ContactNote.objects.get().contacts.get() == row


def test_empty_note_is_not_written_and_says_why(visitor: Client, row: Contact):
    answer = visitor.post(f"/contacts/{row.pk}/notes/", {"text": " \r\n "}, **HTMX)
    assert answer.status_code == 422
    assert "Write something first." in answer.content.decode()
    assert not ContactNote.objects.exists()


def test_writing_works_without_javascript(visitor: Client, row: Contact):
    answer = visitor.post(f"/contacts/{row.pk}/notes/", {"text": "Hello"})
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{row.pk}/#notes")
    refused = visitor.post(f"/contacts/{row.pk}/notes/", {"text": ""})
    assert refused.status_code == 422
    assert "<html" in refused.content.decode()


def changing(visitor: Client, row: Contact, kept: ContactNote) -> tuple[str, dict[str, str], str]:
    url = f"/contacts/{row.pk}/notes/{kept.pk}/"
    body = visitor.get(url, **HTMX).content.decode()
    text = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", body, re.DOTALL)
    seal = re.search(r'name="seal" value="([^"]*)"', body)
    assert text is not None
    assert seal is not None
    return url, {"text": html.unescape(text[1]), "seal": html.unescape(seal[1])}, body


def test_note_is_changed_as_plain_text(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1", "<p>One<br>two &amp; three</p>"), kind="contact_note")
    url, sent, body = changing(visitor, row, kept)
    assert sent["text"] == "One\ntwo & three"
    assert "This note has formatting" not in body
    assert visitor.post(url, {**sent, "text": "One\r\nfour"}, **HTMX).status_code == 200
    edit = Edit.objects.get()
    assert edit.fields["note"] == {"base": "<p>One<br>two &amp; three</p>", "new": "<p>One<br />\nfour</p>\n"}


@pytest.mark.parametrize(
    "markup",
    [
        "<p>" + "word " * 9_000 + "end</p>",
        "<p>" + "<span title='much markup around it'>word</span> " * 9_000 + "end</p>",
        "<div>" * 70 + "word " * 2_000 + "end" + "</div>" * 70,
    ],
    ids=["long", "heavy", "deep"],
)
def test_long_note_is_changed_whole(keep: Keep, visitor: Client, row: Contact, markup: str):
    [kept] = keep(note(1, "c1", markup), kind="contact_note")
    url, sent, _body = changing(visitor, row, kept)
    words = sent["text"].split()
    assert (words.count("word"), words[-1]) == (markup.count("word"), "end")
    assert visitor.post(url, sent, **HTMX).status_code == 200
    assert not Edit.objects.exists()
    assert visitor.post(url, {**sent, "text": sent["text"] + " and more"}, **HTMX).status_code == 200
    new = Edit.objects.get().fields["note"]["new"]
    assert new.count("word") == markup.count("word")
    assert new.rstrip().endswith("end and more</p>")


def test_note_too_long_for_a_form_says_so(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1", "<p>" + "word " * 50_000 + "</p>"), kind="contact_note")
    for headers in (HTMX, {}):
        body = visitor.get(f"/contacts/{row.pk}/notes/{kept.pk}/", **headers).content.decode()
        assert "too long to be changed here" in body
        assert "<textarea" not in body


def test_note_with_formatting_warns_before_it_is_simplified(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1", "<p>Called about the <b>renewal</b></p>"), kind="contact_note")
    assert "This note has formatting" in changing(visitor, row, kept)[2]


def test_note_that_nobody_touched_is_not_sent(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1", "<div>Rich <b>text</b></div><ul><li>one</li><li>two</li></ul>"), kind="contact_note")
    url, sent, _body = changing(visitor, row, kept)
    assert visitor.post(url, {**sent, "text": sent["text"].replace("\n", "\r\n")}, **HTMX).status_code == 200
    assert not Edit.objects.exists()


def test_emptied_note_is_refused_and_kept(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1"), kind="contact_note")
    url, sent, _body = changing(visitor, row, kept)
    answer = visitor.post(url, {**sent, "text": ""}, **HTMX)
    assert answer.status_code == 422
    assert f'id="note-{kept.pk}-body"' in answer.content.decode()


def test_note_is_removed_after_being_asked(keep: Keep, visitor: Client, row: Contact):
    [kept] = keep(note(1, "c1", "<p>Secret</p>"), kind="contact_note")
    url = f"/contacts/{row.pk}/notes/{kept.pk}/remove/"
    assert "Nimble cannot bring it back" in visitor.get(url).content.decode()
    assert "<html" not in visitor.get(url, **HTMX).content.decode()
    assert visitor.post(url).status_code == 302
    assert Edit.objects.get().operation == "delete"
    body = visitor.get(row.get_absolute_url()).content.decode()
    assert "Secret" not in body


def test_unsent_note_is_dropped_when_it_is_removed(visitor: Client, row: Contact):
    visitor.post(f"/contacts/{row.pk}/notes/", {"text": "Oops"}, **HTMX)
    kept = ContactNote.objects.get()
    visitor.post(f"/contacts/{row.pk}/notes/{kept.pk}/remove/")
    assert Edit.objects.get().state == State.DISCARDED
    assert "Oops" not in visitor.get(row.get_absolute_url()).content.decode()


def test_note_that_nimble_refused_is_mended_not_doubled(visitor: Client, row: Contact):
    visitor.post(f"/contacts/{row.pk}/notes/", {"text": "Too long"}, **HTMX)
    Edit.objects.update(state=State.REJECTED, error={"reason": "Invalid", "message": "Too long."})
    kept = ContactNote.objects.get()
    body = visitor.get(row.get_absolute_url()).content.decode()
    assert "Too long" in body
    assert "Needs you" in body
    url, sent, _body = changing(visitor, row, kept)
    assert visitor.post(url, {**sent, "text": "Short"}, **HTMX).status_code == 200
    edit = Edit.objects.get()
    assert (edit.operation, edit.state, edit.fields["note"]["new"]) == ("create", State.PENDING, "<p>Short</p>\n")
