"""The forecast: open deals by the month of their expected close, and what a drop there changes."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals.forecast import ByMonth, first_of, key_of
from deals.models import Deal, Pipeline
from sync.models import Edit
from tests.deals.conftest import Keep
from tests.deals.payloads import deal

HTMX = {"HX-Request": "true"}


def forecast(page: Client, sales: Pipeline, **more: str) -> dict[str, tuple[int, list[str], list[int]]]:
    """By column: how many, the sums and weighted sums, the cards."""
    body = page.get(sales.get_absolute_url(), {"group": "month", **more}).content.decode()
    found = {}
    for part in body.split('<section class="column"')[1:]:
        key = re.search(r'data-stage="([^"]*)"', part)
        count = re.search(r'<span class="n">(\d+)', part)
        sums = re.search(r'<div class="sums">(.*?)</div></header>', part)
        assert key
        assert count
        assert sums
        said = [re.sub(r"<[^>]+>", "", one).strip() for one in sums[1].split("</span>")]
        cards = [int(pk) for pk in re.findall(r'<li class="card" id="deal-(\d+)"', part)]
        found[key[1]] = int(count[1]), [one for one in said if one], cards
    return found


def reschedule(page: Client, row: Deal, key: str, **data: Any) -> Any:
    """As the board's script sends it."""
    sent = {"stage": key, "pipeline": Pipeline.objects.get(nimble_id="p-sales").pk, "query": "?group=month", **data}
    return page.post(reverse("deals:reschedule", args=[row.pk]), sent, headers=HTMX)


def closing(n: int, day: date | None, stage: str = "Qualify", **more: Any) -> dict[str, Any]:
    values = {"expected_close_date": day.isoformat() if day else None, "amount": "100", "probability": 40}
    return deal(n, stage, values=values | more)


def test_more_currencies_are_behind_the_most_used_one(page: Client, keep: Keep, sales: Pipeline):
    """A forecast shows the weighted sums, too."""
    today = timezone.localdate()
    keep(
        closing(1, today), closing(2, today),
        *(closing(3 + n, today) | {"currency": currency} for n, currency in enumerate(("USD", "CHF", "GBP"))),
    )  # fmt: skip
    for query in ({"group": "month"}, {}):
        body = page.get(sales.get_absolute_url(), query).content.decode()
        head = next(one for one in re.findall(r'<div class="sums">(.*?)</div>', body) if "€200" in one)
        shown, behind = head.split("<details", 1)
        assert "€200" in shown
        assert "$" not in shown
        assert 'aria-label="3 more currencies">+3</summary>' in behind
        assert all(amount in behind for amount in ("<span>$100</span>", "CHF", "<span>£100</span>"))
        assert ("weighted $40" in behind) == bool(query)


def test_second_currency_is_behind_the_first(page: Client, keep: Keep, sales: Pipeline):
    today = timezone.localdate()
    keep(closing(1, today), closing(2, today), closing(3, today) | {"currency": "USD"})
    body = page.get(sales.get_absolute_url()).content.decode()
    head = next(one for one in re.findall(r'<div class="sums">(.*?)</div>', body) if "€200" in one)
    shown, behind = head.split("<details", 1)
    assert shown == "<span>€200</span>"
    assert 'aria-label="1 more currency">+1</summary>' in behind
    assert "<span>$100</span>" in behind


def test_open_deals_by_month_with_sums_and_weighted_sums(page: Client, keep: Keep, sales: Pipeline):
    today = timezone.localdate()
    rows = keep(
        closing(1, today - timedelta(days=1)),
        closing(2, today),
        closing(3, first_of(today, 1)),
        closing(4, first_of(today, 1), probability=None),
        closing(5, first_of(today, 20)),
        closing(6, None),
        closing(7, today, "Won"),
    )
    found = forecast(page, sales)
    months = [key_of(first_of(today, n)) for n in range(6)]
    assert list(found) == ["overdue", *months, "later", "none"]
    assert found["overdue"] == (1, ["€100", "weighted €40"], [rows[0].pk])
    assert found[months[0]][2] == [rows[1].pk]
    count, said, cards = found[months[1]]
    default = sales.stages.get(name="Qualify").default_probability or 0
    assert (count, said[0], set(cards)) == (2, "€200", {rows[2].pk, rows[3].pk})
    assert said[1] == f"weighted €{40 + default}"
    assert found["later"][2] == [rows[4].pk]
    assert found["none"][2] == [rows[5].pk]


def test_column_goes_on_and_filters_hold(page: Client, keep: Keep, sales: Pipeline):
    day = first_of(timezone.localdate(), 2)
    keep(*(closing(n, day) for n in range(60)))
    body = page.get(sales.get_absolute_url(), {"group": "month"}).content.decode()
    more = re.search(r'<li class="more" hx-get="([^"]*)"', body)
    assert more
    assert f"/columns/{key_of(day)}/" in more[1]
    rest = page.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()
    first = forecast(page, sales)[key_of(day)][2]
    listed = re.findall(r'<li class="card" id="deal-(\d+)"', rest)
    assert len(set(first) | {int(pk) for pk in listed}) == len(first) + len(listed) == 60
    assert forecast(page, sales, q="nothing")[key_of(day)] == (0, [], [])


def test_drop_keeps_the_day_of_the_month_and_undo_brings_it_back(page: Client, keep: Keep, sales: Pipeline):
    day, goal = first_of(timezone.localdate(), 1).replace(day=17), first_of(timezone.localdate(), 3)
    [row] = keep(closing(1, day))
    body = reschedule(page, row, key_of(goal), seen=key_of(day)).content.decode()
    row.refresh_from_db()
    assert row.expected_close == goal.replace(day=17)
    assert f'data-stage="{key_of(goal)}"' in body
    edit = Edit.objects.get()
    page.post(reverse("deals:undo", args=[row.pk, edit.pk]), headers=HTMX)
    row.refresh_from_db()
    assert row.expected_close == day


def test_drop_onto_this_month_says_why_it_is_another_day(page: Client, keep: Keep, sales: Pipeline):
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False):
        [row] = keep(closing(1, date(2026, 7, 20)))
        said = reschedule(page, row, key_of(date(2026, 5, 1))).content.decode()
    assert "is expected to close on May 21, 2026. That day of this month is over." in said


def test_drop_onto_no_date_takes_it_away(page: Client, keep: Keep, sales: Pipeline):
    [row] = keep(closing(1, timezone.localdate()))
    assert "has no expected close any more" in reschedule(page, row, "none").content.decode()
    row.refresh_from_db()
    assert row.expected_close is None


def test_what_cannot_be_is_refused(page: Client, keep: Keep, sales: Pipeline):
    row, locked = keep(closing(1, timezone.localdate()), deal(2, is_editable=False))
    month = key_of(timezone.localdate())
    assert reschedule(page, row, "overdue").status_code == 409
    assert reschedule(page, row, "2020-01").status_code == 409
    assert reschedule(page, row, "nonsense").status_code == 409
    assert reschedule(page, row, "none", seen="later").status_code == 409
    assert reschedule(page, locked, month).status_code == 409
    assert not Edit.objects.exists()


@pytest.mark.parametrize(
    ("day", "key", "expected"),
    [
        (date(2026, 1, 31), "2026-03", date(2026, 3, 31)),
        (date(2026, 1, 31), "2026-02", date(2026, 2, 28)),
        (None, "2026-02", date(2026, 2, 28)),
        (date(2025, 12, 5), "2026-01", date(2026, 1, 20)),
        (date(2025, 12, 25), "later", date(2026, 7, 25)),
        (date(2025, 12, 25), "none", None),
    ],
)
def test_day_in_another_month(day: date | None, key: str, expected: date | None):
    board = ByMonth([], dict)
    board.today = date(2026, 1, 20)
    board.months = [first_of(board.today, n) for n in range(7)]
    assert board.moved(day, key) == expected
