"""What gets into the logs: who did what when, with ids; never a token, a code, a secret or a note."""

import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from decimal import InvalidOperation
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from allauth.socialaccount.models import SocialToken
from django.db import DatabaseError, IntegrityError
from django.test import Client

from contacts import actions as contact_actions
from contacts.models import Contact
from crmportal.logs import HIDDEN
from deals import actions
from deals.models import Deal
from nimble.models import Connection
from sync import outbox, pull
from sync.models import Edit, State
from tests.people import ADA
from tests.sandboxes import SandboxServer

NOTE = "canary-note: they will sell in May"
TITLE = "canary-title"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that the handler that ships would write, at the most talkative level."""
    shipped = next(each for each in logging.getLogger().handlers if "Processor" in type(each.formatter).__name__)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(shipped.formatter)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "event",
    [
        {"access_token": "canary"},
        {"refresh_token": "canary"},
        {"client_secret": "canary"},
        {"password": "canary"},
        {"code": "canary"},
        {"Authorization": "Bearer canary"},
        {"headers": {"Cookie": "sessionid=canary"}},
        {"note": "canary"},
        {"body": "canary"},
        {"payload": {"fields": [{"note_preview": "canary"}]}},
        {"url": "https://app.nimble.com/api/v1/myself?access_token=canary&x=1"},
        {"path": "/accounts/nimble/login/callback/?state=1&code=canary"},
        {"path": "/claim/canary/"},
        {"answer": '{"refresh_token": "canary", "expires_in": 599}'},
        {"said": "grant_type=refresh_token&refresh_token=canary&client_secret=canary"},
        {"said": "Authorization: Bearer canary"},
    ],
)
def test_secret_is_hidden_wherever_it_stands(written: io.StringIO, event: dict[str, object]):
    structlog.get_logger("test").warning("something happened", **event)
    assert "canary" not in written.getvalue()
    assert HIDDEN in written.getvalue()
    assert lines(written)[-1]["event"] == "something happened"


def test_secret_is_hidden_in_a_librarys_message_and_in_a_traceback(written: io.StringIO):
    logging.getLogger("some.library").warning("GET %s", "/?code=canary&state=2")
    try:
        raise ValueError("token=canary")
    except ValueError:
        structlog.get_logger("test").exception("failed", token="canary")
    assert "canary" not in written.getvalue()
    assert "ValueError" in written.getvalue()


@pytest.mark.django_db(transaction=True)
def test_signing_in_pulling_writing_and_failing_leave_no_secret(
    written: io.StringIO, nimble: SandboxServer, settings, client: Client
):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    away = client.post("/accounts/nimble/login/")["Location"]
    back = urlsplit(nimble.consent(away, ADA))
    code = parse_qs(back.query)["code"][0]
    assert client.get(f"{back.path}?{back.query}").status_code == 302
    connection = Connection.objects.get()
    secrets = {code, "sandbox-secret", client.session.session_key, *pair(connection)}
    pull.pull(connection)

    contact = Contact.objects.filter(gone_at=None, record_type="person")[0]
    deal = Deal.objects.filter(gone_at=None)[0]
    contact_actions.write_note(author=connection.user, contact=contact, text=NOTE)
    actions.write_note(author=connection.user, deal=deal, title=TITLE, body=NOTE)
    nimble.expire(ADA)
    outbox.deliver()
    secrets |= set(pair(connection))
    assert set(Edit.objects.values_list("state", flat=True)) == {State.CONFIRMED}

    actions.write_note(author=connection.user, deal=deal, title=TITLE, body=NOTE + " again")
    nimble.fault(method="POST", path="/api/v2/deals/*", status=500, times=1)
    outbox.deliver()
    nimble.revoke(ADA)
    Edit.objects.filter(state=State.RETRYING).update(not_before=None)
    outbox.deliver()
    client.get("/sync/")

    text = written.getvalue()
    assert {name for name in (*secrets, NOTE, TITLE) if name and name in text} == set()
    told = {line["event"] for line in lines(written)}
    assert {"request", "edit recorded", "edit confirmed", "edit stopped", "pull done"} <= told


def pair(connection: Connection) -> tuple[str, str]:
    token = SocialToken.objects.get(account=connection.account)
    return token.token, token.token_secret


@pytest.mark.django_db
def test_request_is_logged_once_with_the_id_that_the_answer_carries(written: io.StringIO, client: Client):
    answer = client.get("/sync/?token=canary")
    requests = [line for line in lines(written) if line["event"] == "request"]
    assert [(line["path"], line["status"], line["request_id"]) for line in requests] == [
        ("/sync/", 302, answer["X-Request-ID"])
    ]
    assert "canary" not in written.getvalue()


@pytest.mark.parametrize("error", [DatabaseError, IntegrityError, ValueError, InvalidOperation, sqlite3.DataError])
def test_exception_that_may_quote_a_record_is_logged_without_its_text(written: io.StringIO, error: type[Exception]):
    try:
        try:
            raise error(f'JSON data, line 1: {{"note": "{NOTE}"}}')
        except error as cause:
            raise RuntimeError("ours") from cause
    except RuntimeError:
        structlog.get_logger("sync.push").exception("push failed")
    [line] = lines(written)
    told = str(line["exception"])
    assert ("RuntimeError: ours" in told, error.__name__ in told, __file__ in told) == (True, True, True)
    assert NOTE not in written.getvalue()
