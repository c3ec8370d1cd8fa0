"""Nimble's token endpoint: a code or a refresh token in, a pair of tokens out.

What it answers holds secrets, or echoes what was sent, so errors raised here have our own words only.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.socialaccount.models import SocialApp

from nimble import transport
from nimble.answers import failure
from nimble.errors import AppRefused, BadAnswer, NeedsReconnect

TOKEN_PATH = "/api/oauth/token"  # noqa: S105 - a path


@dataclass(frozen=True, repr=False)
class Pair:
    """An access token, the refresh token to renew it with ("" if none was sent) and how long the former lasts from when
    it was asked for, if told.
    """

    access: str
    refresh: str
    lifetime: timedelta | None


class InvalidGrant(NeedsReconnect):
    """The code or the refresh token is unknown, used up or revoked."""


def exchange_code(app: SocialApp, code: str, redirect_uri: str, *, timeout: tuple[float, float] | None = None) -> Pair:
    grant = {"grant_type": "authorization_code", "code": code}
    return _pair("oauth-code", app, redirect_uri, grant, timeout)


def refresh(app: SocialApp, refresh_token: str, redirect_uri: str, *, timeout: tuple[float, float]) -> Pair:
    grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _pair("oauth-refresh", app, redirect_uri, grant, timeout)


def _pair(
    operation: str, app: SocialApp, redirect_uri: str, grant: dict[str, str], timeout: tuple[float, float] | None
) -> Pair:
    form = {**grant, "client_id": app.client_id, "client_secret": app.secret, "redirect_uri": redirect_uri}
    answer = transport.exchange("POST", TOKEN_PATH, operation=operation, form=form, timeout=timeout)
    known: dict[str, Any] = {
        "status": answer.status,
        "operation": operation,
        "request_id": answer.exchange.request_id,
    }
    content = answer.content if isinstance(answer.content, dict) else {}
    if 200 <= answer.status < 300:
        access, renew = content.get("access_token"), content.get("refresh_token")
        if not isinstance(access, str) or not access:
            raise BadAnswer(**known)
        return Pair(access, renew if isinstance(renew, str) else "", _lifetime(content.get("expires_in")))
    if 400 <= answer.status < 500 and answer.status != 429:
        if content.get("error") == "invalid_grant":
            raise InvalidGrant(**known)
        raise AppRefused(**known)
    failed = failure(answer.status, answer.headers, None, operation=operation, request_id=known["request_id"])
    raise failed or BadAnswer(**known)


def _lifetime(value: Any) -> timedelta | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return timedelta(seconds=seconds) if 0 < seconds < 10**9 else None
