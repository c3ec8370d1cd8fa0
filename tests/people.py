"""People who are connected to the sandbox, as a sign-in leaves them. A plugin for every test."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import requests
import urllib3
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.auth import get_user_model
from django.db.models import F
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


class CheckingAdapter(transport._Adapter):
    """Reads the answer, checks the exchange, and hands the same bytes on.

    Most tests read the same world, and checking takes longer than reading: what was right once is not checked again.
    """

    right: ClassVar[set[int]] = set()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        raw = response.raw
        content = raw.read(decode_content=False)

        def again() -> urllib3.HTTPResponse:
            return urllib3.HTTPResponse(
                io.BytesIO(content), headers=raw.headers, status=raw.status, preload_content=False
            )

        sent = (request.method, request.path_url, "Authorization" in request.headers, request.body)
        exchange = hash((*sent, raw.status, raw.headers.get("Content-Type"), content))
        if exchange not in self.right:
            check_exchange(request, self.build_response(request, again()))
            self.right.add(exchange)
        response.raw = again()
        return response


@pytest.fixture
def by_contract(request: pytest.FixtureRequest, monkeypatch) -> None:
    """Holds every exchange of this test to the published specification, where that is at hand.

    A test marked `broken_answers` makes Nimble break it.
    """
    if spec.is_there() and not request.node.get_closest_marker("broken_answers"):
        monkeypatch.setattr(transport, "_Adapter", CheckingAdapter)
        monkeypatch.setattr(transport, "_local", threading.local())


@pytest.fixture
def nimble(settings, sandbox: SandboxServer, by_contract: None) -> SandboxServer:
    """The sandbox, with the settings that lead there; every exchange with it is checked."""
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
    """A person with a fresh pair of tokens."""

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
            email=person["email"],
            redirect_uri=REDIRECT_URI,
            token_refreshed_at=now,
        )

    return make


def sign_in_again(connection: Connection, nimble: SandboxServer) -> None:
    """The same person comes back with a new grant."""
    pair = nimble.pair_for(connection.email, redirect_uri=REDIRECT_URI)
    now = timezone.now()
    SocialToken.objects.filter(account=connection.account).delete()
    SocialToken.objects.create(
        app=social_app(),
        account=connection.account,
        token=pair["access_token"],
        token_secret=pair["refresh_token"],
        expires_at=now + timedelta(seconds=pair["expires_in"]),
    )
    state = Connection.State.ACTIVE
    Connection.objects.filter(pk=connection.pk).update(
        state=state, generation=F("generation") + 1, token_refreshed_at=now
    )


@pytest.fixture
def ada(connect: Connect) -> Connection:
    """Ada, who sees almost everything."""
    return connect(ADA)
