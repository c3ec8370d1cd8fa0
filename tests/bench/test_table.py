"""What the table costs the server, as ratios within one run: the first 50 rows of 25,000 deals, however sorted.

The floors: a view that says hello behind the same middlewares, and the table's SQL with its rows as plain strings.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deals.models import Deal, DealContact, Pipeline
from nimble.models import Connection
from sync import registry, store
from sync.clock import database_now
from tests.bench.test_board import DEALS, page, plain, seconds, server
from tests.contacts.payloads import contact, item

__all__ = ["page"]

pytestmark = pytest.mark.django_db(transaction=True)


# Served by an index; and worked out for every deal.
SORTS = ("", "-amount", "name", "expected_close_date", "stage", "tags", "company")
COMPANIES = 2_500


def companies(connection: Connection) -> None:
    """Every deal has one of some thousand companies."""
    resource, read_at = registry.resource("contact"), database_now()
    payloads = [
        contact(n, "company", fields={"company name": [item(f"{n * 7919 % 9973} Works")]}) for n in range(COMPANIES)
    ]
    store.save_page(resource, connection, payloads, read_at=read_at)
    related = (
        DealContact(deal_id=pk, contact_nimble_id=f"c{pk % COMPANIES}")
        for pk in Deal.objects.values_list("pk", flat=True)
    )
    DealContact.objects.bulk_create(related, batch_size=5_000)
    import_module("deals.migrations.0015_contact_and_sorted_text").fill(apps, None)
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")


def test_table_against_hello_and_against_its_sql(page: Client, ada: Connection, capsys: pytest.CaptureFixture[str]):
    companies(ada)
    served = server(page)
    pipeline = Pipeline.objects.get()
    for by in SORTS:
        address = reverse("deals:table", args=[pipeline.pk]) + f"?by={by}"
        page.get(address)
        with CaptureQueriesContext(database) as asked:
            body = page.get(address).content.decode()
        assert body.count("<tr id=") == 50
        table, hi, raw = seconds(lambda at=address: served(at), lambda: served("/hello/"), floor(asked))
        with capsys.disabled():
            print(
                f"\ntable by {by or 'the last change'}, 50 of {DEALS:,} deals, {len(asked)} statements: "
                f"{table * 1000:.1f} ms; {table / hi:.1f} × a hello-world view ({hi * 1000:.1f} ms), "
                f"{table / raw:.1f} × its raw SQL with strings ({raw * 1000:.1f} ms), "
                f"{table / (raw + hi):.1f} × both together"
            )
        assert table < 3 * (raw + hi)


def floor(asked: CaptureQueriesContext) -> Callable[[], None]:
    """The same statements, and their rows as plain strings."""
    statements = [one["sql"] for one in asked]

    def run() -> None:
        with database.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                if len(rows) == 50:
                    plain([(*row, "", "", "") for row in rows])

    return run
