"""The lists: what they show, search, filters, sort, paging, and what they cost."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from nimble.models import Connection, Member
from sync.clock import database_now
from sync.models import Run, Stream
from tests.contacts.conftest import Keep
from tests.contacts.payloads import contact, employed, item

HTMX = {"HTTP_HX_REQUEST": "true"}
# Session, person, preferences, connection; what the shell says of the sync; the page, its count, companies, the team.
QUERIES = 10


def names(response) -> list[str]:
    """The names of a list's rows, without marks."""
    body = response.content.decode()
    rows = re.findall(r'<th scope="row".*?<span class="truncate font-medium"[^>]*>(.*?)</span>', body, re.DOTALL)
    return [re.sub(r"</?mark>", "", name) for name in rows]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_queries_whatever_it_shows(
    visitor: Client, keep: Keep, django_assert_num_queries, rows: int
):
    firm = contact(900, "company")
    keep(firm, *[employed(n, firm, tags=["a", "b"]) for n in range(rows)])
    visitor.get("/contacts/?type=person")
    with django_assert_num_queries(QUERIES):
        answer = visitor.get("/contacts/?type=person")
    assert len(names(answer)) == rows


def test_list_shows_what_is_known_of_a_contact(visitor: Client, keep: Keep, ada: Connection):
    Member.objects.create(workspace=ada.workspace, nimble_user_id="u7", name="Chiara Nwosu")
    firm = contact(900, "company")
    fields = {"email": [item("a@b.example", "work")], "phone": [item("+44 1", "work")]}
    keep(firm, employed(1, firm, tags=["VIP"], owner_id="u7", fields=fields))
    body = visitor.get("/contacts/?type=person").content.decode()
    for text in ("Ada Lindqvist 001", "Company 900", "a@b.example", "+44 1", "VIP", "Chiara Nwosu", "2025"):
        assert text in body
    assert reverse("contacts:company", args=[Contact.objects.get(nimble_id="c900").pk]) in body


def test_list_does_not_link_a_company_that_is_hidden(visitor: Client, keep: Keep):
    firm = contact(900, "company")
    keep(employed(1, firm))
    body = visitor.get("/contacts/").content.decode()
    assert "Company 900" in body
    assert "/companies/9" not in body


def test_search_forgives_accents_and_case_and_marks_the_hits(visitor: Client, keep: Keep):
    keep(
        contact(1, fields={"first name": [item("Émile")], "last name": [item("Źak")]}),
        contact(2, fields={"first name": [item("Emilia")], "last name": [item("Berg")]}),
    )
    answer = visitor.get("/contacts/", {"q": "emile zak"})
    assert names(answer) == ["Émile Źak"]
    assert "<mark>Émile</mark> <mark>Źak</mark>" in answer.content.decode()


def test_search_escapes_what_it_marks(visitor: Client, keep: Keep):
    keep(contact(1, fields={"first name": [item("<script>")], "last name": [item("x")]}))
    body = visitor.get("/contacts/", {"q": "<script>"}).content.decode()
    assert "<mark>&lt;script&gt;</mark>" in body
    assert "<script>" not in re.sub(r"<script src=[^>]*>", "", body)


def test_filters_narrow_and_say_so(visitor: Client, keep: Keep):
    keep(
        contact(1, tags=["best,premium", "x"]),
        contact(2, tags=["best"], owner_id="u7"),
        contact(3, "company", tags=["best"]),
    )
    assert names(visitor.get("/contacts/", {"tag": "best"})) == ["Ada Lindqvist 002", "Company 3"]
    assert names(visitor.get("/contacts/", {"tag": "best,premium"})) == ["Ada Lindqvist 001"]
    assert names(visitor.get("/contacts/", {"owner": "u7"})) == ["Ada Lindqvist 002"]
    assert names(visitor.get("/contacts/", {"type": "company"})) == ["Company 3"]
    assert names(visitor.get("/companies/")) == ["Company 3"]
    body = visitor.get("/contacts/", {"tag": "best", "type": "company"}).content.decode()
    assert 'href="/contacts/?type=company"' in body


def test_filters_ignore_what_makes_no_sense(visitor: Client, keep: Keep):
    keep(contact(1))
    query = {"type": "robot", "sort": "'; --", "after": "¡nonsense!", "before": "W10", "q": "\x00"}
    assert names(visitor.get("/contacts/", query)) == ["Ada Lindqvist 001"]


def test_sort_by_name_and_by_update_both_ways(visitor: Client, keep: Keep):
    keep(*[contact(n) for n in (2, 1, 3)])
    up = [f"Ada Lindqvist {n:03}" for n in (1, 2, 3)]
    assert names(visitor.get("/contacts/")) == up
    assert names(visitor.get("/contacts/", {"sort": "-name"})) == up[::-1]
    assert names(visitor.get("/contacts/", {"sort": "updated"})) == up
    assert names(visitor.get("/contacts/", {"sort": "-updated"})) == up[::-1]


@pytest.mark.parametrize("sort", ["name", "-name", "updated", "-updated"])
def test_paging_shows_everyone_once_there_and_back(visitor: Client, keep: Keep, sort: str):
    # Many share a name, and some have no stamp: the id tells them apart.
    same = {"first name": [item("Same")], "last name": [item("Name")]}
    rows = [contact(n, fields=same if n % 2 else {}) for n in range(120)]
    for row in rows[::7]:
        row["updated"] = ""
    keep(*rows)
    wanted = set(Contact.objects.values_list("pk", flat=True))

    def ids(answer) -> list[int]:
        return [
            int(pk)
            for pk in re.findall(r'<th scope="row"[^>]*><a[^>]*href="/contacts/(\d+)/"', answer.content.decode())
        ]

    forth, url = [], f"/contacts/?sort={sort}"
    while url:
        answer = visitor.get(url)
        forth.append(ids(answer))
        found = re.search(r'href="([^"]*)" rel="next"', answer.content.decode())
        last, url = url, f"/contacts/{found[1].replace('&amp;', '&')}" if found else ""
    assert [len(one) for one in forth] == [50, 50, 20]
    assert {pk for one in forth for pk in one} == wanted
    back, url = [], last
    while url:
        answer = visitor.get(url)
        back.append(ids(answer))
        found = re.search(r'href="([^"]*)" rel="prev"', answer.content.decode())
        url = f"/contacts/{found[1].replace('&amp;', '&')}" if found else ""
    assert back == forth[::-1]


def test_htmx_gets_the_list_alone_with_the_clean_address(visitor: Client, keep: Keep):
    keep(contact(1))
    answer = visitor.get("/contacts/?q=ada&type=&owner=&tag=", **HTMX)
    body = answer.content.decode()
    assert body.lstrip().startswith('<div id="listing">')
    assert "<html" not in body
    assert 'id="list-count" hx-swap-oob="true"' in body
    assert answer["HX-Push-Url"] == "/contacts/?q=ada"
    assert "HX-Request" in answer["Vary"]


def test_empty_list_says_why(visitor: Client, keep: Keep, ada: Connection):
    assert "No contacts yet" in visitor.get("/contacts/").content.decode()
    keep(contact(1))
    assert "Nothing matches" in visitor.get("/contacts/?q=nobody").content.decode()


def test_empty_list_shows_the_bar_while_the_first_pull_runs(visitor: Client, ada: Connection):
    stream = Stream.objects.create(connection=ada, name="contacts")
    now = database_now()
    Run.objects.create(stream=stream, started_at=now, moved_at=now, done=120, total=300, full=True)
    body = visitor.get("/contacts/").content.decode()
    assert "on their way" in body
    assert 'max="300" value="120"' in body


def test_tags_on_offer_are_those_of_visible_contacts(visitor: Client, keep: Keep, connect):
    keep(contact(1, tags=["b", "Ä"]), contact(2, tags=["b", "c"]))
    body = visitor.get("/contacts/tags/").content.decode()
    assert re.findall(r'value="([^"]*)"', body) == ["Ä", "b", "c"]
