"""The table of a pipeline: the board's twin, sorted, paged, edited in its cells."""

import csv
import io
import json
import re
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ContactSight
from deals import actions, display
from deals.models import Deal, Pipeline
from nimble.models import Connection, Workspace
from sync.clock import database_now
from sync.models import Edit, Export
from team.models import Profile
from tests import factories
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser, columns, pk_of
from tests.deals.payloads import deal, related
from tests.people import BJORN, Connect

HTMX = {"HX-Request": "true"}
ROW = re.compile(r'<tr id="deal-(\d+)"([^>]*)>')
MORE = re.compile(r'<tr class="more-rows" hx-get="([^"]*)"')


def open_(page: Client, pipeline: Pipeline, **query: str) -> str:
    answer = page.get(reverse("deals:table", args=[pipeline.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def listed(body: str) -> list[int]:
    return [int(pk) for pk, attributes in ROW.findall(body) if "data-above" not in attributes]


def arrived(body: str) -> list[int]:
    return [int(pk) for pk, attributes in ROW.findall(body) if "data-above" in attributes]


def rest(body: str) -> str:
    found = MORE.search(body)
    return found[1].replace("&amp;", "&") if found else ""


def cells(body: str, pk: int) -> list[str]:
    """The texts of a row's cells."""
    row = re.search(rf'<tr id="deal-{pk}".*?</tr>', body, re.DOTALL)
    assert row
    return [re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row[0])]


def company(number: int, name: str) -> dict[str, Any]:
    return contact(number, "company", fields={"company name": [item(name)]})


def totals(body: str) -> str:
    found = re.search(r'<tfoot id="totals">(.*?)</tfoot>', body, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).replace("\xa0", " ").split())


@pytest.mark.parametrize("by", ["", "amount", "-amount", "expected_close_date", "probability", "-probability", "name"])
def test_every_row_once_whatever_it_is_sorted_by(page: Client, keep: Keep, sales: Pipeline, by: str):
    for n in range(170):
        values = {"name": f"N{n % 7}", "probability": n % 5 if n % 4 else None, "amount": str(n % 9) if n % 3 else None}
        values["expected_close_date"] = f"2026-01-{n % 28 + 1:02}" if n % 2 else None
        keep(deal(n, values=values))
    body = open_(page, sales, by=by)
    seen, pieces = listed(body), 1
    while more := rest(body):
        body = page.get(more, headers=HTMX).content.decode()
        assert not arrived(body)
        seen += listed(body)
        pieces += 1
    assert pieces == 4
    assert len(seen) == len(set(seen)) == 170
    if by.lstrip("-") in ("amount", "probability"):
        column = dict(Deal.objects.values_list("pk", by.lstrip("-")))
        found = [column[pk] for pk in seen]
        there = [one for one in found if one is not None]
        assert found[len(there) :] == [None] * (170 - len(there))
        assert there == sorted(there, reverse=by.startswith("-"))


WORKED_OUT = (
    "stage",
    "owner",
    "-owner",
    "currency",
    "tags",
    "-company",
    *(f"field:x-{name}" for name in ("number", "day", "choice", "user")),
)


@pytest.mark.parametrize("by", [*WORKED_OUT, "-stage", "-field:x-text", "field:x-flag"])
def test_every_row_once_by_what_is_worked_out(page: Client, keep: Keep, sales: Pipeline, by: str):
    for n in range(120):
        custom = {
            "x-number": [n % 7 - 1.5],
            "x-day": [f"2026-01-{n % 28 + 1:02}T00:00:00Z"],
            "x-choice": [f"c{n % 3}"],
            "x-user": [f"u{n % 4}"],
            "x-text": [f"Order {n % 9}"],
            "x-flag": [n % 2 == 0],
        }
        owner = {"user_id": f"u{n % 4}", "name": ""} if n % 5 else None
        currency = ("EUR", "USD", None)[n % 3]
        more = {"tags": ["Red", "blue", "über"][: n % 4], "related_contacts": [related(f"c{n % 6}", "")]}
        custom = custom if n % 4 else {}
        keep(deal(n, ("Won", "Propose")[n % 2], custom=custom, owner=owner, currency=currency, **more))
    keep(*(company(n, f"{n % 2} Works") for n in range(5)), kind="contact")
    body = open_(page, sales, by=by)
    seen = listed(body)
    while following := rest(body):
        body = page.get(following, headers=HTMX).content.decode()
        assert not arrived(body)
        seen += listed(body)
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    ("name", "values", "order"),
    [
        ("number", ["10", "9", "-2.5", "many", None], [2, 1, 0]),
        ("day", ["2026-02-01", "2025-12-31T23:00:00Z", "soon", "2026-01-15", None], [1, 3, 0]),
        ("flag", [True, False, None], [1, 0]),
        ("choice", ["c2", "c1", "c9", None], [1, 0, 2]),
        ("user", ["u2", "u1", "u9", None], [1, 0, 2]),
        ("text", ["beta", "Alpha", "gamma", None], [1, 0, 2]),
    ],
)
def test_own_fields_are_sorted_by_their_kind(
    page: Client, keep: Keep, sales: Pipeline, name: str, values: list[Any], order: list[int]
):
    rows = keep(*(deal(n, custom={f"x-{name}": [one] if one is not None else []}) for n, one in enumerate(values)))
    there = [rows[n].pk for n in order]
    missing = {row.pk for row in rows} - set(there)
    for by, wanted in ((f"field:x-{name}", there), (f"-field:x-{name}", there[::-1])):
        found = listed(open_(page, sales, by=by))
        assert found[: len(there)] == wanted
        assert set(found[len(there) :]) == missing


def test_stage_goes_by_its_place_and_owner_by_name(page: Client, keep: Keep, sales: Pipeline):
    paul, olga, nobody = keep(
        deal(0, "Won", owner={"user_id": "u2", "name": "Paul"}),
        deal(1, "Propose", owner={"user_id": "u1", "name": "Olga Owner"}),
        deal(2, "Qualify", owner=None),
    )
    assert listed(open_(page, sales, by="stage")) == [nobody.pk, olga.pk, paul.pk]
    assert listed(open_(page, sales, by="owner")) == [olga.pk, paul.pk, nobody.pk]
    body = open_(page, sales, by="-owner")
    assert listed(body) == [paul.pk, olga.pk, nobody.pk]
    assert re.search(r'data-field="owner"[^>]* aria-sort="descending"', body)
    assert len(re.findall("aria-sort", body)) == 1
    found: Any = page.get(reverse("deals:table_file", args=[sales.pk]), {"by": "stage"})
    lines = b"".join(found.streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["Deal 002", "Deal 001", "Deal 000"]


def test_neither_case_nor_accents_decide_where_a_name_stands(page: Client, keep: Keep, sales: Pipeline):
    names = ["Zebra", "apple", "Émile", "banana", "éclair"]
    keep(*(deal(n, values={"name": name}) for n, name in enumerate(names)))
    Deal.objects.filter(name__in=names[:2]).update(sort_name="")
    import_module("deals.migrations.0013_sort_name").fill(apps, None)
    expected = [pk_of(f"d{names.index(name)}") for name in ("apple", "banana", "éclair", "Émile", "Zebra")]
    assert listed(open_(page, sales, by="name")) == expected
    assert columns(page.get(sales.get_absolute_url(), {"sort": "name"}))["Qualify"].cards == expected


def test_tags_are_sorted_by_the_first_and_then_by_the_next(page: Client, keep: Keep, sales: Pipeline):
    given = [["b"], ["B", "a"], ["a b"], ["a", "z"], [], ["é"], ["z"], ["a"]]
    rows = keep(*(deal(n, tags=tags) for n, tags in enumerate(given)))
    order = [rows[n].pk for n in (7, 3, 2, 0, 1, 6, 5)]
    assert listed(open_(page, sales, by="tags")) == [*order, rows[4].pk]
    assert listed(open_(page, sales, by="-tags")) == [*order[::-1], rows[4].pk]


def test_cell_of_tags_says_how_many_more_there_are(page: Client, keep: Keep, sales: Pipeline):
    names = ["renewal 2026", "priority", "upsell", "<b>"]
    many, few, long = (
        row.pk for row in keep(deal(1, tags=names), deal(2, tags=["a", "b", "c", "d"]), deal(3, tags=["x" * 80, "y"]))
    )
    body = open_(page, sales)

    def cell(pk: int) -> tuple[str, list[str]]:
        found = re.search(rf'<tr id="deal-{pk}".*?<span class="tags" title="([^"]*)">(.*?)</td>', body, re.DOTALL)
        assert found
        return found[1], [text for text in re.split(r"<[^>]+>", found[2]) if text]

    assert cell(many) == (
        ", ".join(names).replace("<b>", "&lt;b&gt;"),
        [*names[:1], "priority", "+2", "upsell, &lt;b&gt;"],
    )
    assert cell(few) == ("a, b, c, d", ["a", "b", "c", "d"])
    assert cell(long)[1] == ["x" * 80, "+1", "y"]


def test_companies_are_sorted_as_their_names_are_read_by_who_sees_them(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection
):
    names = ("Zulu", "émile", "Alpha", "Bravo")
    keep(*(company(n, name) for n, name in enumerate(names)), kind="contact")
    rows = keep(*(deal(n, related_contacts=[related(f"c{n}", "")]) for n in range(4)), deal(9))
    zulu, emile, alpha, bravo, none = (row.pk for row in rows)
    assert listed(open_(page, sales, by="company")) == [alpha, bravo, emile, zulu, none]
    body = open_(page, sales, by="-company")
    assert listed(body) == [zulu, emile, bravo, alpha, none]
    assert re.search(r'data-field="company"[^>]* aria-sort="descending"', body)
    # What Nimble hides from her has no place among the others.
    ContactSight.objects.filter(connection=ada, record__nimble_id="c2").update(hidden_at=database_now())
    assert listed(open_(page, sales, by="company")) == [bravo, emile, zulu, alpha, none]


def test_company_is_that_of_the_first_contact_at_once(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    keep(*(company(n, name) for n, name in enumerate(("Alpha", "Bravo", "Charlie"))), kind="contact")
    first, second, other = keep(
        deal(1, related_contacts=[related("c0", ""), related("c2", "")]),
        deal(2, related_contacts=[related("c1", "")]),
        deal(3, related_contacts=[]),
    )

    def shown() -> list[tuple[int, str]]:
        body = open_(page, sales, by="company")
        return [(pk, cells(body, pk)[6]) for pk in listed(body)]

    stands = [(first.pk, "Alpha"), (second.pk, "Bravo"), (other.pk, "")]
    assert shown() == stands
    Deal.objects.update(contact_nimble_id="")
    assert [name for _pk, name in shown()] == ["", "", ""]
    import_module("deals.migrations.0015_contact_and_sorted_text").fill(apps, None)
    assert shown() == stands
    keep(company(0, "Zulu"), kind="contact")
    assert shown() == [(second.pk, "Bravo"), (first.pk, "Zulu"), (other.pk, "")]
    # Of an edit that Nimble has not got yet, too.
    actions.change(author=ada.user, deal=first, field="contacts", value=[{"id": "c2", "note": ""}])
    actions.change(author=ada.user, deal=second, field="contacts", value=[])
    assert shown() == [(first.pk, "Charlie"), (second.pk, ""), (other.pk, "")]


@pytest.mark.parametrize("model", [Contact, Deal])
def test_names_are_sorted_by_code_point_whatever_the_servers_locale(db: None, model: type[Any]):
    with database.cursor() as cursor:
        columns_ = database.introspection.get_table_description(cursor, model._meta.db_table)
    collation = next(one.collation for one in columns_ if one.name == "sort_name")
    # SQLite sorts so by itself.
    assert collation == ("C" if database.vendor == "postgresql" else None)


def test_what_has_no_order_offers_none(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    first, second = keep(deal(1), deal(2))
    display.choose_columns(ada.user, sales, ["stage", "tags", "description", "field:x-address"])
    body = open_(page, sales, by="field:x-address")
    heads = re.findall(r'<th scope="col" data-field="([^"]+)"[^>]*>(<a)?', body)
    assert [name for name, link in heads if not link] == ["description", "field:x-address"]
    assert "aria-sort" not in body
    assert listed(body) == [second.pk, first.pk]


def test_none_twice_and_none_missed_while_others_change(page: Client, keep: Keep, sales: Pipeline):
    keep(*[deal(n) for n in range(170)])
    body = open_(page, sales)
    seen, above = listed(body), set()
    later = "2025-02-01T00:00:00+0000"
    keep(deal(169, updated=later), deal(5, updated=later), deal(300, updated=later))
    while more := rest(body):
        body = page.get(more, headers=HTMX).content.decode()
        seen += listed(body)
        above |= set(arrived(body))
    assert len(seen) == len(set(seen))
    assert above == {pk_of("d169"), pk_of("d5"), pk_of("d300")}
    assert set(seen) | above == set(Deal.objects.values_list("pk", flat=True))


def test_totals_are_exact_per_currency_and_weighted(page: Client, keep: Keep, sales: Pipeline):
    keep(
        *(deal(n, values={"amount": "0.1", "probability": 50}, currency="EUR") for n in range(60)),
        deal(100, values={"amount": "10", "probability": 10}, currency="USD"),
    )
    said = totals(open_(page, sales))
    assert said.startswith("61 deals €6 · weighted €3 · 60 deals $10 · weighted $1 · 1 deal")


def test_filters_are_the_boards(page: Client, keep: Keep, sales: Pipeline):
    one, _two = keep(deal(1, tags=["hot"]), deal(2))
    body = open_(page, sales, tag="hot")
    assert listed(body) == [one.pk]
    assert "Tag: hot" in body
    board, table = (reverse(name, args=[sales.pk]) for name in ("deals:board", "deals:table"))
    assert f'href="{board}?tag=hot"' in body
    assert f'href="{table}?tag=hot"' in page.get(board, {"tag": "hot"}).content.decode()


def test_owners_as_columns_are_found_again_on_the_way_back(page: Client, keep: Keep, sales: Pipeline):
    one, two = keep(deal(1), deal(2, "Won", tags=["hot"]))
    board, table = (reverse(name, args=[sales.pk]) for name in ("deals:board", "deals:table"))
    assert f'href="{table}?group=owner"' in page.get(board, {"group": "owner"}).content.decode()
    body = open_(page, sales, group="owner", tag="")
    assert listed(body) == [two.pk, one.pk]
    assert totals(body).startswith("2 deals")
    assert f'href="{board}?group=owner"' in body
    sorted_ = open_(page, sales, group="owner", by="-amount", tag="hot")
    assert f'href="{board}?tag=hot&group=owner&by=-amount"' in sorted_.replace("&amp;", "&")
    assert listed(sorted_) == [two.pk]


def test_columns_are_chosen_ordered_and_kept_per_person(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, connect: Connect
):
    [row] = keep(deal(1, values={"amount": "12", "name": "Heron"}))
    address = reverse("deals:table_columns", args=[sales.pk])
    page.post(address, {"columns": ["amount", "stage", "evil"], "query": "?tag=x"})
    assert cells(open_(page, sales), row.pk) == ["Heron", "€12", "Qualify"]
    page.post(address, {"columns": ["amount", "stage"], "down": "amount"})
    assert cells(open_(page, sales), row.pk) == ["Heron", "Qualify", "€12"]
    other = browser(factories.caught_up(connect(BJORN)).user)
    assert len(cells(open_(other, sales), row.pk)) > 3


@pytest.mark.parametrize("count", [1, 3])
def test_statements_do_not_depend_on_the_number_of_rows(
    page: Client, keep: Keep, sales: Pipeline, count: int, django_assert_num_queries
):
    keep(*(deal(n, tags=["a"]) for n in range(count)))
    open_(page, sales)
    with django_assert_num_queries(13):
        open_(page, sales)


def test_cell_is_edited_as_the_page_of_the_deal_does(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1, values={"amount": "12"}))
    address = reverse("deals:cell", args=[row.pk, "amount"])
    form = page.get(address, headers=HTMX).content.decode()
    seal = re.search(r'name="seal" value="([^"]*)"', form)
    assert seal
    whence = {"pipeline": sales.pk, "query": "", "seal": seal[1]}
    wrong = page.post(address, {**whence, "value": "a lot"}, headers=HTMX)
    assert (wrong.status_code, wrong["HX-Retarget"]) == (422, f"#cell-{row.pk}")
    assert 'value="a lot"' in wrong.content.decode()
    saved = page.post(address, {**whence, "value": "15"}, headers=HTMX).content.decode()
    assert "€15" in cells(saved, row.pk)
    edit = Edit.objects.get()
    assert edit.fields["amount"]["new"] == "15"
    assert reverse("deals:undo", args=[row.pk, edit.pk]) in saved


def test_what_may_not_be_edited_is_shown_so(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(deal(1, is_editable=False))
    body = open_(page, sales)
    assert 'data-editable="0"' in body
    assert body.count('aria-readonly="true"') == 7
    assert page.get(reverse("deals:cell", args=[row.pk, "amount"]), headers=HTMX).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_change_arrives_with_its_place_and_the_totals(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    one, two, three = keep(*(deal(n, values={"name": name}) for n, name in ((1, "B"), (2, "D"), (3, "A"))))
    before = Workspace.objects.get(pk=ada.workspace_id).event_number
    keep(deal(3, values={"name": "C", "amount": "5"}))
    address = reverse("deals:table_live", args=[sales.pk])
    answer = page.get(address, {"by": "name"}, headers={"After-Event": str(before)})
    body = answer.content.decode()
    assert listed(body) == [three.pk]
    assert f'data-places="{{&quot;{three.pk}&quot;: {one.pk}}}"' in body
    assert "3 deals" in totals(body)
    by_stage = page.get(address, {"by": "stage"}, headers={"After-Event": str(before)}).content.decode()
    assert f'data-places="{{&quot;{three.pk}&quot;: {two.pk}}}"' in by_stage
    keep(deal(2, values={"name": "Egret"}))
    gone = page.get(address, {"q": "d"}, headers={"After-Event": str(before)}).content.decode()
    assert f'data-gone="{one.pk} {two.pk} {three.pk}"' not in gone
    assert f'id="deal-{two.pk}"' not in gone


@pytest.mark.django_db(transaction=True)
def test_deal_without_a_value_has_its_place_too(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    rows = keep(*(deal(n, values={"amount": amount}) for n, amount in enumerate(("5", None, "7", None))))
    before = Workspace.objects.get(pk=ada.workspace_id).event_number
    keep(*(deal(n, values={"amount": None, "name": "Changed"}) for n in (1, 2, 3)))
    address = reverse("deals:table_live", args=[sales.pk])
    for by in ("amount", "-amount", "field:x-text"):
        answer = page.get(address, {"by": by}, headers={"After-Event": str(before)}).content.decode()
        order = listed(open_(page, sales, by=by))
        told = re.search(r'data-places="([^"]*)"', answer)
        assert told
        places = json.loads(told[1].replace("&quot;", '"'))
        above = dict(zip(order, [0, *order], strict=False))
        assert places == {str(row.pk): above[row.pk] for row in rows[1:]}


def test_file_has_the_chosen_columns_and_defuses_formulas(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    keep(
        deal(1, values={"name": "=HYPERLINK(1)", "amount": "1234.5"}, tags=["hot"]),
        deal(2, values={"name": "Plain", "amount": "7"}, tags=["hot"]),
        deal(3),
    )
    page.post(reverse("deals:table_columns", args=[sales.pk]), {"columns": ["amount", "stage"]})
    answer: Any = page.get(reverse("deals:table_file", args=[sales.pk]), {"tag": "hot", "by": "-amount"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text)))
    assert found == [
        ["Name", "Amount", "Currency", "Stage"],
        ["'=HYPERLINK(1)", "1234.5", "EUR", "Qualify"],
        ["Plain", "7", "EUR", "Qualify"],
    ]
    export = Export.objects.get()
    assert (export.what, export.filters, export.rows) == ("deals", ["tag"], 2)


def test_file_has_numbers_and_days_of_own_fields_as_such(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    keep(deal(1, custom={"x-money": ["1250.5"], "x-day": ["2027-01-31T00:00:00Z"], "x-text": ["1,5"]}))
    display.choose_columns(ada.user, sales, ["field:x-money", "field:x-day", "field:x-text"])
    answer: Any = page.get(reverse("deals:table_file", args=[sales.pk]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1][1:] == ["1250.5", "2027-01-31", "1,5"]


def test_what_nimble_hides_is_in_no_row_total_or_file(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, connect: Connect
):
    mine = {"owner": {"user_id": ada.nimble_user_id, "name": "Ada"}, "privacy": factories.NOBODY}
    keep(deal(1, **mine, values={"name": "Kestrelwood", "amount": "5"}), deal(2))
    other = browser(factories.caught_up(connect(BJORN)).user)
    body = open_(other, sales)
    assert "Kestrelwood" not in body
    assert totals(body).startswith("1 deal ")
    answer: Any = other.get(reverse("deals:table_file", args=[sales.pk]))
    assert b"Kestrelwood" not in b"".join(answer.streaming_content)
    rows = other.get(reverse("deals:table_rows", args=[sales.pk]), {"deal": pk_of("d1")}).content.decode()
    assert "Kestrelwood" not in rows


def test_file_says_moments_in_the_persons_time_zone_and_words_in_their_language(
    ada: Connection, page: Client, keep: Keep, sales: Pipeline
):
    keep(deal(1, created="2024-01-31T23:30:00Z", values={"name": None}))
    display.choose_columns(ada.user, sales, ["created", "owner"])
    Profile.objects.update_or_create(user=ada.user, defaults={"time_zone": "Europe/Berlin", "language": "de"})
    Deal.objects.update(owner_id="nobody")
    answer = page.get(reverse("deals:table_file", args=[sales.pk]))
    told = b"".join(answer.streaming_content).decode()
    assert "2024-02-01T00:30:00+01:00" in told
    assert "Jemand, der hier nicht bekannt ist" in told
