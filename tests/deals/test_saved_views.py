"""Views of a board under a name: one's own, the team's, and the one to begin with."""

import re

from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from deals.models import Pipeline, SavedView
from nimble.models import Connection
from tests import factories
from tests.deals.conftest import Keep, browser
from tests.people import BJORN, Connect


def save(page: Client, sales: Pipeline, name: str = "Hot ones", **more: str) -> SavedView:
    page.post(
        reverse("deals:views"), {"pipeline": sales.pk, "query": "?tag=Hot&sort=amount&evil=1", "name": name, **more}
    )
    return SavedView.objects.get(name=name)


def listed(page: Client, sales: Pipeline) -> str:
    """As the board asks for them once it is shown."""
    asked = {"pipeline": sales.pk, "query": ""}
    return page.get(reverse("deals:views"), asked, headers={"HX-Request": "true"}).content.decode()


def test_view_keeps_what_a_board_understands_and_leads_back_to_it(page: Client, keep: Keep, sales: Pipeline):
    view = save(page, sales)
    assert view.query == "?tag=Hot&sort=amount"
    assert "Hot ones" in listed(page, sales)
    page.post(reverse("deals:view", args=[view.pk]), {"name": "Warm ones"})
    assert SavedView.objects.get().name == "Warm ones"
    page.post(reverse("deals:remove_view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_default_is_what_deals_begin_with(page: Client, keep: Keep, sales: Pipeline):
    view = save(page, sales)
    page.get(sales.get_absolute_url())
    address = reverse("deals:default_view", args=[view.pk])
    page.post(address)
    assert page.get(reverse("deals:index")).headers["Location"] == view.get_absolute_url()
    page.post(address)
    assert page.get(reverse("deals:index")).headers["Location"] == sales.get_absolute_url()


def test_colleagues_use_what_is_shared_and_change_nothing(
    page: Client, keep: Keep, sales: Pipeline, ada: Connection, connect: Connect
):
    own, shared = save(page, sales, "Mine"), save(page, sales, "Ours", is_shared="on")
    other = browser(factories.caught_up(connect(BJORN)).user)
    body = listed(other, sales)
    assert "Ours" in body
    assert "Mine" not in body
    assert other.get(reverse("deals:view", args=[own.pk])).status_code == 404
    assert other.post(reverse("deals:view", args=[shared.pk]), {"name": "Theirs"}).status_code == 404
    assert other.post(reverse("deals:remove_view", args=[shared.pk])).status_code == 404
    other.post(reverse("deals:default_view", args=[shared.pk]))
    assert other.get(reverse("deals:index")).headers["Location"] == shared.get_absolute_url()
    assert page.get(reverse("deals:index")).headers["Location"] == sales.get_absolute_url()


def test_view_without_a_name_is_not_kept(page: Client, keep: Keep, sales: Pipeline):
    page.post(reverse("deals:views"), {"pipeline": sales.pk, "name": ""})
    assert not SavedView.objects.exists()


def test_view_whose_address_is_too_long_is_refused(page: Client, keep: Keep, sales: Pipeline):
    asked = {"pipeline": sales.pk, "query": urlencode({"q": "\N{GRINNING FACE}" * 200}), "name": "Too much"}
    answer = page.post(reverse("deals:views"), asked, follow=True).content.decode()
    assert "too long" in answer
    assert not SavedView.objects.exists()


def test_view_remembers_whether_it_is_a_board_or_a_table_and_is_in_every_sidebar(
    page: Client, keep: Keep, sales: Pipeline
):
    board, table = save(page, sales, "As board"), save(page, sales, "As table", shows="table")
    address = reverse("deals:table", args=[sales.pk]) + "?tag=Hot&sort=amount"
    assert table.get_absolute_url() == address
    assert board.get_absolute_url() == sales.get_absolute_url() + "?tag=Hot&sort=amount"
    assert reverse("deals:views_nav") in page.get(reverse("contacts:contacts")).content.decode()
    here = {"HX-Request": "true", "HX-Current-URL": f"https://crm.example{address}"}
    nav = page.get(reverse("deals:views_nav"), headers=here).content.decode()
    assert "As board" in nav
    assert nav.count('aria-current="page"') == 1
    assert re.search(r'aria-current="page"[^>]*title="As table', nav)
