"""Who sees a deal and who changes it: read, chosen, and never wider than chosen."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deals import mapping, privacy
from deals.models import Deal, DealSight
from nimble.models import Connection, Member
from sync import outbox
from sync.clock import database_now
from sync.models import Edit, State
from tests.deals.conftest import Keep, browser
from tests.deals.payloads import deal
from tests.factories import caught_up
from tests.people import BJORN
from tests.sandboxes import SandboxServer

HTMX = {"HX-Request": "true"}
EVERYONE = {"sees": "everyone", "changes": "everyone"}


def some(*users: str, groups: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return {"user_ids": list(users), "group_ids": list(groups)}


def share(page: Client, row: Deal, **data: Any) -> Any:
    address = reverse("deals:edit", args=[row.pk, "privacy"])
    seal = re.search(r'name="seal" value="([^"]*)"', page.get(address, headers=HTMX).content.decode())
    assert seal
    return page.post(address, {"seal": seal[1], **EVERYONE, **data}, headers=HTMX)


def wanted() -> Any:
    return Edit.objects.get().fields["privacy"]["new"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"read": None, "edit": None}, "Everyone"),
        ({}, "Everyone"),
        ({"read": None, "edit": some()}, "Everyone; changed by the owner"),
        ({"read": some("u2"), "edit": None}, "Only the owner, Paul"),
        ({"read": some("u2"), "edit": some()}, "Only the owner, Paul; changed by the owner"),
        ({"read": some(), "edit": some("u2")}, "Only the owner, Paul"),
        ({"read": some(groups=("g1",)), "edit": some()}, "Only the owner, 1 group; changed by the owner"),
        ({"read": some("u9"), "edit": some("u2")}, "Only the owner, Paul, somebody; changed by the owner, Paul"),
    ],
)
def test_privacy_in_words(told: dict[str, Any], said: str):
    assert privacy.text(privacy.value({"privacy": told}), {"u2": "Paul"}) == said


def test_what_is_not_understood_is_private():
    assert privacy.value({"privacy": {"read": "nobody", "edit": None}}) == {"read": some(), "edit": None}
    assert mapping.values({"privacy": {"read": "nobody"}}, {})["privacy"]["read"] == some()


@pytest.mark.parametrize(
    ("data", "new"),
    [
        ({"sees": "some", "readers": ["u2"]}, {"read": some(), "edit": some("u2")}),
        ({"sees": "some", "readers": ["u2"], "changes": "some"}, {"read": some("u2"), "edit": some()}),
        ({"sees": "some", "changes": "some", "editors": ["u2"]}, {"read": some(), "edit": some("u2")}),
        ({"changes": "some", "editors": ["u2"]}, {"read": None, "edit": some("u2")}),
        ({"sees": "some"}, {"read": some(), "edit": some()}),
    ],
)
def test_chosen_people_are_named_once(page: Client, keep: Keep, data: dict[str, Any], new: dict[str, Any]):
    [row] = keep(deal(1))
    assert share(page, row, **data).status_code == 200
    assert wanted() == new


def test_whoever_narrows_a_deal_of_another_is_chosen_at_first(page: Client, keep: Keep, ada: Connection):
    me = ada.nimble_user_id
    Member.objects.remember(ada.workspace, [{"user_id": me, "name": "Ada"}])
    for number, read, chosen in ((1, None, {me}), (2, some(me, "u2"), {me, "u2"})):
        [row] = keep(deal(number, privacy={"read": read, "edit": None}))
        form = page.get(reverse("deals:edit", args=[row.pk, "privacy"]), headers=HTMX).content.decode()
        boxes = re.findall(r'<input type="checkbox" name="readers" value="([^"]*)"[^>]*checked', form)
        assert {*boxes} == chosen


def test_opened_to_everyone_again(page: Client, keep: Keep, ada: Connection):
    [row] = keep(deal(1, privacy={"read": some(ada.nimble_user_id), "edit": some("u2", groups=("g1",))}))
    form = page.get(reverse("deals:edit", args=[row.pk, "privacy"]), headers=HTMX).content.decode()
    assert "And 1 group, as set in Nimble." in form
    assert share(page, row).status_code == 200
    assert wanted() is None


def test_groups_stay_and_nothing_touched_changes_nothing(page: Client, keep: Keep, ada: Connection):
    me = ada.nimble_user_id
    [row] = keep(deal(1, privacy={"read": some(me, groups=("g1",)), "edit": some("u2")}))
    same = {"sees": "some", "readers": [me, "u2"], "changes": "some", "editors": ["u2"]}
    share(page, row, **same)
    assert not Edit.objects.exists()
    share(page, row, **{**same, "editors": []})
    assert wanted() == {"read": some(*sorted([me, "u2"]), groups=("g1",)), "edit": some()}


def test_a_stranger_cannot_be_named(page: Client, keep: Keep):
    [row] = keep(deal(1))
    answer = share(page, row, sees="some", readers=["intruder"])
    assert answer.status_code == 422
    assert "Select a valid choice" in answer.content.decode()
    assert not Edit.objects.exists()


def test_narrowed_deal_is_hidden_from_colleagues_once_nimble_agrees(
    mirror: Connection, sandbox: SandboxServer, connect: Any
):
    mine = Deal.objects.filter(sights__connection=mirror, owner_id=mirror.nimble_user_id)
    row = next(one for one in mine if privacy.value(one.remote) is None)
    colleague = browser(caught_up(connect(BJORN)).user)
    assert colleague.get(row.get_absolute_url()).status_code == 200
    share(browser(mirror.user), row, sees="some")
    assert colleague.get(row.get_absolute_url()).status_code == 200
    assert outbox.deliver() == 1
    assert Edit.objects.get().state == State.CONFIRMED
    assert sandbox.object("deal", row.nimble_id or "")["privacy"] == {"read": some(), "edit": some()}
    assert colleague.get(row.get_absolute_url()).status_code == 404
    assert browser(mirror.user).get(row.get_absolute_url()).status_code == 200


def test_deal_left_to_a_group_is_hidden_until_nimble_shows_it(mirror: Connection, connect: Any):
    mine = Deal.objects.filter(sights__connection=mirror, owner_id=mirror.nimble_user_id, remote__privacy__read=None)
    row = next(one for one in mine if (one.remote["privacy"]["edit"] or {}).get("group_ids"))
    other = caught_up(connect(BJORN))
    DealSight.objects.create(record=row, connection=other, seen_at=database_now())
    share(browser(mirror.user), row, sees="some")
    assert outbox.deliver() == 1
    row.refresh_from_db()
    assert row.has_groups
    assert browser(other.user).get(row.get_absolute_url()).status_code == 404
    assert browser(mirror.user).get(row.get_absolute_url()).status_code == 200
