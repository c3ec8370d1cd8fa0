"""Compiled statements: they bring what the queryset brings, and compose it once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, QuerySet, Sum, Value, When
from django.utils import timezone

from crmportal import statements
from deals.models import Deal, DealContact
from nimble.models import Connection

pytestmark = pytest.mark.django_db

COLUMNS = ("pk", "name", "amount", "expected_close", "updated_in_nimble", "is_private", "tags", "has_contacts")


@pytest.fixture
def deals(ada: Connection) -> list[Deal]:
    now = timezone.now()
    rows = [
        Deal(
            workspace_id=ada.workspace_id,
            nimble_id=f"d{n}",
            name=f"Deal {n % 2}",
            amount=Decimal("1.5") * (n % 2) if n else None,
            expected_close=now.date() if n else None,
            updated_in_nimble=now - timedelta(seconds=n % 2) if n else None,
            is_private=n % 2 == 0,
            tags=["a", n % 2],
        )
        for n in range(5)
    ]
    return Deal.objects.bulk_create(rows)


def composed() -> QuerySet[Deal]:
    related = DealContact.objects.filter(deal=OuterRef("pk"))
    return Deal.objects.annotate(has_contacts=Exists(related)).order_by("pk").values_list(*COLUMNS)


def test_rows_are_those_of_the_queryset_with_its_types(deals: list[Deal]):
    rows = statements.Statement(composed()).rows()
    assert rows == list(composed())
    assert [type(value) for value in rows[1]] == [type(value) for value in composed()[1]]


def test_figures_are_those_of_the_queryset(deals: list[Deal]):
    grouped = Deal.objects.values_list("name").annotate(n=Count("pk"), total=Sum("amount")).order_by("name")
    assert statements.Statement(grouped).rows() == list(grouped)


def test_what_cannot_have_rows_is_not_asked_for(deals: list[Deal], django_assert_num_queries):
    with django_assert_num_queries(0):
        assert statements.Statement(composed().none()).rows() == []


def test_statement_is_composed_once_for_its_key_and_run_every_time(deals: list[Deal]):
    times = []

    def once() -> QuerySet[Deal]:
        times.append(1)
        return composed()

    key = ("composed once", deals[0].pk)
    assert len(statements.rows(key, once)) == 5
    deals[0].delete()
    assert len(statements.rows(key, once)) == 4
    assert len(times) == 1


def test_statements_of_a_process_stay_bounded(deals: list[Deal]):
    for n in range(statements.MOST + 1):
        statements.rows(("bounded", n), composed)
    assert 0 < len(statements._kept) <= statements.MOST


def test_statement_serves_other_records_and_other_numbers_of_them(deals: list[Deal]):
    times = []

    def named(pks: list[int]) -> list[str]:
        given = statements.stand_ins(pks)

        def once() -> QuerySet[Deal]:
            times.append(len(given))
            return Deal.objects.filter(pk__in=list(given)).order_by("pk").values_list("nimble_id")

        return [name for (name,) in statements.rows(("named", len(given)), once, given)]

    pks = [deal.pk for deal in deals]
    assert named(pks[:3]) == ["d0", "d1", "d2"]
    assert named(pks[1:]) == ["d1", "d2", "d3", "d4"]
    assert named(pks[4:]) == ["d4"]
    assert named([]) == []
    assert times == [4, 1, 0]


def test_number_of_the_query_is_no_stand_in(deals: list[Deal]):
    given = statements.stand_ins([deals[0].pk])

    def once() -> QuerySet[Deal]:
        none = Case(When(amount=None, then=Value(-1)), default=F("pk"), output_field=BigIntegerField())
        return Deal.objects.filter(pk__in=list(given)).annotate(none=none).values_list("none")

    assert statements.rows(("a number of its own",), once, given) == [(-1,)]
