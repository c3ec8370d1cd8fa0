"""The admin site: who gets in, and what it never shows."""

import re
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.test import Client

from nimble.models import Connection
from sync.models import Edit, Run, State, Stream

PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXP"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def operator(db):
    return get_user_model().objects.create_superuser("root", "root@example.test", PASSWORD)


@pytest.fixture
def admin_client(operator) -> Client:
    """An operator with a second factor."""
    TOTP.activate(operator, SECRET)
    client = Client()
    client.force_login(operator)
    return client


def test_admin_leads_a_fresh_superuser_to_a_second_factor_and_then_lets_them_in(operator):
    client = Client()
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/?next=%2Fadmin%2F"
    answer = client.post("/accounts/login/?next=/admin/", {"login": "root", "password": PASSWORD}, follow=True)
    again = answer.redirect_chain[-1][0]
    assert again == "/accounts/reauthenticate/?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"
    answer = client.post(again, {"password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/totp/activate/"
    secret = answer.context["form"].secret
    assert "data:image/svg+xml;base64," in answer.content.decode()
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/recovery-codes/"
    assert client.get("/admin/").status_code == 200
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}


def test_admin_asks_for_the_code_at_the_next_sign_in(operator):
    TOTP.activate(operator, SECRET)
    client = Client()
    answer = client.post("/accounts/login/?next=/admin/", {"login": "root", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/authenticate/"
    assert client.get("/admin/").status_code == 302
    code = format_hotp_value(hotp_value(SECRET, next(yield_hotp_counters_from_time())))
    answer = client.post("/accounts/2fa/authenticate/", {"code": code}, follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/"
    assert answer.status_code == 200


def test_admin_is_shut_to_a_member(ada: Connection):
    client = Client()
    client.force_login(ada.user)
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/").status_code == 403


@pytest.fixture
def secret_edit(ada: Connection) -> Edit:
    return Edit.objects.create(
        workspace=ada.workspace,
        connection=ada,
        author=ada.user,
        kind="deal",
        record_id=7,
        fields={"description": {"base": "canary-base", "new": "canary-new", "theirs": "canary-theirs"}},
        state=State.REJECTED,
        error={"reason": "Invalid", "message": "canary-said", "fields": {"description": ["canary-field"]}},
        created_at=AT,
    )


def test_admin_shows_names_and_states_of_edits_and_no_value(admin_client: Client, secret_edit: Edit):
    for path in ("/admin/sync/edit/", f"/admin/sync/edit/{secret_edit.pk}/change/"):
        page = admin_client.get(path)
        assert page.status_code == 200
        assert "description" in page.content.decode()
        assert "Invalid" in page.content.decode()
        assert "canary" not in page.content.decode()
    assert admin_client.get("/admin/sync/edit/?q=canary-new").context["cl"].result_count == 0


def test_admin_offers_no_way_to_change_an_edit(admin_client: Client, secret_edit: Edit):
    page = admin_client.get(f"/admin/sync/edit/{secret_edit.pk}/change/").content.decode()
    # The list of attempts counts itself in hidden inputs.
    typable = r'<(input(?! type="hidden")|textarea|select)[^>]* name="'
    assert not re.search(typable, page.partition('id="content"')[2])
    assert admin_client.post(f"/admin/sync/edit/{secret_edit.pk}/change/", {"state": "confirmed"}).status_code == 403
    assert admin_client.get("/admin/sync/edit/add/").status_code == 403


def test_admin_shows_no_second_factor_secret(admin_client: Client, operator):
    one = Authenticator.objects.get(user=operator)
    page = admin_client.get(f"/admin/mfa/authenticator/{one.pk}/change/")
    assert page.status_code == 200
    assert SECRET not in page.content.decode()


def test_admin_runs_a_stream_now_and_pauses_it(admin_client: Client, ada: Connection):
    stream = Stream.objects.create(connection=ada, name="contacts", next_run_at=AT)
    Run.objects.create(
        stream=stream, started_at=AT, moved_at=AT, state=Run.State.FAILED, error="Nimble did not answer."
    )
    for action in ("run_now", "pause"):
        form = {"action": action, "_selected_action": [stream.pk]}
        assert admin_client.post("/admin/sync/stream/", form).status_code == 302
    stream.refresh_from_db()
    assert (stream.next_run_at, stream.paused) == (None, True)
    runs = admin_client.get("/admin/sync/run/").content.decode()
    assert "Nimble did not answer in time." in runs
    assert str(ada) in runs


@pytest.mark.parametrize(
    "path",
    [
        "nimble/workspace",
        "nimble/connection",
        "django_celery_beat/periodictask",
        "sync/heartbeat",
        "sync/brake",
        "sync/check",
    ],
)
def test_admin_lists(admin_client: Client, ada: Connection, path: str):
    assert admin_client.get(f"/admin/{path}/").status_code == 200


@pytest.mark.parametrize("model", admin.site._registry, ids=str)
def test_names_of_many_are_words(model: type[Model]):
    assert not re.search(r"(ch|sh|s|x|z|[^aeiou]y)s$", str(model._meta.verbose_name_plural))
