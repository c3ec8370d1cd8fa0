"""Taking an installation with its one-time link, and leaving Nimble again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nimble import tokens
from nimble.models import Claim, Connection
from nimble.signin.admission import CLAIM_KEY


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link uses nothing up, so that a mail scanner may; the button leads on to Nimble."""
    token_hash = Claim.hash(token)
    if not Claim.objects.open(token_hash):
        return render(request, "nimble/claim.html", {"is_open": False}, status=410)
    if request.method != "POST":
        return render(request, "nimble/claim.html", {"is_open": True})
    request.session[CLAIM_KEY] = token_hash
    return redirect("nimble_login")


@login_required
@require_POST
def disconnect(request: HttpRequest) -> HttpResponse:
    for connection in Connection.objects.for_user(request.user):
        tokens.forget(connection)
    messages.success(request, _("Disconnected from Nimble. What was mirrored stays."))
    return redirect("/")
