"""Values in words, links that are safe to press, hits that are marked."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from contacts import layout, marks
from contacts.models import ContactField


def field(kind: str, **more) -> ContactField:
    return ContactField(name="Custom", kind=kind, **more)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("choice", "2", "Silver"),
        ("choice", "99", "99"),
        ("boolean", "false", "No"),
        ("boolean", "perhaps", "perhaps"),
        ("number", "1e6", "1,000,000"),
        ("number", "1250.5", "1,250.5"),
        ("number", "1e99999", "1e99999"),
        ("number", "NaN", "NaN"),
        ("number", "many", "many"),
        ("datetime", "2025-12-31T00:00:00Z", "Dec 31, 2025"),
        ("datetime", "--02-29", "Feb 29"),
        ("datetime", "12-24", "Dec 24"),
        ("datetime", "--02-31", "--02-31"),
        ("datetime", "0000-99-99", "0000-99-99"),
        ("user", "u7", "Chiara"),
        ("user", "u8", "u8"),
        ("address", "{'city': 'Köln'}", "Köln"),
        ("address", "just a line", "just a line"),
        ("string", "as it is", "as it is"),
        ("never heard of", "as it is", "as it is"),
    ],
)
def test_value_reads_as_its_kind(kind: str, value: str, text: str):
    choices = [{"id": "1", "value": "Bronze"}, {"id": "2", "value": "Silver"}]
    assert layout.reading("Custom", value, field(kind, choices=choices), {"u7": "Chiara"}) == text


def test_number_is_money_or_a_share_where_the_metadata_says_so():
    assert layout.number_text("1250.5", {"number_type": "financial", "currency": "EUR"}) == "€1,250.50"
    assert layout.number_text("12.5", {"number_type": "percentage"}) == "12.5 %"


def test_values_are_in_the_readers_language():
    with translation.override("de"):
        assert layout.number_text("1250.5", {}) == "1.250,5"
        assert layout.day_text("2025-12-31") == "31.12.2025"


@pytest.mark.parametrize(
    ("name", "value", "href"),
    [
        ("email", "a+b@c.example", "mailto:a+b@c.example"),
        ("email", "a?cc=x@c.example", "mailto:a%3Fcc%3Dx@c.example"),
        ("email", "no address", ""),
        ("phone", "+44 (20) 7946 ext. 7", "tel:+44207946"),
        ("phone", "call after 6", ""),
        ("URL", "https://a.example/?b=c", "https://a.example/?b=c"),
        ("linkedin", "http://a.example", "http://a.example"),
        ("URL", "javascript:alert(1)", ""),
        ("URL", "data:text/html,x", ""),
        ("URL", "https:///nowhere", ""),
        ("URL", "http://[broken", ""),
        ("URL", "www.a.example", ""),
    ],
)
def test_link_leads_only_where_it_is_safe(name: str, value: str, href: str):
    assert layout.link(name, value) == href


@pytest.mark.parametrize(
    ("text", "query", "html"),
    [
        ("Émile Żak", "emile", "<mark>Émile</mark> Żak"),
        ("Weiß", "weiss", "<mark>Weiß</mark>"),
        ("a<b>a", "a", "<mark>a</mark>&lt;b&gt;<mark>a</mark>"),
        ("banana", "ana nan", "b<mark>anan</mark>a"),
        ("Ada", "", "Ada"),
        ("Ada", "x", "Ada"),
    ],
)
def test_hits_are_marked_in_the_text_as_it_is_written(text: str, query: str, html: str):
    assert marks.marked(text, marks.words(query)) == html


@given(st.text(), st.text(max_size=5))
def test_marking_loses_nothing_and_trusts_nothing(text: str, query: str):
    marked = marks.marked(text, marks.words(query))
    bare = marked.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare
    assert sum(end - start for start, end in marks.hits(text, marks.words(query))) <= len(text)
