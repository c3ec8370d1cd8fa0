"""Nimble's OAuth, as allauth asks for it. All HTTP goes through our own transport."""

import time
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from nimble import oauth, transport
from nimble.errors import BadAnswer, NimbleError
from nimble.oauth import InvalidGrant, Pair
from nimble.signin import admission
from nimble.signin.pages import Reason, failed

# Somebody is looking at an empty page meanwhile, and a web process waits with them.
PATIENCE = 5.0


class NimbleAdapter(OAuth2Adapter):
    provider_id = "nimble"
    scope_delimiter = ","
    access_token_url = oauth.TOKEN_PATH

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.deadline = time.monotonic() + PATIENCE

    @property
    def authorize_url(self) -> str:
        return transport.origin(settings.NIMBLE_BASE_URL) + "/oauth/authorize"

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """From the settings, not from the request: it must be the one that Nimble knows, each time."""
        return settings.PUBLIC_URL + reverse("nimble_callback")

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str | None = None
    ) -> Pair:
        code = request.GET.get("code", "")
        try:
            return oauth.exchange_code(app, code, self.get_callback_url(request, app), timeout=self._timeout())
        except InvalidGrant:
            reason = Reason.EXPIRED
        except NimbleError as error:
            reason = _reason(error)
        raise ImmediateHttpResponse(failed(request, reason))

    def parse_token(self, data: Pair) -> SocialToken:
        expires_at = timezone.now() + data.lifetime if data.lifetime else None
        return SocialToken(token=data.access, token_secret=data.refresh, expires_at=expires_at)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Ask Nimble who this is, and whether they may come in, before anything is stored."""
        try:
            myself, _exchange = transport.send(
                "GET", "/api/v1/myself", operation="get-myself", token=token.token, timeout=self._timeout()
            )
            person = _checked(myself)
        except NimbleError as error:
            raise ImmediateHttpResponse(failed(request, _reason(error))) from None
        refusal = admission.refusal(request, person)
        if refusal:
            raise ImmediateHttpResponse(failed(request, refusal))
        admission.before_sign_in(person)
        return self.get_provider().sociallogin_from_response(request, person)

    def _timeout(self) -> tuple[float, float]:
        """What is left of our patience: for connecting, and for the answer."""
        left = max(self.deadline - time.monotonic(), 0.2)
        return left * 0.4, left * 0.6


def _checked(myself: dict[str, Any]) -> dict[str, Any]:
    """The fields that identify a person, as texts that fit. Raises BadAnswer."""
    ids = [myself.get(key) for key in ("user_id", "company_id")]
    if not all(isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable() for value in ids):
        raise BadAnswer("Nimble did not say who this is.", operation="get-myself")
    texts = {key: myself[key] for key in ("name", "email") if isinstance(myself.get(key), str)}
    return {**texts, "user_id": ids[0], "company_id": ids[1]}


def _reason(error: NimbleError) -> Reason:
    if isinstance(error, oauth.AppRefused):
        return Reason.MISCONFIGURED
    return Reason.UNREACHABLE if error.retryable else Reason.REFUSED
