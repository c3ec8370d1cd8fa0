"""What pauses, outages and taken slots do to edits and pulls: they wait, and nothing is lost, doubled or blamed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts import actions as contact_actions
from contacts.models import Contact
from deals import actions
from deals.models import Deal
from nimble import pace
from nimble.client import Client
from nimble.models import Connection
from sync import lines, outbox, pull, reasons
from sync.models import Attempt, Edit, Run, State, Stream
from tests.nimble.pace.conftest import asked, let_pass
from tests.people import BJORN, Connect
from tests.sandboxes import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.broken_answers]

DOWN = {"status": 500, "body": {"code": 107, "message": "internal"}, "times": 0}


def time_passes(connection: Connection, seconds: float) -> None:
    let_pass(connection, seconds)
    earlier = timezone.now() - timedelta(seconds=1)
    Edit.objects.filter(not_before__lt=timezone.now() + timedelta(seconds=seconds)).update(not_before=earlier)
    Stream.objects.filter(next_run_at__lt=timezone.now() + timedelta(seconds=seconds)).update(next_run_at=earlier)


def bell(connection: Connection) -> None:
    """What the workers do when it rings."""
    outbox.deliver()
    pull.pull(connection)


def last(nimble: SandboxServer) -> int:
    return int(nimble.state()["log"]["last"])


def test_ten_minutes_of_500_cost_few_requests_and_everything_arrives_in_order(mirror, nimble: SandboxServer):
    contact = Contact.objects.filter(is_private=False).exclude(email="").order_by("pk")[0]
    deals = list(Deal.objects.filter(is_private=False, sights__view__is_editable=True).order_by("pk")[:4])
    nimble.fault(method="POST", path="/api/v1/contacts/notes", cut="after")
    contact_actions.write_note(author=mirror.user, contact=contact, text="Written once")
    outbox.deliver()
    nimble.fault(**DOWN)
    edits = [actions.change(author=mirror.user, deal=deal, field="name", value=f"Now {deal.pk}") for deal in deals]
    since = last(nimble)
    for _ in range(20):
        bell(mirror)
        time_passes(mirror, 30)
    assert len(asked(nimble, since)) < 40
    tried = {edit.attempts for edit in Edit.objects.filter(pk__in=[edit.pk for edit in edits])}
    assert max(tried) <= 2, "what was not sent is no attempt"
    assert not Edit.objects.exclude(state__in=[State.PENDING, State.RETRYING]).exists()
    assert Deal.objects.get(pk=deals[0].pk).name == f"Now {deals[0].pk}"

    nimble.clear_faults()
    time_passes(mirror, 60)
    since = last(nimble)
    bell(mirror)
    time_passes(mirror, 60)
    bell(mirror)
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    written = [one["path"].rpartition("/")[2] for one in nimble.writes(since) if one["method"] == "PUT"]
    assert written == [deal.nimble_id for deal in deals]
    assert len([note for note in nimble.objects("note") if "Written once" in note["note"]]) == 1
    assert pace.health().state is pace.State.CLOSED


def test_outage_leaves_the_queue_alone_until_a_probe_is_due(mirror, deal, nimble: SandboxServer):
    nimble.fault(**DOWN)
    client = Client(mirror)
    for ask in (client.contact_fields, client.pipelines, client.deal_fields):
        with pytest.raises(Exception, match="internal error"):
            ask()
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="77")
    assert outbox.deliver() == 0
    time_passes(mirror, 10)
    assert outbox.deliver() == 1
    edit.refresh_from_db()
    assert (edit.state, edit.attempts, edit.sent_at, edit.not_before) == (State.PENDING, 0, None, None)
    assert not Attempt.objects.filter(edit=edit).exists()
    assert outbox.deliver() == 0
    reason = reasons.of(edit)
    assert reason
    assert "kept here" in str(reason.text)


def test_paused_edit_waits_without_being_tried_and_holds_up_nobody_else(
    mirror, deal, connect: Connect, nimble: SandboxServer
):
    nimble.fault(path="/api/v2/deals/", status=429, headers={"Retry-After": "120"}, body={})
    first = actions.change(author=mirror.user, deal=deal, field="amount", value="77")
    outbox.deliver()
    first.refresh_from_db()
    assert (first.state, first.attempts) == (State.RETRYING, 1)
    assert first.not_before > timezone.now() + timedelta(seconds=100)

    other = Deal.objects.filter(is_private=False, sights__view__is_editable=True).exclude(pk=deal.pk)[0]
    second = actions.change(author=mirror.user, deal=other, field="name", value="Waits, too")
    since = last(nimble)
    assert outbox.deliver() == 0
    assert lines.waiting(mirror)
    assert asked(nimble, since) == []
    bjorn = connect(BJORN)
    third = Deal.objects.filter(is_private=False).exclude(pk__in=[deal.pk, other.pk])[0]
    actions.change(author=bjorn.user, deal=third, field="name", value="Somebody else's")
    assert outbox.deliver() == 1

    time_passes(mirror, 200)
    assert outbox.deliver() == 2
    assert set(Edit.objects.filter(pk__in=[first.pk, second.pk]).values_list("state", flat=True)) == {State.CONFIRMED}


def test_edit_whose_turn_is_not_come_goes_back_into_the_line(mirror, deal, nimble: SandboxServer):
    edit = actions.change(author=mirror.user, deal=deal, field="amount", value="77")
    claimed = lines.claim()
    with Client(mirror) as one, Client(mirror) as other:
        one.myself()
        other.myself()
        outbox.push.push(claimed)
        edit.refresh_from_db()
        assert (edit.state, edit.attempts, edit.sent_at) == (State.PENDING, 0, None)
        assert edit.not_before is not None
        assert not Attempt.objects.filter(edit=edit).exists()
        Edit.objects.update(not_before=None)
        assert outbox.deliver() == 0, "nothing is claimed while both slots are taken"
    assert outbox.deliver() == 1
    edit.refresh_from_db()
    assert (edit.state, edit.attempts) == (State.CONFIRMED, 1)


def test_paused_run_goes_on_from_where_it_is(ada: Connection, nimble: SandboxServer):
    nimble.fault(path="/api/v2/deals/pipelines/.*", nth=3, status=429, headers={"Retry-After": "300"}, body={})
    runs = pull.pull(ada)
    assert runs
    paused = next(run for run in runs if run.stream.name == "deals")
    assert (paused.state, paused.error) == (Run.State.RUNNING, "")
    assert paused.done > 0
    since = last(nimble)
    assert pull.pull(ada) == []
    assert asked(nimble, since) == []

    time_passes(ada, 400)
    runs = pull.pull(ada)
    assert {run.state for run in runs or []} == {Run.State.DONE}
    assert paused.pk in {run.pk for run in runs or []}
    assert not Stream.objects.filter(failures__gt=0).exists()
    total = nimble.request("GET", "/api/v2/deals?sort=updated:desc&limit=1", ada.email).json()["meta"]["total"]
    assert Deal.objects.count() == total


def test_run_that_could_not_begin_is_not_called_interrupted(ada: Connection, nimble: SandboxServer):
    nimble.fault(path="/api/v2/deals/pipelines", status=429, headers={"Retry-After": "300"}, body={})
    pull.pull(ada)
    time_passes(ada, 400)
    pull.pull(ada)
    assert set(Run.objects.values_list("state", flat=True)) == {Run.State.DONE}
    assert set(Run.objects.values_list("error", flat=True)) == {""}
