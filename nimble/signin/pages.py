"""The page for a sign-in that did not work: what happened, and what to do."""

from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class Reason(StrEnum):
    """Why. Each has its own words in `nimble/signin_failed.html`; what Nimble answered is never shown."""

    DENIED = "denied"
    REFUSED = "refused"
    EXPIRED = "expired"
    MISCONFIGURED = "misconfigured"
    UNREACHABLE = "unreachable"
    NOT_ADMITTED = "not_admitted"
    INACTIVE = "inactive"
    STATE = "state"


STATUS = {Reason.UNREACHABLE: 503, Reason.MISCONFIGURED: 503, Reason.NOT_ADMITTED: 403, Reason.INACTIVE: 403}


def failed(request: HttpRequest, reason: Reason) -> HttpResponse:
    context = {"reason": reason, "public_url": settings.PUBLIC_URL}
    return render(request, "nimble/signin_failed.html", context, status=STATUS.get(reason, 401))
