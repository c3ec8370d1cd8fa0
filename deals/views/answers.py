"""How what was done to a deal is answered: with a notice, and the event on which whatever shows the deal reads anew."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from deals.models import Deal
from sync.models import Edit
from sync.views.answers import back

__all__ = ["back", "changed", "refused", "tell", "undo"]


def undo(deal: Deal, edit: Edit | None) -> str:
    """Where an edit of a deal, or of what hangs on it, is taken back; "" where there is nothing to take back."""
    return reverse("deals:undo", args=[deal.pk, edit.pk]) if edit else ""


def tell(response: HttpResponse, deal: Deal) -> HttpResponse:
    """Let the board, and the deal's own page, know that it changed. Whatever dialog is open there stays."""
    response["HX-Trigger"] = json.dumps({"deal-changed": {"deal": deal.pk}})
    return response


def changed(request: HttpRequest, deal: Deal, text: str, *, undo: str = "") -> HttpResponse:
    """It worked: for htmx a notice, the event, and the end of its dialog; else back to where it was asked for."""
    if getattr(request, "htmx", False):
        response = render(request, "components/toast_oob.html", {"text": text, "undo": undo})
        response["HX-Trigger"] = json.dumps({"deal-changed": {"deal": deal.pk}, "close-dialog": ""})
        return response
    messages.success(request, text)
    return redirect(back(request, deal.get_absolute_url()))


def refused(request: HttpRequest, deal: Deal, text: str) -> HttpResponse:
    """It could not be done, and nothing changed: a notice says why."""
    if getattr(request, "htmx", False):
        return render(request, "components/toast_oob.html", {"kind": "error", "text": text}, status=409)
    messages.error(request, text)
    return redirect(back(request, deal.get_absolute_url()))


def left(request: HttpRequest, deal: Deal, where: str, text: str, *, undo: str = "") -> HttpResponse:
    """The deal is gone from its page: the drawer closes over whatever it lay on, else it goes on to `where`."""
    if getattr(request, "htmx", False) and request.POST.get("drawer"):
        response = render(request, "components/toast_oob.html", {"text": text, "undo": undo})
        response["HX-Trigger"] = json.dumps({"close-dialog": "", "close-drawer": "", "deal-gone": {"deal": deal.pk}})
        return response
    messages.success(request, text, extra_tags=undo)
    return redirect(where)
