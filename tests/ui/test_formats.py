from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from crmportal import formats


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en", Decimal("12000"), "EUR", "€12,000"),
        ("en", Decimal("1250.50"), "USD", "$1,250.50"),
        ("en", Decimal("0"), "EUR", "€0"),
        ("de", Decimal("12000"), "EUR", "12.000\xa0€"),
        ("de", Decimal("1250.50"), "EUR", "1.250,50\xa0€"),
        ("en", 1500, "JPY", "¥1,500"),
        ("en", Decimal("7.25"), "", "7.25"),
        ("en", None, "EUR", ""),
    ],
)
def test_money_in_the_readers_locale(language: str, amount: Decimal | None, currency: str, text: str) -> None:
    with translation.override(language):
        assert formats.money(amount, currency) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "0d"), (13, "13d"), (14, "2w"), (60, "8w"), (61, "2mo"), (730, "23mo"), (731, "2y"), (3257, "8y")],
)
def test_age_in_the_unit_that_stays_readable(days: int, text: str) -> None:
    assert formats.age(days) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Anna Berg", "AB"),
        ("Anna Maria Berg", "AB"),
        ("Prince", "PR"),
        ("株式会社", "株式"),
        ("", "?"),
        ("— ?", "?"),
        ("x", "X"),
    ],
)
def test_initials_of_a_name(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_hue_of_a_key_stays_the_same_and_all_eight_are_used() -> None:
    hues = {formats.hue(f"tag {n}") for n in range(200)}
    assert hues == {f"hue-{n}" for n in range(1, 9)}
    assert formats.hue("Priority") == formats.hue("Priority")


def test_ago_in_two_languages() -> None:
    moment = timezone.now() - timedelta(minutes=2, seconds=5)
    with translation.override("en"):
        assert formats.ago(moment) == "2 min. ago"
    with translation.override("de"):
        assert formats.ago(moment) == "vor 2 Min."


@pytest.mark.parametrize(
    ("language", "day", "moment"),
    [("en", "Mar 7, 2026", "Mar 7, 2026, 11:35\xa0PM"), ("de", "07.03.2026", "07.03.2026, 23:35")],
)
def test_days_and_moments_look_the_same_everywhere(language: str, day: str, moment: str) -> None:
    at = datetime(2026, 3, 7, 23, 35, 9, tzinfo=UTC)
    with translation.override(language), timezone.override("UTC"):
        assert formats.day(at.date()) == formats.day(at) == day
        assert formats.moment(at) == moment
        assert Template("{% load ui %}{{ at|day }} {{ at|moment }} {{ none|day }}").render(
            Context({"at": at, "none": None})
        ) == (f"{day} {moment} ")
    with translation.override(language), timezone.override("Asia/Tokyo"):
        assert formats.day(at) != day


def test_no_page_writes_dates_in_a_way_of_its_own() -> None:
    root = Path(__file__).parents[2] / "templates"
    own = [
        path.name
        for path in root.rglob("*.html")
        if "DATE_FORMAT" in path.read_text() or "TIME_FORMAT" in path.read_text()
    ]
    assert not own
