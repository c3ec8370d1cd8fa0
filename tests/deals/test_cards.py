"""Cards are made outside the template language: whatever comes from a record is escaped all the same."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from deals.cards import Card, Renderer
from deals.models import Pipeline, Role, Stage
from sync import terms

OPEN = Stage(pk=3, nimble_id="s1", name="Open", pipeline=Pipeline(pk=1), expected_days=5)
WON = Stage(pk=4, nimble_id="s2", name="Won", role=Role.WON, is_final=True, pipeline=Pipeline(pk=1))
STAGES = {"s1": OPEN, "s2": WON}
PLAIN = Card(7, 2, "Name", Decimal(100), "EUR", None, 50, "u1", "s1", None, "", None, False, None, None)


class Elements(HTMLParser):
    """The elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(card: Card, **options) -> Elements:
    return Elements(Renderer(STAGES, {"u1": "Olga Owner"}, **options).cards([card]))


def test_parts_in_the_order_that_the_looks_expect():
    card = PLAIN._replace(
        company="Acme",
        tag_index=terms.SEPARATOR + terms.SEPARATOR.join("abcd") + terms.SEPARATOR,
        expected_close=timezone.localdate(),
        stage_since=timezone.now() - timedelta(days=9),
        edit_state="pending",
    )
    marks = [attrs.get("class") or tag for tag, attrs in rendered(card).found]
    kinds = [mark.split(" ")[0] for mark in marks]
    assert kinds == [
        "card",
        "t",
        "avatar",
        "c",
        "g",
        "tag",
        "tag",
        "tag",
        "tag",
        "m",
        "b",
        "soon",
        "edit-state",
        "age",
        "v",
    ]
    assert marks[-2] == "age old"


def test_close_date_warns_only_while_the_deal_is_open():
    today = timezone.localdate()

    def kind(days: int, stage: str = "s1") -> str | None:
        card = PLAIN._replace(expected_close=today + timedelta(days=days), stage=stage)
        return next(attrs.get("class") for tag, attrs in rendered(card).found if tag == "time")

    assert [kind(n) for n in (-1, 0, 7, 8)] == ["past", "soon", "soon", None]
    assert kind(-1, "s2") is None


@pytest.mark.parametrize(("options", "locked"), [({"editable": False}, False), ({}, True)])
def test_locked_cards_have_no_way_out(options: dict, locked: bool):
    found = rendered(PLAIN._replace(locked=locked), **options).found
    assert found[0][1]["data-editable"] == "0"
    assert "v" not in [attrs.get("class") for _tag, attrs in found]


def test_money_and_dates_in_the_readers_language():
    card = PLAIN._replace(amount=Decimal("1250.5"), expected_close=date(2020, 3, 31))
    with translation.override("de"):
        text = rendered(card).text
    assert "1.250,50\xa0€" in text
    assert "31.03.2020" in text
    assert "¥1,250" in rendered(PLAIN._replace(amount=Decimal(1250), currency="JPY")).text


def test_no_amount_no_owner_no_name():
    found = rendered(PLAIN._replace(amount=None, owner="u9", name=""))
    assert found.text == "Unnamed"
    assert "avatar" not in str(found.found)


hostile = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", '"><img onerror=x>', "' onclick='x", "&lt;"]
)

KNOWN = {"class", "id", "tabindex", "href", "title", "aria-label"} | {
    f"data-{name}" for name in ("deal", "rev", "editable", "drawer")
}


@given(name=hostile, company=hostile, owner=hostile, tag=hostile.filter(lambda text: terms.SEPARATOR not in text))
def test_hostile_text_adds_no_element_and_no_attribute(name: str, company: str, owner: str, tag: str):
    card = PLAIN._replace(name=name, company=company, tag_index=terms.item(tag), currency="")
    stamp = datetime(2020, 1, 1, tzinfo=UTC)
    card = card._replace(updated=stamp)
    found = Elements(Renderer(STAGES, {"u1": owner}).cards([card])).found
    assert {tag for tag, _attrs in found} <= {"li", "a", "span", "p", "div", "b"}
    assert {name for _tag, attrs in found for name in attrs} <= KNOWN
    assert all((attrs.get("href") or "/").startswith("/deals/7/") or tag != "a" for tag, attrs in found)
