"""Towards Nimble's consent page, and back from it."""

from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from nimble.registration import social_app
from nimble.signin.adapter import NimbleAdapter
from nimble.signin.pages import Reason, failed

# What Nimble's documents say it sends back to the redirect, and whose doing it is.
ERRORS = {
    "access_denied": Reason.DENIED,
    "invalid_request": Reason.MISCONFIGURED,
    "invalid_client": Reason.MISCONFIGURED,
    "unauthorized_client": Reason.MISCONFIGURED,
    "invalid_scope": Reason.MISCONFIGURED,
    "server_error": Reason.UNREACHABLE,
    "temporarily_unavailable": Reason.UNREACHABLE,
}

_login = OAuth2LoginView.adapter_view(NimbleAdapter)
_callback = OAuth2CallbackView.adapter_view(NimbleAdapter)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def oauth2_login(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Asks before it leaves: a link from elsewhere must not sign anybody in as somebody."""
    if social_app() is None:
        return failed(request, Reason.MISCONFIGURED)
    if request.method != "POST":
        return render(request, "nimble/signin.html", {"next": get_next_redirect_url(request)})
    return _login(request, *args, **kwargs)


@login_not_required
@never_cache
@require_GET
def oauth2_callback(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Errors come first: Nimble may send them without the state. They change nothing here, so that is safe."""
    if "error" in request.GET:
        return failed(request, ERRORS.get(request.GET["error"], Reason.REFUSED))
    if social_app() is None:
        return failed(request, Reason.MISCONFIGURED)
    return _callback(request, *args, **kwargs)
