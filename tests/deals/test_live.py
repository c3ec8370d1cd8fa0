"""Live boards: who hears of what, and what it costs when nothing happens."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from deals import actions
from deals.models import DealSight, Pipeline, PipelineSight
from nimble.models import Connection, Workspace
from sync import opened, polls, registry, undo
from sync.models import Edit, State
from tests import factories
from tests.contacts.payloads import contact, item
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal, related
from tests.people import BJORN, Connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bjorn(keep: Keep, connect: Connect) -> Connection:
    return factories.caught_up(connect(BJORN))


def number(workspace: Workspace) -> int:
    return Workspace.objects.values_list("event_number", flat=True).get(pk=workspace.pk)


def poll(client: Client, pipeline: Pipeline, after: int, **query: str) -> Any:
    return client.get(reverse("deals:live", args=[pipeline.pk]), query, headers={"After-Event": str(after)})


def alike(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """All that a poll is told, but for the id of the request."""
    return answer.status_code, answer.content, {**answer.headers, "X-Request-ID": ""}


def test_silence_is_told_with_two_statements_and_writes_nothing(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, django_assert_num_queries
):
    keep(deal(1))
    now = number(ada.workspace)
    poll(page, sales, now)
    with django_assert_num_queries(2) as asked:
        answer = poll(page, sales, now)
    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (204, b"", "no-store")
    assert all(one["sql"].startswith("SELECT") for one in asked)
    assert not answer.cookies


def test_card_says_who_is_needed(page: Client, keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection):
    [row] = keep(deal(1))
    actions.change(author=ada.user, deal=row, field="name", value="Renamed by Ada")
    Edit.objects.update(state=State.CONFLICT)
    theirs = browser(bjorn.user)
    for address in (sales.get_absolute_url(), reverse("deals:table", args=[sales.pk]), row.get_absolute_url()):
        assert "Needs you</span>" in page.get(address).content.decode()
        body = theirs.get(address).content.decode()
        assert "Waits for its author</span>" in body
        assert "Needs you</span>" not in body


def test_change_brings_the_card_its_place_and_the_figures(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    rows = keep(*(deal(n, updated=f"2026-03-0{n}T10:00:00.000Z") for n in (1, 2, 3)))
    before = number(ada.workspace)
    keep(deal(2, updated="2026-03-05T10:00:00.000Z", values={"name": "Renamed", "amount": "7"}))
    answer = poll(browser(bjorn.user), sales, before)
    body = answer.content.decode()
    assert (answer.status_code, answer["Event"]) == (200, str(number(ada.workspace)))
    assert "Renamed" in body
    assert f'id="deal-{rows[1].pk}"' in body
    assert f'id="deal-{rows[0].pk}"' not in body
    assert 'id="head-' in body
    assert 'id="stats"' in body


def test_card_is_placed_below_the_one_above_it(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    one, two, three = keep(*(deal(n, values={"name": name}) for n, name in ((1, "B"), (2, "D"), (3, "A"))))
    before = number(ada.workspace)
    keep(deal(3, values={"name": "C"}))
    body = poll(page, sales, before, sort="name").content.decode()
    assert f'data-places="{{&quot;{three.pk}&quot;: {one.pk}}}"' in body
    keep(deal(2, values={"name": "AA"}))
    assert f"&quot;{two.pk}&quot;: 0" in poll(page, sales, before, sort="name").content.decode()


def test_private_deal_of_another_is_the_same_silence(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection, django_assert_num_queries
):
    mine = {"owner": {"user_id": ada.nimble_user_id, "name": "Ada"}, "privacy": factories.NOBODY}
    keep(deal(1, **mine))
    client, before = browser(bjorn.user), number(ada.workspace)
    silence = alike(poll(client, sales, before))
    keep(deal(1, **mine, values={"name": "Kestrelwood"}))
    assert number(ada.workspace) > before
    assert alike(poll(client, sales, before)) == silence
    with django_assert_num_queries(2):
        assert alike(poll(client, sales, before)) == silence
    assert b"Kestrelwood" in poll(page, sales, before).content


def test_silence_of_a_long_address_is_remembered_in_little_room(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection
):
    keep(deal(1))
    asked = []

    def view(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return polls.nothing()

    remembering = polls.ConditionalPolls(view)
    for query in ("q" * 8000, "q" * 8000, "q" * 7999 + "r"):
        request = RequestFactory().get("/", {"q": query}, headers={"After-Event": str(number(ada.workspace) - 1)})
        request.COOKIES.update({name: one.value for name, one in page.cookies.items()})
        assert remembering(request).status_code == 204
    assert len(asked) == 2
    assert len(repr(remembering.silent)) < 500


def test_deal_that_is_made_private_leaves_the_boards_of_others(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    mine = {"owner": {"user_id": ada.nimble_user_id, "name": "Ada"}}
    [row] = keep(deal(1, **mine))
    before = number(ada.workspace)
    keep(deal(1, **mine, privacy=factories.NOBODY, values={"name": "Kestrelwood"}))
    body = poll(browser(bjorn.user), sales, before).content.decode()
    assert f'data-gone="{row.pk}"' in body
    assert "Kestrelwood" not in body


def test_deal_that_is_being_deleted_leaves_the_boards_of_others(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    [row] = keep(deal(1))
    before = number(ada.workspace)
    edit = actions.remove(author=ada.user, deal=row)
    assert f'data-gone="{row.pk}"' in poll(browser(bjorn.user), sales, before).content.decode()
    before = number(ada.workspace)
    assert edit
    undo.undo(edit, author=ada.user)
    assert f'id="deal-{row.pk}"' in poll(browser(bjorn.user), sales, before).content.decode()


def test_narrowed_deal_of_a_pipeline_that_one_does_not_see_is_the_same_silence(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    mine = {"owner": {"user_id": ada.nimble_user_id, "name": "Ada"}}
    partners = {"pipeline": "p-partners", **mine}
    keep(deal(1, "Talk", **partners))
    PipelineSight.objects.filter(record__nimble_id="p-partners", connection=bjorn).delete()
    client, before = browser(bjorn.user), number(ada.workspace)
    silence = alike(poll(client, sales, before))
    keep(deal(1, "Talk", **partners, privacy=factories.NOBODY))
    assert number(ada.workspace) > before
    assert alike(poll(client, sales, before)) == silence


def test_deal_that_nimble_refuses_leaves_the_board(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    one, _two = keep(deal(1), deal(2))
    before = number(ada.workspace)
    opened.hide(registry.resource("deal"), ada, one.pk)
    assert DealSight.objects.filter(record=one, hidden_at__isnull=False).exists()
    assert f'data-gone="{one.pk}"' in poll(page, sales, before).content.decode()


def test_deal_that_was_taken_from_somebody_is_silence_from_then_on(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    keep(deal(1), connection=bjorn)
    [row] = keep(deal(1))
    client, before = browser(bjorn.user), number(ada.workspace)
    silence = alike(poll(client, sales, before))
    opened.hide(registry.resource("deal"), bjorn, row.pk)
    assert f'data-gone="{row.pk}"' in poll(client, sales, before).content.decode()
    before = number(ada.workspace)
    keep(deal(1, values={"name": "Kestrelwood"}))
    assert number(ada.workspace) > before
    assert alike(poll(client, sales, before)) == silence


def test_deal_seen_through_a_group_leaves_the_board_as_it_is_narrowed(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    mine = {"owner": {"user_id": ada.nimble_user_id, "name": "Ada"}}
    grouped = {"read": {"user_ids": [], "group_ids": ["g1"]}, "edit": None}
    keep(deal(1, **mine, privacy=grouped), connection=bjorn)
    [row] = keep(deal(1, **mine, privacy=grouped))
    client, before = browser(bjorn.user), number(ada.workspace)
    keep(deal(1, **mine, privacy=factories.NOBODY, values={"name": "Kestrelwood"}))
    assert f'data-gone="{row.pk}"' in poll(client, sales, before).content.decode()
    before = number(ada.workspace)
    keep(deal(1, **mine, privacy=factories.NOBODY, values={"name": "Kestrelfield"}))
    assert poll(client, sales, before).status_code == 204


def test_contact_that_was_taken_from_somebody_changes_its_cards_once(
    keep: Keep, sales: Pipeline, ada: Connection, bjorn: Connection
):
    keep(contact(1, fields={"last name": [item("Zimmermann")]}), kind="contact", connection=bjorn)
    [person] = keep(contact(1, fields={"last name": [item("Zimmermann")]}), kind="contact")
    [row] = keep(deal(1, related_contacts=[related("c1", "Ada Zimmermann")]))
    client, before = browser(bjorn.user), number(ada.workspace)
    opened.hide(registry.resource("contact"), bjorn, person.pk)
    body = poll(client, sales, before).content.decode()
    assert f'id="deal-{row.pk}"' in body
    assert "Zimmermann" not in body
    before = number(ada.workspace)
    keep(contact(1, fields={"last name": [item("Zimmerfrau")]}), kind="contact")
    assert number(ada.workspace) > before
    assert poll(client, sales, before).status_code == 204


def test_filters_hold_for_what_arrives(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    [row] = keep(deal(1, values={"name": "Heron"}))
    before = number(ada.workspace)
    keep(deal(1, values={"name": "Egret"}))
    assert f'data-gone="{row.pk}"' in poll(page, sales, before, q="heron").content.decode()
    assert "Egret" in poll(page, sales, before, q="egret").content.decode()


def test_who_comes_back_after_long_reads_the_board_anew(page: Client, keep: Keep, sales: Pipeline, ada: Connection):
    answer = poll(page, sales, number(ada.workspace) + 5)
    assert (answer.status_code, answer.content, answer["Event"]) == (200, b"", str(number(ada.workspace)))


@pytest.mark.parametrize("doubt", ["no session", "signed out", "inactive", "another password", "dead grant"])
def test_doubtful_poll_gets_no_short_answer(page: Client, keep: Keep, sales: Pipeline, ada: Connection, doubt: str):
    now = number(ada.workspace)
    assert poll(page, sales, now).status_code == 204
    if doubt == "no session":
        page.cookies.clear()
    elif doubt == "signed out":
        key = page.cookies["sessionid"].value
        page.logout()
        page.cookies["sessionid"] = key
    elif doubt == "inactive":
        type(ada.user).objects.update(is_active=False)
    elif doubt == "another password":
        ada.user.set_password("something else entirely")
        ada.user.save()
    else:
        Connection.objects.update(state=Connection.State.RECONNECT)
    answer = poll(page, sales, now)
    assert answer.status_code == (404 if doubt == "dead grant" else 302)
