"""Tags of deals as a whole: counted as the viewer sees them, renamed and deleted by Nimble everywhere at once."""

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals import queries, tags
from deals.models import Deal, DealTag
from nimble.models import Connection
from sync import events, ids, outbox, overlay, pull, registry
from sync.models import Edit, State
from tests.deals.conftest import browser
from tests.factories import caught_up
from tests.people import BJORN, EVE, Connect


@pytest.fixture
def web(mirror: Connection) -> Client:
    return browser(mirror.user)


@pytest.fixture
def tag(mirror: Connection, nimble) -> str:
    """A tag on two deals that Ada may edit."""
    deals = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)[:2]
    for deal in deals:
        nimble.edit(BJORN, "deal", deal.nimble_id, set={"tags": ["Spring, sale"]})
    look(mirror)
    return "Spring, sale"


def look(connection: Connection) -> None:
    """What changed in Nimble is read, as after every change of a tag."""
    pull.sync_now(connection, "deals")
    pull.pull(connection)


def deliver() -> None:
    """Send what was held, too."""
    Edit.objects.update(not_before=None)
    outbox.deliver()


def test_tags_are_counted_as_the_viewer_sees_them(mirror: Connection, connect: Connect):
    eve = caught_up(connect(EVE))
    for connection in (mirror, eve):
        seen = queries.for_user(connection.user)
        counts = Counter(name for names in seen.values_list("tags", flat=True) for name in names)
        assert {one.name: one.count for one in tags.listed(connection.user)} == dict(counts)
        assert all(sum(n for _pipeline, n in one.pipelines) == one.count for one in tags.listed(connection.user))


def test_tag_is_renamed_on_every_deal_by_one_request(mirror: Connection, web: Client, tag: str, nimble):
    since = nimble.state()["log"]["last"]
    web.post(reverse("deals:rename_tag"), {"tag": tag, "name": "Autumn"})
    page = web.get(reverse("deals:deal_tags")).content.decode()
    assert "Autumn" in page
    assert "Saved here" in page
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    assert len(nimble.writes(since)) == 1
    look(mirror)
    assert [one.count for one in tags.listed(mirror.user) if one.name == "Autumn"] == [2]
    assert tag not in [one.name for one in tags.listed(mirror.user)]


def test_renamed_tag_goes_back_by_undo(mirror: Connection, web: Client, tag: str):
    web.post(reverse("deals:rename_tag"), {"tag": tag, "name": "Autumn"})
    outbox.deliver()
    assert DealTag.objects.get().remote["name"] == "Autumn"
    web.post(reverse("sync:undo", args=[Edit.objects.get().pk]))
    outbox.deliver()
    look(mirror)
    names = [one.name for one in tags.listed(mirror.user)]
    assert tag in names
    assert "Autumn" not in names


def test_tag_that_was_deleted_and_came_back_is_deleted_again(mirror: Connection, web: Client, tag: str, nimble):
    deal = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)[0]
    for _ in range(2):
        nimble.edit(BJORN, "deal", deal.nimble_id, set={"tags": [tag]})
        look(mirror)
        web.post(reverse("deals:remove_tag"), {"tag": tag})
        deliver()
        assert nimble.object("deal", deal.nimble_id)["tags"] == []
    assert {edit.state for edit in Edit.objects.all()} == {State.CONFIRMED}


def test_tag_renamed_to_another_leaves_one_row_that_stands_for_both(
    mirror: Connection, web: Client, tag: str, nimble, connect: Connect
):
    deal = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)[2]
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"tags": ["Winter"]})
    look(mirror)
    for name, new in (("Winter", "Autumn"), (tag, "Autumn"), ("Autumn", tag), (tag, "Winter")):
        web.post(reverse("deals:rename_tag"), {"tag": name, "name": new})
        deliver()
        look(mirror)
        standing = DealTag.objects.filter(known_as=new)
        assert [row.remote["name"] for row in standing] == [new]
    assert {edit.state for edit in Edit.objects.all()} == {State.CONFIRMED}
    assert [one.count for one in tags.listed(mirror.user) if one.name == "Winter"] == [3]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_first_change_a_tag_at_once_change_one_row(
    mirror: Connection, tag: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    bjorn = caught_up(connect(BJORN))
    both = threading.Barrier(2)
    make = ids.object_id

    def together() -> str:
        """Both have begun, and neither has looked or made anything yet; SQLite lets but one begin."""
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)
        return make()

    monkeypatch.setattr(ids, "object_id", together)

    def change(user: Any) -> Edit | None:
        try:
            return tags.rename(author=user, name=tag, new=f"{tag} of {user}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        made = [one.result() for one in [pool.submit(change, connection.user) for connection in (mirror, bjorn)]]
    row = DealTag.objects.get()
    assert [edit and edit.record_id for edit in made] == [row.pk, row.pk]


@pytest.mark.django_db(transaction=True)
def test_tag_renamed_to_one_that_somebody_begins_to_change_meanwhile_stands_beside_it(mirror: Connection, tag: str):
    """The other row has been made, and is not committed yet, when Nimble's answer is stored."""
    row = DealTag.objects.create(workspace=mirror.workspace, nimble_id="a", name=tag, known_as=tag)
    made, stored = threading.Event(), threading.Event()

    def begin() -> None:
        try:
            with transaction.atomic():
                DealTag.objects.create(workspace=mirror.workspace, nimble_id="b", name="Autumn", known_as="Autumn")
                made.set()
                # On SQLite nobody else can write before this is committed; PostgreSQL lets them wait for the name.
                stored.wait(1)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(begin)
        assert made.wait(10)
        with events.atomic():
            overlay.refresh(row, remote={"id": "a", "name": "Autumn"})
            registry.resource(DealTag.kind).saved({row.pk: row.remote})
        stored.set()
        other.result()
    assert list(DealTag.objects.order_by("nimble_id").values_list("name", "known_as")) == [
        ("Autumn", None),
        ("Autumn", "Autumn"),
    ]


@pytest.mark.django_db(transaction=True)
def test_rows_that_two_people_made_of_one_tag_become_one(mirror: Connection, tag: str):
    before = [("deals", "0013_sort_name")]
    executor = MigrationExecutor(database)
    try:
        executor.migrate(before)
        old = executor.loader.project_state(before).apps.get_model("deals", "DealTag").objects
        rows = [
            old.create(workspace_id=mirror.workspace_id, nimble_id=one, remote={"id": one, **remote}, name=tag)
            for one, remote in (
                ("a", {"name": tag}),
                ("b", {"name": tag}),
                ("c", {"name": "Other"}),
                ("d", {"name": tag, "removed": "gone"}),
            )
        ]
        of_rows = {"workspace": mirror.workspace, "connection": mirror, "author": mirror.user, "kind": DealTag.kind}
        for row in rows:
            Edit.objects.create(**of_rows, record_id=row.pk, operation="update", fields={}, created_at=timezone.now())
    finally:
        executor = MigrationExecutor(database)
        executor.migrate([key for key in executor.loader.graph.leaf_nodes() if key[0] == "deals"])
    assert list(DealTag.objects.order_by("pk").values_list("pk", "known_as")) == [
        (rows[0].pk, tag),
        (rows[2].pk, "Other"),
        (rows[3].pk, None),
    ]
    moved = Edit.objects.order_by("pk").values_list("record_id", flat=True)
    assert list(moved) == [rows[0].pk, rows[0].pk, rows[2].pk, rows[3].pk]


@pytest.mark.parametrize("cut", ["before", "after"])
def test_lost_answer_to_a_rename_is_no_second_one(mirror: Connection, web: Client, tag: str, nimble, cut: str):
    nimble.fault(method="PUT", path="/deals/tags/", cut=cut, times=1)
    web.post(reverse("deals:rename_tag"), {"tag": tag, "name": "Autumn"})
    outbox.deliver()
    Edit.objects.update(not_before=None)
    outbox.deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    assert DealTag.objects.get().remote["name"] == "Autumn"


def test_tag_is_deleted_from_every_deal(mirror: Connection, web: Client, tag: str):
    assert "2 deals that you see have it" in " ".join(
        web.get(reverse("deals:remove_tag"), {"tag": tag}).content.decode().split()
    )
    web.post(reverse("deals:remove_tag"), {"tag": tag})
    deliver()
    assert Edit.objects.get().state == State.CONFIRMED
    look(mirror)
    assert tag not in [one.name for one in tags.listed(mirror.user)]


def test_tag_stays_in_nimble_while_its_notice_offers_to_take_its_delete_back(
    mirror: Connection, web: Client, tag: str, nimble
):
    assert "Until it has gone out to Nimble" in web.get(reverse("deals:remove_tag"), {"tag": tag}).content.decode()
    since = nimble.state()["log"]["last"]
    told = web.post(reverse("deals:remove_tag"), {"tag": tag}, follow=True).content.decode()
    undo = reverse("sync:undo", args=[Edit.objects.get().pk])
    assert undo in told
    assert outbox.deliver() == 0
    web.post(undo)
    deliver()
    assert Edit.objects.get().state == State.UNDONE
    assert nimble.writes(since) == []


def test_tag_on_a_deal_that_may_not_be_edited_goes_from_the_others_when_asked(
    mirror: Connection, web: Client, tag: str, nimble
):
    locked = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=False).first()
    assert locked is not None, "the sandbox has no deal that Ada may not edit"
    owner = next(email for email, one in nimble.users.items() if one["user_id"] == locked.owner_in_nimble)
    nimble.edit(owner, "deal", locked.nimble_id, set={"tags": [tag]})
    look(mirror)
    web.post(reverse("deals:remove_tag"), {"tag": tag})
    deliver()
    assert Edit.objects.get().state == State.REJECTED
    said = web.get(reverse("deals:remove_tag"), {"tag": tag}).content.decode()
    assert "privacy settings" in said
    assert "Take it from the deals that I may edit" in said
    web.post(reverse("deals:remove_tag"), {"tag": tag, "some": "1"})
    deliver()
    look(mirror)
    left = next(one for one in tags.listed(mirror.user) if one.name == tag)
    assert left.count == 1


def test_other_refusal_offers_no_deletion_from_some(mirror: Connection, web: Client, tag: str, nimble):
    body = {"errors": [{"message": "Not now", "nse_query": {}, "total": 0, "type": "busy"}]}
    nimble.fault(method="DELETE", path="/deals/tags/", status=406, body=body, times=1)
    web.post(reverse("deals:remove_tag"), {"tag": tag})
    deliver()
    said = web.get(reverse("deals:remove_tag"), {"tag": tag}).content.decode()
    assert "Nimble refused this: Not now" in said
    assert "from the deals that I may edit" not in said


def test_tag_that_no_address_can_name_is_refused_at_once(mirror: Connection, web: Client, nimble):
    deal = Deal.objects.filter(sights__connection=mirror, sights__view__is_editable=True)[0]
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"tags": ["this/that"]})
    look(mirror)
    answer = web.post(reverse("deals:rename_tag"), {"tag": "this/that", "name": "Other"}, follow=True)
    assert "cannot name this tag" in answer.content.decode()
    assert not Edit.objects.exists()


def test_tag_of_a_hidden_deal_alone_is_not_there(mirror: Connection, connect: Connect, tag: str):
    stranger = caught_up(connect(EVE))
    Deal.objects.filter(tag_index__contains=tag).update(is_private=True, owner_in_nimble="nobody")
    page = browser(stranger.user)
    assert tag not in page.get(reverse("deals:deal_tags")).content.decode()
    assert page.get(reverse("deals:rename_tag"), {"tag": tag}).status_code == 404
