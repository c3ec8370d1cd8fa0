"""How what was done to a deal is answered: with a notice, and the event on which whatever shows the deal reads anew."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from deals.models import Deal
from sync.views.answers import back

__all__ = ["back", "changed", "refused", "tell"]


def tell(response: HttpResponse, deal: Deal) -> HttpResponse:
    """Let the board, and the deal's own page, know that it changed."""
    response["HX-Trigger"] = json.dumps({"deal-changed": {"deal": deal.pk}, "close-dialog": ""})
    return response


def changed(request: HttpRequest, deal: Deal, text: str, *, undo: str = "") -> HttpResponse:
    """It worked: for htmx a notice and the event, else back to where it was asked for."""
    if getattr(request, "htmx", False):
        return tell(render(request, "components/toast_oob.html", {"text": text, "undo": undo}), deal)
    messages.success(request, text)
    return redirect(back(request, deal.get_absolute_url()))


def refused(request: HttpRequest, deal: Deal, text: str) -> HttpResponse:
    """It could not be done, and nothing changed: a notice says why."""
    if getattr(request, "htmx", False):
        return render(request, "components/toast_oob.html", {"kind": "error", "text": text}, status=409)
    messages.error(request, text)
    return redirect(back(request, deal.get_absolute_url()))
