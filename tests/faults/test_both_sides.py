"""Somebody changes the same records in Nimble, and its answers come late, empty or from another clock."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact
from deals import actions
from deals.models import Deal, Stage
from nimble.models import Connection
from sync import edits, outbox, pull, when
from sync.models import Change, Edit, Run, State, Stream
from tests.deals.conftest import browser
from tests.faults.clock import pass_time
from tests.faults.conftest import state_of
from tests.people import BJORN
from tests.sandboxes import SandboxServer


def again(connection: Connection, *whole: str) -> dict[str, Run]:
    """Pull everything now, and these streams from their beginning; the runs by stream."""
    pull.sync_now(connection)
    Stream.objects.filter(connection=connection, name__in=whole).update(cursor={})
    return {run.stream.name: run for run in pull.pull(connection) or []}


def test_deleted_in_nimble_while_an_edit_waits_keeps_the_text_until_its_author_decides(
    mirror, deal, nimble: SandboxServer
):
    edit = actions.change(author=mirror.user, deal=deal, field="description", value="Typed before it was deleted")
    nimble.edit(BJORN, "deal", deal.nimble_id, delete=True)
    outbox.deliver()
    assert (state_of(edit), edit.error["reason"]) == (State.CONFLICT, "missing")
    again(mirror, "deals")
    again(mirror, "deals")
    page = browser(mirror.user).get(reverse("sync:edit", args=[edit.pk]))
    assert "Typed before it was deleted" in page.content.decode()
    since = nimble.state()["log"]["last"]
    assert edits.discard(edit)
    assert outbox.deliver() == 0
    assert nimble.writes(since) == []
    assert state_of(edit) == State.DISCARDED


def stages_of(deal: Deal) -> list[Stage]:
    """The open stages of its pipeline that it may be moved to."""
    open_ones = Stage.objects.filter(pipeline__nimble_id=deal.pipeline_nimble_id, role="open", archived_at=None)
    return list(open_ones.exclude(nimble_id=deal.stage_nimble_id).order_by("position"))


@pytest.mark.parametrize("stream", ["walk", "newest"])
def test_own_moves_that_come_back_late_and_out_of_order_flip_nothing(mirror, deal, nimble: SandboxServer, stream):
    """A replica of Nimble's shows first the time before both moves, then the time between them."""
    first, second = stages_of(deal)[:2]
    paths = r"/api/v2/deals(/pipelines/.*deals|\?)"
    before = nimble.fault(method="GET", path=paths, times=0, stale=True)
    actions.move(author=mirror.user, deal=deal, stage=first)
    outbox.deliver()
    between = nimble.fault(method="GET", path=paths, times=0, stale=True)
    nimble.set(clock_offset=2)  # Nimble's stamps have whole seconds
    deal.refresh_from_db()
    actions.move(author=mirror.user, deal=deal, stage=second)
    outbox.deliver()
    changes = Change.objects.count()
    for rule in (before, between):
        again(mirror, *(["deals"] if stream == "walk" else []))
        deal.refresh_from_db()
        assert deal.stage_nimble_id == second.nimble_id, "it does not flip back"
        nimble.control("DELETE", f"faults/{rule['id']}")
    again(mirror, "deals")
    deal.refresh_from_db()
    assert deal.stage_nimble_id == second.nimble_id
    assert Change.objects.filter(record_id=deal.pk, kind="deal").count() == changes, "nobody else has moved it"


def test_a_change_in_nimble_after_our_own_is_not_taken_for_an_echo(mirror, deal, nimble: SandboxServer):
    first, second = stages_of(deal)[:2]
    actions.move(author=mirror.user, deal=deal, stage=first)
    outbox.deliver()
    nimble.edit(BJORN, "deal", deal.nimble_id, set={"stage_id": second.nimble_id})
    again(mirror)
    deal.refresh_from_db()
    assert deal.stage_nimble_id == second.nimble_id


def named(first: str) -> dict[str, list[dict[str, str]]]:
    return {"first name": [{"value": first, "modifier": "", "field_id": "1"}]}


@pytest.mark.parametrize("offset", [3600, -3600])
def test_nimbles_clock_an_hour_apart_leaves_no_gap(ada: Connection, nimble: SandboxServer, offset):
    nimble.set(clock_offset=offset)
    pull.pull(ada)
    one, other = Contact.objects.filter(is_private=False, record_type="person").order_by("pk")[:2]
    for round_, contact in enumerate([one, other, one]):
        nimble.edit(BJORN, "contact", contact.nimble_id, set={"fields": named(f"Round {round_}")})
        runs = again(ada)
        assert runs["contacts"].state == Run.State.DONE
        contact.refresh_from_db()
        assert contact.first_name == f"Round {round_}"
        pass_time(60)
    # The cursor is what Nimble's stamps say, and never past the run's start.
    stream = Stream.objects.get(connection=ada, name="contacts")
    newest = max(filter(None, (when.moment(c.remote.get("updated")) for c in Contact.objects.all())))
    assert when.moment(stream.cursor["reached"]) <= min(newest, timezone.now())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Clocks are put back: local time runs through the same hour twice.
        ("2025-10-26T02:50:00+0200", "2025-10-26T02:10:00+0100"),
        # Clocks are put forward: an hour is missing.
        ("2025-03-30T01:59:59+0100", "2025-03-30T03:00:00+0200"),
    ],
)
def test_change_of_the_clocks_leaves_no_gap(ada: Connection, nimble: SandboxServer, before, after):
    assert when.moment(before) < when.moment(after)
    contacts = [one for one in nimble.objects("contact") if one["record_type"] == "person"][:2]
    for one in nimble.objects("contact"):
        nimble.edit(BJORN, "contact", one["id"], set={"updated": "2025-01-01T00:00:00Z"})
    nimble.edit(BJORN, "contact", contacts[0]["id"], set={"updated": before})
    pull.pull(ada)
    nimble.edit(BJORN, "contact", contacts[1]["id"], set={"fields": named("Within the hour"), "updated": after})
    assert again(ada)["contacts"].state == Run.State.DONE
    assert Contact.objects.get(nimble_id=contacts[1]["id"]).first_name == "Within the hour"


@pytest.mark.parametrize(
    ("path", "stream"), [(r"/api/v1/contacts/ids.*", "listing"), (r"/api/v2/deals(\?|/pipelines/.*deals)", "deals")]
)
def test_empty_listing_with_200_removes_nothing_and_tells_somebody(
    mirror: Connection, nimble: SandboxServer, path, stream
):
    shown = (Contact.objects.filter(gone_at=None).count(), Deal.objects.filter(gone_at=None).count())
    nimble.fault(method="GET", path=path, times=0, empty=True)
    for _ in range(3):
        runs = again(mirror, "deals")
        assert runs[stream].state == Run.State.BRAKED
    assert (Contact.objects.filter(gone_at=None).count(), Deal.objects.filter(gone_at=None).count()) == shown
    page = browser(mirror.user).get(reverse("sync:index"))
    assert "vanished" in page.content.decode()
    assert not Edit.objects.exists()
    nimble.clear_faults()
    pass_time(timedelta(hours=2).total_seconds())
    assert again(mirror, "deals")[stream].state == Run.State.DONE
