"""People who are connected to the sandbox."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import urllib3
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from nimble import transport
from nimble.models import Connection, Workspace
from nimble.registration import social_app
from tests.contract import spec
from tests.contract.checker import check_exchange
from tests.sandboxes import SandboxServer

REDIRECT_URI = "http://127.0.0.1:8000/accounts/nimble/login/callback/"
ADA = "ada@lantern-pine.test"
BJORN = "bjorn@lantern-pine.test"
EVE = "eve@lantern-pine.test"
ZOE = "zoe@elsewhere.test"

Connect = Callable[..., Connection]


@pytest.fixture
def nimble(settings, sandbox: SandboxServer) -> SandboxServer:
    """The sandbox, with the settings that lead there."""
    settings.NIMBLE_BASE_URL = sandbox.url
    settings.NIMBLE_CLIENT_ID = "sandbox-client"
    settings.NIMBLE_CLIENT_SECRET = "sandbox-secret"
    return sandbox


@pytest.fixture
def app(db, nimble: SandboxServer) -> SocialApp:
    app = social_app()
    assert app is not None
    return app


@pytest.fixture
def connect(app: SocialApp, nimble: SandboxServer) -> Connect:
    """A person with a fresh pair of tokens, as a sign-in leaves them."""

    def make(email: str = ADA) -> Connection:
        person = nimble.users[email]
        pair = nimble.pair_for(email, redirect_uri=REDIRECT_URI)
        workspace, _ = Workspace.objects.get_or_create(company_id=person["company_id"])
        user = get_user_model().objects.create_user(f"nimble-{person['user_id']}")
        account = SocialAccount.objects.create(user=user, provider="nimble", uid=person["user_id"])
        now = timezone.now()
        SocialToken.objects.create(
            app=app,
            account=account,
            token=pair["access_token"],
            token_secret=pair["refresh_token"],
            expires_at=now + timedelta(seconds=pair["expires_in"]),
        )
        return Connection.objects.create(
            workspace=workspace,
            user=user,
            account=account,
            nimble_user_id=person["user_id"],
            name=person["name"],
            redirect_uri=REDIRECT_URI,
            token_refreshed_at=now,
        )

    return make


def expire(connection: Connection) -> None:
    """The access token has ended, by our clock."""
    SocialToken.objects.filter(account=connection.account).update(expires_at=timezone.now() - timedelta(seconds=1))


def person(first: str = "Grace", last: str = "Hopper") -> dict:
    fields = {"first name": [{"value": first, "modifier": ""}], "last name": [{"value": last, "modifier": ""}]}
    return {"record_type": "person", "fields": fields}


@pytest.fixture
def by_contract(monkeypatch) -> None:
    """Holds every exchange of this test to the published specification, where that is at hand."""
    if spec.is_there():
        monkeypatch.setattr(transport, "_Adapter", CheckingAdapter)
        monkeypatch.setattr(transport, "_local", threading.local())


class CheckingAdapter(transport._Adapter):
    """Reads the answer, checks the exchange, and hands the same bytes on."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        raw = response.raw
        content = raw.read(decode_content=False)

        def again() -> urllib3.HTTPResponse:
            return urllib3.HTTPResponse(
                io.BytesIO(content), headers=raw.headers, status=raw.status, preload_content=False
            )

        check_exchange(request, self.build_response(request, again()))
        response.raw = again()
        return response


@pytest.fixture
def django_client_factory() -> type[Client]:
    """For a second browser."""
    return Client
