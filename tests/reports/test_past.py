"""Boards of the past, and what changed since: as far as it is known, and said where it is not."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from deals import actions
from deals.models import Deal, Pipeline
from deals.queries import laid_out
from nimble.models import Connection
from reports import past
from reports.changes import Between
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import MINE, deal, went
from tests.people import BJORN, Connect
from tests.reports.conftest import NOW, at

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, 12, tzinfo=UTC)


def board(connection: Connection, sales: Pipeline, moment: datetime) -> past.Past:
    laid = next(one for one in laid_out(connection.user) if one.pipeline == sales)
    return past.board(connection.user, laid, moment)


def shown(found: past.Past) -> dict[str, list[str]]:
    return {column.stage.name: sorted(one.name for one in column.deals) for column in found.columns if column.count}


def sums(found: past.Past) -> dict[str, dict[str, str]]:
    return {
        column.stage.name: {currency: f"{total.normalize():f}" for currency, total in column.sums.items()}
        for column in found.columns
        if column.sums
    }


def test_deals_stand_where_they_stood(ada: Connection, sales: Pipeline):
    then = board(ada, sales, day(3, 4))
    assert shown(then) == {
        "Qualify": ["Deal 002", "Deal 005", "Deal 006"],
        "Propose": ["Deal 001", "Deal 003"],
        "Lost": ["Deal 004"],
    }
    assert sums(then) == {"Qualify": {"USD": "500.5", "EUR": "200"}, "Propose": {"EUR": "1300"}, "Lost": {"EUR": "7"}}
    after = shown(board(ada, sales, day(4, 20)))
    assert (after["Won"], after["Lost"]) == (["Deal 001", "Deal 002"], ["Deal 003", "Deal 004"])


def test_moment_at_which_a_deal_moved_has_it_in_the_new_stage_alone(ada: Connection, sales: Pipeline):
    then = board(ada, sales, datetime(2026, 3, 5, 10, tzinfo=UTC))
    assert "Deal 002" in shown(then)["Won"]
    assert "Deal 002" not in shown(then)["Qualify"]


def test_amount_is_that_of_then_where_a_pull_saw_it_change(ada: Connection, sales: Pipeline, keep: Keep):
    keep(deal(5, "Qualify", updated=at(5, 2), created=at(1, 5), values={"amount": "250"}, currency="USD",
              transitions=[went(None, "Qualify", at(1, 5))]))  # fmt: skip
    assert sums(board(ada, sales, day(3, 4)))["Qualify"] == {"USD": "500.5", "EUR": "200"}
    assert shown(board(ada, sales, day(3, 4)))["Qualify"] == ["Deal 002", "Deal 005", "Deal 006"]


def test_amount_is_that_of_then_where_it_was_changed_from_here(ada: Connection, sales: Pipeline, world: list[Deal]):
    edit = actions.change(author=ada.user, deal=world[4], field="amount", value="900")
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state=State.CONFIRMED, confirmed_at=day(5, 1))
    assert sums(board(ada, sales, day(4, 30)))["Qualify"]["EUR"] == "200"
    assert sums(board(ada, sales, day(5, 2)))["Qualify"]["EUR"] == "900"


def test_amount_that_is_not_in_nimble_yet_was_not_so_then(ada: Connection, sales: Pipeline, world: list[Deal]):
    before = sums(board(ada, sales, day(5, 11)))
    actions.change(author=ada.user, deal=world[4], field="amount", value="9000")
    assert sums(board(ada, sales, day(5, 11))) == before


def test_deal_that_is_gone_since_is_on_the_board_of_before(ada: Connection, sales: Pipeline, world: list[Deal]):
    Deal.objects.filter(pk=world[0].pk).update(gone_at=day(5, 1))
    assert "Deal 001" in shown(board(ada, sales, day(4, 20)))["Won"]
    assert "Deal 001" not in shown(board(ada, sales, day(5, 2)))["Won"]


def test_deal_whose_past_is_not_known_is_counted_beside_the_board(ada: Connection, sales: Pipeline, keep: Keep):
    keep(deal(9, created=at(1, 1), updated=at(5, 1)))
    then = board(ada, sales, day(4, 1))
    assert then.unknown == 1
    assert not any("Deal 009" in names for names in shown(then).values())
    assert board(ada, sales, day(5, 2)).unknown == 0


def test_private_deal_of_others_is_on_no_board_of_the_past(
    page: Client, ada: Connection, connect: Connect, sales: Pipeline, keep: Keep
):
    private = {"privacy": MINE, "owner": {"user_id": ada.nimble_user_id, "name": "Ada"}}
    steps = [went(None, "Qualify", at(1, 5)), went("Qualify", "Propose", at(2, 5))]
    keep(deal(9, "Propose", **private, created=at(1, 5), updated=at(5, 1), transitions=steps))
    bjorn = connect(BJORN)
    keep(deal(1), connection=bjorn)
    other = browser(bjorn.user)
    for path in (
        reverse("reports:past") + f"?pipeline={sales.pk}&at=2026-03-04",
        reverse("reports:changes") + "?from=2026-01-01",
    ):
        assert "Deal 009" in page.get(path).content.decode()
        assert "Deal 009" not in other.get(path).content.decode()


def test_page_says_since_when_anything_is_known(page: Client, sales: Pipeline):
    address = reverse("reports:past") + f"?pipeline={sales.pk}&at="
    answer = page.get(address + "2020-01-01").content.decode()
    assert "Nothing is known of that day" in answer
    assert "from Jan 5, 2024" in answer
    assert "Deal 001" in page.get(address + "2026-03-04").content.decode()


def test_card_of_the_past_keeps_amount_and_day_apart(page: Client, sales: Pipeline):
    answer = page.get(reverse("reports:past") + f"?pipeline={sales.pk}&at=2026-03-04").content.decode()
    assert '<span class="money">€200</span> · here since <time' in answer
    assert '<span class="money"></span>here since <time' in answer


# --- what changed ---


def kinds(connection: Connection, first: datetime, last: datetime) -> dict[str, int]:
    return Between(connection.user, laid_out(connection.user), first, last).counts()


def test_changes_are_counted_by_deal(ada: Connection):
    assert kinds(ada, day(1, 1), day(5, 13)) == {
        "created": 6, "moved": 3, "won": 2, "lost": 1, "amount": 0, "gone": 0,
    }  # fmt: skip
    assert kinds(ada, day(4, 14), day(4, 16)) == {
        "created": 0, "moved": 0, "won": 0, "lost": 1, "amount": 0, "gone": 0,
    }  # fmt: skip


def test_amount_that_changed_is_told_with_what_it_was(ada: Connection, world: list[Deal]):
    edit = actions.change(author=ada.user, deal=world[4], field="amount", value="900")
    assert edit
    Edit.objects.filter(pk=edit.pk).update(state=State.CONFIRMED, confirmed_at=day(5, 1))
    between = Between(ada.user, laid_out(ada.user), day(4, 30), day(5, 2))
    assert between.counts()["amount"] == 1
    [changed] = between.page("amount", 1)
    assert [(line.kind, line.before, line.after) for line in changed.lines] == [("amount", "€200", "€900")]


def test_amount_is_told_in_the_currency_of_then(ada: Connection, world: list[Deal]):
    for field, value, moment in (("amount", "900.5", day(5, 1)), ("currency", "USD", day(5, 2))):
        edit = actions.change(author=ada.user, deal=world[4], field=field, value=value)
        assert edit
        Edit.objects.filter(pk=edit.pk).update(state=State.CONFIRMED, confirmed_at=moment)
    assert Deal.objects.get(pk=world[4].pk).currency == "USD"
    between = Between(ada.user, laid_out(ada.user), day(4, 30), day(5, 4))
    [changed] = between.page("amount", 1)
    assert [(line.before, line.after) for line in changed.lines] == [("€200", "€900.50"), ("EUR", "USD")]


def test_list_tells_what_happened_to_each_deal(page: Client):
    answer = page.get(reverse("reports:changes") + "?from=2026-03-01&to=2026-04-30").content.decode()
    text = " ".join(answer.split())
    assert 'Won: <span class="muted">Propose</span> → <span>Won</span>' in text
    assert "Deal 003" in text
    assert "Deal 004" not in text
    assert "Olga Owner" in text


def test_kind_narrows_the_list(page: Client):
    answer = page.get(reverse("reports:changes") + "?from=2026-01-01&kind=lost").content.decode()
    assert "Deal 003" in answer
    assert "Deal 001" not in answer


def test_nothing_that_changed_says_so(page: Client):
    answer = page.get(reverse("reports:changes") + "?from=2020-01-01&to=2020-02-01").content.decode()
    assert "Nothing changed between these days" in answer
    assert "Of the time before Jan 5, 2024 nothing is known." in answer
