"""The pages of reports: for whom, with how many statements, and what an empty one says."""

import re
from datetime import date

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection
from reports.figures import REPORTS
from reports.models import WonLastMonth
from reports.scope import last_month
from sync import pull
from sync.models import Stream
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import MINE, deal, went
from tests.people import ADA, BJORN, Connect
from tests.reports.conftest import at
from tests.sandboxes import SandboxServer

PAGES = [reverse("reports:report", args=[name]) for name in REPORTS]
PAGES += [reverse(f"reports:{name}") for name in ("index", "deals", "past", "changes")]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("path", PAGES)
def test_statements_do_not_grow_with_the_deals(page: Client, keep: Keep, path: str):
    def asked() -> int:
        page.get(path + "?period=all&at=2026-05-12")
        with CaptureQueriesContext(database) as found:
            page.get(path + "?period=all&at=2026-05-12")
        return len(found)

    before = asked()
    steps = [went(None, "Qualify", at(1, 5)), went("Qualify", "Propose", at(2, 5))]
    more = {"values": {"expected_close_date": "2026-06-01"}, "created": at(1, 5), "updated": at(5, 1)}
    keep(*(deal(number, "Propose", transitions=steps, **dict(more)) for number in range(20, 60)))
    assert asked() == before
    assert before <= 30


def test_private_deals_of_others_are_in_no_figure(
    ada: Connection, connect: Connect, keep: Keep, page: Client, world: list[Deal]
):
    private = {"privacy": MINE, "owner": {"user_id": ada.nimble_user_id, "name": "Ada"}}
    keep(deal(9, "Won", **private, values={"amount": "4711", "actual_close_date": "2026-04-14"},
              created=at(1, 5), updated=at(5, 1), transitions=[went(None, "Won", at(1, 5))]))  # fmt: skip
    bjorn = connect(BJORN)
    keep(deal(8, created=at(1, 5), updated=at(5, 1)), connection=bjorn)
    other = browser(bjorn.user)
    for path in PAGES[: len(REPORTS)]:
        for reader, sees in ((page, True), (other, False)):
            query = "?period=all"
            text = (
                reader.get(path + query).content.decode()
                + b"".join(
                    reader.get(path + "export/" + query).streaming_content  # type: ignore[attr-defined]
                ).decode()
            )
            figures = re.findall(r"5,?711|4,?711", text)
            assert sees or not figures, path
    assert "€5,711" in page.get(reverse("reports:report", args=["won"]) + "?period=all").content.decode()


def test_who_is_not_connected_is_told_what_to_do(django_user_model):
    user = django_user_model.objects.create_user("nobody")
    for path in [*PAGES[:1], reverse("reports:index"), reverse("reports:past"), reverse("reports:changes")]:
        assert "Connect your Nimble account" in browser(user).get(path).content.decode()


def test_filters_that_leave_nothing_lead_to_all_time(page: Client, world: list[Deal]):
    answer = page.get(reverse("reports:report", args=["won"]) + "?from=1999-01-01&to=1999-12-31").content.decode()
    assert "No deals for these filters" in answer
    assert f'href="{reverse("reports:report", args=["won"])}?period=all"' in answer


def test_unknown_report_is_not_found(page: Client, world: list[Deal]):
    assert page.get("/reports/nonsense/").status_code == 404


# --- beside Nimble's own figure ---


@pytest.fixture
def last(mirror: Connection, nimble: SandboxServer) -> date:
    """Three public deals were won last month, in two currencies, and the mirror has read that."""
    first = last_month(date.today()).first  # noqa: DTZ011 the sandbox's own
    assert first
    deals = Deal.objects.filter(is_private=False, pipeline_nimble_id__in=pipelines()).order_by("pk")[:3]
    assert len(deals) == 3
    for one, (amount, currency) in zip(deals, [(100, "EUR"), (20, "EUR"), (3, "USD")], strict=True):
        stage = one_won(one)
        values = {"stage_id": stage, "amount": amount, "currency": currency, "actual_close_date": first.isoformat()}
        nimble.edit(ADA, "deal", one.nimble_id, set=values)
    again(mirror)
    return first


def pipelines() -> list[str]:
    return [one.known_id for one in Pipeline.objects.filter(stages__role="won", archived_at=None).distinct()]


def one_won(row: Deal) -> str:
    return Stage.objects.filter(pipeline__nimble_id=row.pipeline_nimble_id, role="won")[0].nimble_id


def again(connection: Connection) -> None:
    Stream.objects.filter(connection=connection).update(next_run_at=None)
    Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    pull.pull(connection)


def won_page(connection: Connection) -> str:
    answer = browser(connection.user).get(reverse("reports:report", args=["won-last-month"]))
    return " ".join(answer.content.decode().split())


def test_last_month_agrees_with_what_nimble_counts(mirror: Connection, last: date):
    told = WonLastMonth.objects.get(connection=mirror)
    assert (told.month, told.count, told.amount) == (last, 3, 123)
    text = won_page(mirror)
    assert "<dt>Nimble counts</dt><dd>3 deals, 123<small>as of" in text
    assert "<dt>Difference</dt><dd>none</dd>" in text
    assert "Nimble adds up amounts of all currencies" in text


def test_difference_from_nimbles_figure_is_said(mirror: Connection, last: date):
    WonLastMonth.objects.update(count=5, amount="100")
    assert "<dt>Difference</dt><dd>-2 deals, +23</dd>" in won_page(mirror)


def test_figure_of_an_earlier_month_is_not_compared(mirror: Connection, last: date):
    WonLastMonth.objects.update(month=date(2020, 1, 1))
    text = won_page(mirror)
    assert "has not been read yet" in text
    assert "Difference" not in text


@pytest.mark.broken_answers
def test_answer_that_says_nothing_keeps_what_was_read(mirror: Connection, last: date, nimble: SandboxServer):
    before = WonLastMonth.objects.values().get()
    body = {"last_month_won_amount": None, "last_month_won_count": "many"}
    nimble.fault(method="GET", path=r"/api/v2/deals/widget/won_last_month", status=200, body=body, times=0)
    Stream.objects.filter(connection=mirror, name="won_last_month").update(next_run_at=None)
    runs = pull.pull(mirror) or []
    assert {run.state for run in runs} == {"done"}
    assert WonLastMonth.objects.values().get() == before
