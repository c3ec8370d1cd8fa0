"""People who are connected to the sandbox, as a sign-in leaves them. A plugin for every test."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.auth import get_user_model
from django.db.models import F
from django.utils import timezone

from nimble.models import Connection, Workspace
from nimble.registration import social_app
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
