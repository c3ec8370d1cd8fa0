"""The admin site: second factor, no secrets, and what an operator can do about a connection."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth import get_user_model

from nimble.models import Connection, ConnectionState, Workspace

pytestmark = pytest.mark.django_db

SECRET = "canary-secret-0d3e"
APPS = "/admin/socialaccount/socialapp/"
CONNECTIONS = "/admin/nimble/connection/"


@pytest.fixture
def operator(client):
    operator = get_user_model().objects.create_superuser("root", password="a long enough password")
    TOTP.activate(operator, generate_totp_secret())
    client.force_login(operator)
    return client


@pytest.fixture
def app(nimble):
    return SocialApp.objects.create(provider="nimble", name="Nimble", client_id="sandbox-client", secret=SECRET)


def test_operator_without_a_second_factor_is_sent_to_set_one_up(operator):
    Authenticator.objects.all().delete()
    answer = operator.get("/admin/")
    assert answer.status_code == 302
    assert not admin.site.has_permission(answer.wsgi_request)


def test_password_alone_does_not_sign_an_operator_in(operator):
    operator.logout()
    answer = operator.post("/accounts/login/", {"login": "root", "password": "a long enough password"})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert operator.get("/admin/").status_code == 302


def test_tokens_have_no_page(operator):
    assert not admin.site.is_registered(SocialToken)
    assert operator.get("/admin/socialaccount/socialtoken/").status_code == 404


def test_secret_is_on_no_page(operator, app, connect):
    connection = connect()
    stored = SocialToken.objects.get()
    pages = [APPS, f"{APPS}{app.pk}/change/", f"{APPS}{app.pk}/history/", CONNECTIONS]
    pages += [f"{CONNECTIONS}{connection.pk}/change/", "/admin/socialaccount/socialaccount/"]
    pages += [f"/admin/socialaccount/socialaccount/{connection.account_id}/change/", "/admin/nimble/member/"]
    for page in pages:
        answer = operator.get(page)
        assert answer.status_code == 200, page
        for secret in (SECRET, stored.token, stored.token_secret):
            assert secret not in answer.content.decode()


def test_secret_is_written_and_kept_when_left_empty(operator, app):
    form = {"name": "Nimble", "client_id": "changed", "secret": ""}
    assert operator.post(f"{APPS}{app.pk}/change/", form).status_code == 302
    app.refresh_from_db()
    assert (app.client_id, app.secret) == ("changed", SECRET)
    operator.post(f"{APPS}{app.pk}/change/", {**form, "secret": "a-new-one"})
    app.refresh_from_db()
    assert app.secret == "a-new-one"


def test_app_is_added_for_nimble(operator, db):
    operator.post(f"{APPS}add/", {"name": "Nimble", "client_id": "id", "secret": "s3cret"})
    app = SocialApp.objects.get()
    assert (app.provider, app.client_id, app.secret) == ("nimble", "id", "s3cret")


def test_app_without_a_secret_is_refused(operator, db):
    answer = operator.post(f"{APPS}add/", {"name": "Nimble", "client_id": "id", "secret": ""})
    assert "Nimble gives a secret" in answer.content.decode()
    assert not SocialApp.objects.exists()


def test_secret_that_is_too_long_is_refused_with_the_reason(operator, app):
    form = {"name": "Nimble", "client_id": "id", "secret": "x" * 100}
    answer = operator.post(f"{APPS}{app.pk}/change/", form)
    assert "there is room for 191" in answer.content.decode()
    assert "x" * 100 not in answer.content.decode()


@pytest.mark.parametrize(
    ("action", "state", "tokens"),
    [("ask_to_reconnect", ConnectionState.RECONNECT, 1), ("disconnect", ConnectionState.DISCONNECTED, 0)],
)
def test_operator_stops_a_connection(operator, connect, action, state, tokens):
    connection = connect()
    operator.post(CONNECTIONS, {"action": action, "_selected_action": [connection.pk]})
    connection.refresh_from_db()
    assert (connection.state, connection.is_usable) == (state, False)
    assert SocialToken.objects.count() == tokens


def test_connections_are_not_edited(operator, connect):
    connection = connect()
    assert operator.post(f"{CONNECTIONS}{connection.pk}/change/", {"name": "x"}).status_code == 403
    assert operator.get(f"{CONNECTIONS}add/").status_code == 403
    assert operator.post(f"{CONNECTIONS}{connection.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Connection.objects.get().name != "x"


def test_operator_admits_a_company(operator, db):
    operator.post("/admin/nimble/workspace/add/", {"name": "Friends", "company_id": "c9"})
    assert Workspace.objects.get().company_id == "c9"
    answer = operator.post(
        f"/admin/nimble/workspace/{Workspace.objects.get().pk}/change/", {"name": "F", "company_id": "x"}
    )
    assert answer.status_code == 302
    assert Workspace.objects.values_list("name", "company_id").get() == ("F", "c9")
