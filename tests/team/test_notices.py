"""Telling people: once for each occurrence, cleared when it is settled, by e-mail where that is set up."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crmportal.celery import app
from deals import actions
from deals.models import Deal
from nimble.models import Connection, ConnectionState
from sync import edits
from sync.clock import database_now
from sync.models import Brake, Check, Edit, Heartbeat, State, Stream
from team import digest, notices
from team.models import Cause, Notification, Profile
from team.tasks import tell
from tests import factories
from tests.people import BJORN, Connect
from tests.sync.pages import signed_in, text, workers_alive

pytestmark = pytest.mark.django_db

Need = Callable[..., Edit]
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def mirror(ada: Connection) -> Connection:
    workers_alive()
    return factories.mirrored(ada)


@pytest.fixture
def need(mirror: Connection) -> Need:
    """Makes an edit of Ada's that needs her."""

    def make(number: int = 0, state: str = State.CONFLICT, **error: str) -> Edit:
        deal = Deal.objects.filter(is_private=False).order_by("pk")[number]
        edit = actions.change(author=mirror.user, deal=deal, field="description", value="My secret remark")
        assert edit
        Edit.objects.filter(pk=edit.pk).update(state=state, error={"reason": "conflict", **error})
        return edit

    return make


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser("root", "root@example.com")


def told(user: Any) -> list[tuple[str, bool]]:
    """Causes and whether they are settled, oldest first."""
    rows = Notification.objects.filter(user=user).order_by("pk")
    return [(row.cause, row.settled_at is not None) for row in rows]


def later(**ago: float) -> None:
    """As if everything had been told, mailed and tried so long ago."""
    for row in Notification.objects.all():
        for name in ("created_at", "mailed_at", "mail_tried_at"):
            if getattr(row, name):
                setattr(row, name, getattr(row, name) - timedelta(**ago))
        row.save()


@pytest.mark.parametrize("state", [State.CONFLICT, State.REJECTED, State.FAILED, State.AMBIGUOUS])
def test_edit_that_needs_its_author_is_told_once_and_settled_with_it(mirror: Connection, need: Need, state: str):
    edit = need(state=state)
    notices.refresh()
    notices.refresh()
    assert told(mirror.user) == [(Cause.EDIT, False)]
    Edit.objects.filter(pk=edit.pk).update(state=State.PENDING)
    notices.refresh()
    assert told(mirror.user) == [(Cause.EDIT, True)]
    # What comes back is told again.
    Edit.objects.filter(pk=edit.pk).update(state=state)
    notices.refresh()
    assert told(mirror.user) == [(Cause.EDIT, True), (Cause.EDIT, False)]


def test_beat_asks_both_kinds_of_workers_to_tell():
    app.loader.import_default_modules()
    schedule = app.conf.beat_schedule.values()
    assert {entry["task"] for entry in schedule} <= set(app.tasks)
    told = [entry["options"]["queue"] for entry in schedule if entry["task"] == tell.name]
    assert sorted(told) == ["pull", "push"]


def test_many_edits_that_wait_for_the_plan_are_told_as_one(mirror: Connection, need: Need):
    blocked = [need(number, State.BLOCKED, reason="quota") for number in range(3)]
    notices.refresh()
    Edit.objects.update(state=State.RETRYING)
    notices.refresh()
    assert told(mirror.user) == [(Cause.QUOTA, False)], "it is tried again, and nobody knows yet"
    Edit.objects.update(state=State.BLOCKED)
    for edit in blocked:
        edit.refresh_from_db()
        edits.retry(edit)
    notices.refresh()
    assert told(mirror.user) == [(Cause.QUOTA, True)]


def test_lost_connection_is_told_once_with_all_that_it_blocks(mirror: Connection, need: Need):
    need(0, State.BLOCKED, reason="reconnect")
    Connection.objects.filter(pk=mirror.pk).update(state=ConnectionState.RECONNECT)
    notices.refresh()
    assert told(mirror.user) == [(Cause.RECONNECT, False)]
    Connection.objects.filter(pk=mirror.pk).update(state=ConnectionState.ACTIVE)
    notices.refresh()
    assert told(mirror.user) == [(Cause.RECONNECT, True)]


def test_held_brake_is_told_to_its_person_and_the_operators(mirror: Connection, connect: Connect, operator: Any):
    bjorn = connect(BJORN)
    now = database_now()
    stream = Stream.objects.get(connection=mirror, name="listing")
    brake = Brake.objects.create(stream=stream, kind="contact", missing=47, known=312, began_at=now, listed_at=now)
    notices.refresh()
    assert [told(user) for user in (mirror.user, operator, bjorn.user)] == [
        [(Cause.BRAKE, False)],
        [(Cause.BRAKE, False)],
        [],
    ]
    page = text(signed_in(mirror).get("/notifications/"))
    assert "47 of 312 records vanished at once" in page
    Brake.objects.filter(pk=brake.pk).update(state=Brake.State.REFUSED)
    notices.refresh()
    assert told(operator) == [(Cause.BRAKE, True)]


def test_figures_are_told_when_they_differ_for_a_second_walk(mirror: Connection):
    stream = Stream.objects.get(connection=mirror, name="deals")
    now = database_now()
    for key in ("a", "b"):
        Check.objects.create(stream=stream, key=key, theirs=1, ours=2, walks=1, compared_at=now)
    notices.refresh()
    assert told(mirror.user) == []
    Check.objects.update(walks=2)
    notices.refresh()
    notices.refresh()
    assert told(mirror.user) == [(Cause.FIGURES, False)]
    assert "2 of Nimble's figures differ from ours" in text(signed_in(mirror).get("/notifications/"))


def test_silent_worker_is_told_to_operators_alone(mirror: Connection, operator: Any):
    notices.refresh()
    assert told(operator) == []
    Heartbeat.objects.filter(name="pull").update(at=database_now() - timedelta(minutes=5))
    notices.refresh()
    assert (told(operator), told(mirror.user)) == ([(Cause.PROCESS, False)], [])
    workers_alive()
    notices.refresh()
    assert told(operator) == [(Cause.PROCESS, True)]


def test_looking_takes_the_same_statements_for_any_number(mirror: Connection, need: Need, connect: Connect):
    counts = []
    for numbers in ((0,), (1, 2, 3)):
        for number in numbers:
            need(number)
        with CaptureQueriesContext(database) as captured:
            assert notices.refresh() == len(numbers)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- in the app ---


def test_page_lists_what_is_open_and_what_is_settled_with_the_record_by_name(mirror: Connection, need: Need):
    edit, other = need(0), need(1)
    notices.refresh()
    Edit.objects.filter(pk=other.pk).update(state=State.DISCARDED)
    notices.refresh()
    client = signed_in(mirror)
    page = text(client.get("/notifications/"))
    for number in (0, 1):
        assert f"Your edit of {Deal.objects.filter(is_private=False).order_by('pk')[number].name} needs you" in page
    assert page.index("Needs you") < page.index("Settled")
    assert "My secret remark" not in page
    mine = Notification.objects.get(settled_at=None)
    assert client.post(f"/notifications/{mine.pk}/")["Location"] == f"/sync/edits/{edit.pk}/"
    mine.refresh_from_db()
    assert mine.read_at


def test_shell_counts_what_is_unread(mirror: Connection, need: Need):
    client = signed_in(mirror)

    def badge() -> str:
        found = re.search(
            r'<span class="badge" id="count-notifications"([^<]*)<', client.get("/profile/").content.decode()
        )
        assert found
        return found[1]

    assert badge() == " hidden>0"
    need(0)
    need(1)
    notices.refresh()
    assert badge() == ">2"
    assert client.post("/notifications/read/").status_code == 302
    assert badge() == " hidden>0"


def test_notifications_are_their_persons_alone(mirror: Connection, need: Need, connect: Connect):
    need()
    notices.refresh()
    row = Notification.objects.get()
    bjorn = signed_in(connect(BJORN))
    assert "Nothing needs you" in text(bjorn.get("/notifications/"))
    assert bjorn.post(f"/notifications/{row.pk}/").status_code == 404
    bjorn.post("/notifications/read/")
    row.refresh_from_db()
    assert row.read_at is None


def test_record_that_its_author_no_longer_sees_is_not_named(mirror: Connection, need: Need):
    edit = need()
    notices.refresh()
    Deal.objects.filter(pk=edit.record_id).update(gone_at=database_now())
    page = text(signed_in(mirror).get("/notifications/"))
    assert "An edit of yours needs you" in page
    assert Deal.objects.get(pk=edit.record_id).name not in page


def test_page_runs_the_same_queries_for_any_number(mirror: Connection, need: Need):
    client = signed_in(mirror)
    counts = []
    for numbers in ((0,), (1, 2, 3)):
        for number in numbers:
            need(number)
        notices.refresh()
        with CaptureQueriesContext(database) as captured:
            client.get("/notifications/")
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- by e-mail ---


def test_digest_holds_several_things_in_one_and_no_values(mirror: Connection, need: Need):
    first, _second = need(0), need(1)
    tell()
    assert mail.outbox == [], "what settles at once is not worth an e-mail"
    later(minutes=3)
    tell()
    [message] = mail.outbox
    assert (message.to, message.subject) == ([mirror.email], "2 things need you in crmportal")
    assert f"Your edit of {Deal.objects.get(pk=first.record_id).name} needs you" in message.body
    assert f"http://127.0.0.1:8000/sync/edits/{first.pk}/" in message.body
    assert "http://127.0.0.1:8000/profile/" in message.body
    assert "secret remark" not in message.body
    tell()
    need(2)
    tell()
    later(minutes=3)
    tell()
    assert len(mail.outbox) == 1, "the next one comes half an hour later at the earliest"
    later(minutes=30)
    tell()
    assert [message.subject for message in mail.outbox[1:]] == ["1 thing needs you in crmportal"]


def test_digest_is_sent_in_its_readers_language_and_to_operators(operator: Any, ada: Connection):
    workers_alive()
    Heartbeat.objects.filter(name="pull").update(at=database_now() - timedelta(minutes=5))
    tell()
    later(minutes=3)
    tell()
    assert [message.to for message in mail.outbox] == [["root@example.com"]]
    assert "worker" in mail.outbox[0].body


@pytest.mark.parametrize("why", ["refused", "read", "settled", "inactive"])
def test_no_digest_where_none_is_wanted(mirror: Connection, need: Need, why: str):
    edit = need()
    tell()
    later(minutes=3)
    if why == "refused":
        form = {"theme": "dark", "language": "", "time_zone": ""}
        assert signed_in(mirror).post("/profile/", form).status_code == 302
        assert not Profile.objects.get(user=mirror.user).emails
    elif why == "read":
        Notification.objects.update(read_at=timezone.now())
    elif why == "settled":
        Edit.objects.filter(pk=edit.pk).update(state=State.DISCARDED)
    else:
        get_user_model().objects.filter(pk=mirror.user.pk).update(is_active=False)
    tell()
    assert mail.outbox == []


def test_server_that_takes_no_mail_loses_nothing(mirror: Connection, need: Need, settings: Any):
    need()
    tell()
    later(minutes=3)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", 1
    tell()
    row = Notification.objects.get()
    assert (row.mailed_at, row.settled_at) == (None, None)
    assert row.mail_tried_at
    settings.EMAIL_BACKEND = working
    tell()
    assert mail.outbox == [], "a server in trouble is left alone for a while"
    later(minutes=11)
    tell()
    assert len(mail.outbox) == 1


def test_address_that_no_mail_can_go_to_holds_up_nobody_and_a_round_ends_with_its_first_failure(
    mirror: Connection, need: Need
):
    other = get_user_model().objects.create(username="operator", email="ops@example.com")
    need()
    tell()
    row = Notification.objects.get()
    Notification.objects.create(user=other, cause=row.cause, key=row.key, about=row.about, created_at=row.created_at)
    Connection.objects.update(email="no\naddress@example.com")
    Notification.objects.update(created_at=row.created_at - timedelta(minutes=3))
    assert digest.send_due() == 0
    row.refresh_from_db()
    assert row.mail_tried_at
    assert digest.send_due() == 1
    assert [message.to for message in mail.outbox] == [["ops@example.com"]]


def test_no_e_mail_is_sent_where_none_is_set_up(mirror: Connection, need: Need, settings: Any, capsys: Any):
    settings.EMAIL_BACKEND = digest.CONSOLE
    need()
    tell()
    later(minutes=3)
    tell()
    assert capsys.readouterr().out == ""
    assert "This installation sends no e-mails." in text(signed_in(mirror).get("/notifications/"))
