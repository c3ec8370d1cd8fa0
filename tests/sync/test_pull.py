"""The way in: whole, continued where it was cut, deaf to bad records, slow to believe that something is gone."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts import changes
from contacts import queries as contact_queries
from contacts.models import Contact, ContactNote, ContactSight
from deals import actions, queries
from deals.models import Deal, Pipeline, Stage
from nimble.models import Connection, Member
from sync import flows, leases, outbox, pull, registry, runs, when
from sync.clock import database_now
from sync.models import Event, Lease, Quarantined, Run, Stream
from tests.people import ADA, BJORN, EVE, Connect, sign_in_again
from tests.sandboxes import SandboxServer
from tests.sync.machine import points

pytestmark = pytest.mark.django_db(transaction=True)


def again(connection: Connection, *streams: str) -> dict[str, Run]:
    """Pull now; the runs by stream."""
    pull.sync_now(connection)
    for stream in streams:
        Stream.objects.filter(connection=connection, name=stream).update(cursor={})
    return {run.stream.name: run for run in pull.pull(connection) or []}


def test_first_pull_mirrors_everything(mirror: Connection, nimble: SandboxServer):
    visible = {one["id"] for one in nimble.objects("deal")}
    assert set(Deal.objects.values_list("nimble_id", flat=True)) <= visible
    assert (
        Deal.objects.count()
        == nimble.request("GET", "/api/v2/deals?sort=updated:desc&limit=1", ADA).json()["meta"]["total"]
    )
    listed = nimble.request("GET", "/api/v1/contacts/ids?per_page=1000", ADA).json()["meta"]["total"]
    assert Contact.objects.count() == listed
    assert Pipeline.objects.count() == 3
    assert Stage.objects.exclude(archived_at=None).exists()
    assert ContactNote.objects.exists()
    assert Member.objects.count() >= 4
    assert Quarantined.objects.count() == 0


def test_every_deal_stands_in_the_stage_that_nimble_says(mirror: Connection, nimble: SandboxServer):
    theirs = {one["id"]: one["stage_id"] for one in nimble.objects("deal")}
    ours = dict(Deal.objects.values_list("nimble_id", "stage_nimble_id"))
    assert ours == {nimble_id: theirs[nimble_id] for nimble_id in ours}


@pytest.mark.parametrize(
    "switches",
    [
        {"next_page_url": "relative"},
        {"transitions": "up"},
        {"tags_shape": "objects"},
        {"deals_page": "honoured"},
        {"deals_scope": "own"},
        {"company_users": "on"},
        {"deal_fields": "list"},
    ],
)
def test_first_pull_is_the_same_with_each_switch(ada: Connection, nimble: SandboxServer, switches):
    nimble.switch(**switches)
    runs = pull.pull(ada)
    assert {run.state for run in runs or []} == {Run.State.DONE}, [(r.stream.name, r.error) for r in runs or []]
    theirs = {one["id"]: (one["stage_id"], one["values"]["name"]) for one in nimble.objects("deal")}
    ours = {d.nimble_id: (d.stage_nimble_id, d.name) for d in Deal.objects.all()}
    assert len(ours) > 30
    assert ours == {nimble_id: theirs[nimble_id] for nimble_id in ours}
    tags = {c.nimble_id: c.tags for c in Contact.objects.all()}
    assert any(tags.values())
    assert all(isinstance(tag, str) for names in tags.values() for tag in names)


def test_second_pull_without_changes_stores_nothing(mirror: Connection):
    runs = again(mirror)
    assert sum(run.created + run.changed for run in runs.values()) == 0


def test_change_in_nimble_arrives_with_its_history(mirror: Connection, deal: Deal, nimble: SandboxServer):
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"name": "Changed there"})
    runs = again(mirror)
    deal.refresh_from_db()
    assert deal.name == "Changed there"
    assert runs["deals"].changed == 1


def test_contact_updated_in_nimble_arrives(mirror: Connection, nimble: SandboxServer):
    contact = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[0]
    names = nimble.object("contact", contact.nimble_id)["fields"]["first name"]
    nimble.edit(BJORN, "contact", contact.nimble_id, set={"fields": {"first name": [names[0] | {"value": "Zuzana"}]}})
    runs = again(mirror)
    assert (runs["contacts"].state, runs["contacts"].error) == (Run.State.DONE, "")
    contact.refresh_from_db()
    assert contact.first_name == "Zuzana"


def test_killed_walk_goes_on_where_it_stopped(ada: Connection, nimble: SandboxServer):
    nimble.fault(
        method="GET", path=r"/api/v2/deals/pipelines/.*/deals.*", nth=2, times=5, status=500, body={"code": 107}
    )
    runs = {run.stream.name: run for run in pull.pull(ada) or []}
    assert runs["deals"].state == Run.State.FAILED
    stored = Deal.objects.count()
    assert stored > 0
    nimble.clear_faults()
    since = nimble.state()["log"]["last"]
    runs = again(ada)
    assert runs["deals"].state == Run.State.DONE
    read = [one["path"] for one in nimble.log(since) if "/pipelines/" in one["path"] and "deals" in one["path"]]
    assert len(read) == Pipeline.objects.count() - 1, "the pipelines stored before are not read again"
    assert Deal.objects.count() > stored


@pytest.mark.broken_answers
def test_bad_record_is_quarantined_and_its_page_goes_on(ada: Connection, nimble: SandboxServer):
    victim = nimble.objects("contact")[0]["id"]
    nimble.edit(ADA, "contact", victim, raw={"fields": None})
    runs = {run.stream.name: run for run in pull.pull(ada) or []}
    assert runs["contacts"].state == Run.State.DONE
    assert Quarantined.objects.get(kind="contact").nimble_id == victim
    assert Contact.objects.count() > 30


def test_empty_listing_tombstones_nothing(mirror: Connection, nimble: SandboxServer):
    before = Contact.objects.filter(gone_at=None).count()
    nimble.fault(method="GET", path=r"/api/v1/contacts/ids.*", times=10, empty=True)
    runs = again(mirror)
    assert runs["listing"].state == Run.State.BRAKED
    assert Contact.objects.filter(gone_at=None).count() == before
    assert not ContactSight.objects.exclude(hidden_at=None).exists()


def test_deleted_contact_is_hidden_at_once_and_gone_after_a_second_look(mirror: Connection, nimble: SandboxServer):
    contact = Contact.objects.filter(is_private=False).order_by("pk")[0]
    nimble.edit(BJORN, "contact", contact.nimble_id, delete=True)
    again(mirror)
    contact.refresh_from_db()
    assert contact.gone_at is None
    assert Event.objects.filter(kind="contact", readers={str(contact.pk): [mirror.nimble_user_id]}).exists()
    assert not contact_queries.for_user(mirror.user).filter(pk=contact.pk).exists()
    again(mirror)
    contact.refresh_from_db()
    assert contact.gone_at is not None


def test_private_deal_is_shown_to_those_who_may_read_it_only(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    eve = connect(EVE)
    pull.pull(eve)
    for connection in (mirror, eve):
        token_user = ADA if connection == mirror else EVE
        shown = set(queries.for_user(connection.user).values_list("nimble_id", flat=True))
        listed = set()
        for pipeline in Pipeline.objects.all():
            path = f"/api/v2/deals/pipelines/{pipeline.nimble_id}/deals?sort=created:asc&limit=500"
            for group in nimble.request("GET", path, token_user).json()["stages"]:
                listed |= {one["deal_id"] for one in group["deals"]}
        assert shown == listed
    everyone = set(queries.for_user(mirror.user).values_list("pk", flat=True))
    assert everyone != set(queries.for_user(eve.user).values_list("pk", flat=True))


def test_contacts_are_shown_as_each_viewer_sees_them(mirror: Connection, connect: Connect, nimble: SandboxServer):
    eve = connect(EVE)
    pull.pull(eve)
    for connection, email in ((mirror, ADA), (eve, EVE)):
        listed = nimble.request("GET", "/api/v1/contacts/ids?per_page=1000", email).json()["resources"]
        assert set(contact_queries.for_user(connection.user).values_list("nimble_id", flat=True)) == set(listed)


def test_second_puller_of_one_connection_is_turned_away(mirror: Connection):
    token = leases.acquire(runs.lease_name(mirror), 30)
    assert token is not None
    assert pull.pull(mirror) is None
    leases.release(runs.lease_name(mirror), token)
    assert pull.pull(mirror) is not None


@pytest.mark.broken_answers
def test_answer_over_the_limit_is_read_in_parts_and_one_record_is_left_out(ada: Connection, nimble: SandboxServer):
    victim = nimble.objects("contact")[5]["id"]
    huge = [{"value": "x" * 21_000_000, "modifier": "", "field_id": "1"}]
    nimble.edit(ADA, "contact", victim, silent=True, set={"fields": {"description": huge}})
    runs = {run.stream.name: run for run in pull.pull(ada) or []}
    assert runs["contacts"].state == Run.State.DONE
    assert Quarantined.objects.get().nimble_id == victim
    listed = nimble.request("GET", "/api/v1/contacts/ids?per_page=1000", ADA).json()["meta"]["total"]
    assert Contact.objects.count() == listed - 1


def test_reconnecting_sends_what_waited_in_order(
    mirror: Connection, deal: Deal, nimble: SandboxServer, connect: Connect
):
    nimble.revoke(ADA)
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="1")
    second = actions.change(author=mirror.user, deal=deal, field="name", value="After")
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    sign_in_again(mirror, nimble)
    assert outbox.deliver() == 2
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.confirmed_at < second.confirmed_at


def test_pipeline_that_cannot_be_listed_keeps_nobody_from_the_others(ada: Connection, nimble: SandboxServer):
    pipeline = nimble.objects("pipeline")[0]["id"]
    nimble.fault(method="GET", path=rf"/api/v2/deals/pipelines/{pipeline}/deals.*", times=50, status=403)
    runs = {run.stream.name: run for run in pull.pull(ada) or []}
    assert runs["deals"].state == Run.State.DONE
    assert Deal.objects.exclude(pipeline_nimble_id=pipeline).exists()
    assert not queries.for_user(ada.user).filter(pipeline_nimble_id=pipeline).exists()


def test_what_nimble_hides_from_a_newcomer_is_never_shown_to_them(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    contact = Contact.objects.filter(is_private=False, sights__connection=mirror).order_by("pk")[0]
    nimble.edit(ADA, "contact", contact.nimble_id, hide_from=[EVE], silent=True)
    eve = connect(EVE)
    pull.pull(eve)
    assert contact_queries.for_user(mirror.user).filter(pk=contact.pk).exists()
    assert not contact_queries.for_user(eve.user).filter(pk=contact.pk).exists()


def test_stamp_in_the_future_leaves_no_gap(mirror: Connection, nimble: SandboxServer):
    odd, other = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[:2]
    tomorrow = when.stamp(timezone.now() + timedelta(days=1))
    nimble.edit(BJORN, "contact", odd.nimble_id, set={"updated": tomorrow})
    again(mirror)
    names = nimble.object("contact", other.nimble_id)["fields"]["first name"]
    today = when.stamp(timezone.now())
    fields = {"first name": [names[0] | {"value": "Afterwards"}]}
    nimble.edit(BJORN, "contact", other.nimble_id, set={"fields": fields, "updated": today})
    again(mirror)
    other.refresh_from_db()
    assert other.first_name == "Afterwards"


def test_record_deleted_in_nimble_goes_although_somebody_who_left_had_seen_it(
    mirror: Connection, connect: Connect, nimble: SandboxServer
):
    bjorn = connect(BJORN)
    pull.pull(bjorn)
    Connection.objects.filter(pk=bjorn.pk).update(state=Connection.State.DISCONNECTED)
    contact = Contact.objects.filter(is_private=False).order_by("pk")[0]
    nimble.edit(ADA, "contact", contact.nimble_id, delete=True)
    again(mirror)
    again(mirror)
    contact.refresh_from_db()
    assert contact.gone_at is not None


# --- asked for while it runs ------------------------------------------------------------------------------------------


def during(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> list[str]:
    """Do this once, while the named stream of contacts or ids is between two reads; says whether it happened."""
    happened: list[str] = []
    read = runs.Pull.read

    def reads(self: runs.Pull, fetch: Callable[[], Any]) -> Any:
        if self.stream.name == name and not happened:
            happened.append(name)
            act()
        return read(self, fetch)

    monkeypatch.setattr(runs.Pull, "read", reads)
    return happened


def test_sync_now_during_a_run_keeps_its_place_and_makes_it_due(mirror: Connection, monkeypatch: pytest.MonkeyPatch):
    stream = Stream.objects.get(connection=mirror, name="contacts")
    Stream.objects.filter(pk=stream.pk).update(cursor={})
    happened = during(monkeypatch, "contacts", lambda: pull.sync_now(mirror, "contacts"))
    pull.sync_now(mirror, "contacts")
    runs = [run for run in pull.pull(mirror) or [] if run.stream.name == "contacts"]
    assert happened
    assert len(runs) == 2
    assert runs[0].done >= Contact.objects.count()
    assert runs[1].done < runs[0].done / 2
    stream.refresh_from_db()
    assert stream.cursor


def test_sync_again_during_a_run_begins_anew_after_it(mirror: Connection, monkeypatch: pytest.MonkeyPatch):
    happened = during(monkeypatch, "contacts", lambda: pull.sync_again(mirror, "contacts"))
    pull.sync_now(mirror, "contacts")
    runs = [run for run in pull.pull(mirror) or [] if run.stream.name == "contacts"]
    assert happened
    assert [run.done >= Contact.objects.count() for run in runs] == [False, True]


def test_sync_again_between_reading_the_streams_and_the_run_is_not_lost(mirror: Connection):
    token = leases.acquire(runs.lease_name(mirror), 90)
    assert token
    stream = pull.ensure_streams(mirror)["contacts"]
    pull.sync_again(mirror, "contacts")
    run = runs.run_stream(mirror, registry.stream("contacts"), stream, token)
    assert run.done >= Contact.objects.count()


def test_contacts_that_two_pages_have_are_counted_once(mirror: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changes, "PAGE", 5)
    run = again(mirror, "contacts")["contacts"]
    run.refresh_from_db()
    assert run.done == run.total == Contact.objects.filter(sights__connection=mirror).count()


def test_bar_is_never_past_its_end(mirror: Connection):
    now = database_now()
    stream = Stream.objects.get(connection=mirror, name="contacts")
    Run.objects.create(stream=stream, started_at=now, moved_at=now, done=120, total=100, full=True)
    [bar] = flows.progress(mirror)
    assert (bar.done, bar.total) == (120, 120)


def test_pull_that_stood_still_before_its_end_leaves_what_another_has_reached(
    mirror: Connection, nimble: SandboxServer
):
    """A laptop that slept, a worker that was stopped: its lease has lapsed, and somebody else has gone on."""
    contact = Contact.objects.filter(is_private=False, gone_at=None).order_by("pk")[0]

    def changed() -> None:
        nimble.edit(BJORN, "contact", contact.nimble_id, set={"tags": [f"at {database_now()}"]})
        pull.sync_now(mirror, "contacts")

    def left() -> tuple[str, object]:
        stream = Stream.objects.get(connection=mirror, name="contacts")
        return stream.cursor["reached"], stream.checkpoint

    changed()
    with points.watched():
        standing = points.Standing("at its end", lambda: pull.pull(mirror))
        Lease.objects.update(until=database_now() - timedelta(seconds=1))
        before = left()
        time.sleep(1.1)  # Nimble's stamps are whole seconds
        changed()
        others = pull.pull(mirror) or []
        assert [(run.stream.name, run.state) for run in others] == [("contacts", Run.State.DONE)]
        after = left()
        assert after > before
        standing.go_on()
    assert left() == after
    assert not Lease.objects.exclude(token="").exists()
