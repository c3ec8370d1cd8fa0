"""How an action answers: it says what it did, and leads back to where it was asked for."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, otherwise: str) -> str:
    """The `next` of the form, if it is on this site; no link leads anybody elsewhere."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else otherwise


def done(request: HttpRequest, text: str, otherwise: str = "sync:index", *, undo: str = "") -> HttpResponse:
    """It worked: the page is shown anew, with the notice on it. `undo`: where a POST takes it back."""
    messages.success(request, text, extra_tags=undo)
    if request.headers.get("HX-Request") == "true" and "next" not in request.POST:
        answer = HttpResponse(status=204)
        answer["HX-Refresh"] = "true"
        return answer
    return redirect(back(request, otherwise))


def noted(request: HttpRequest, text: str, otherwise: str = "sync:index") -> HttpResponse:
    """It worked, and nothing on the page is different for it yet: a notice is enough."""
    if request.headers.get("HX-Request") == "true":
        return render(request, "components/toast_oob.html", {"text": text})
    return done(request, text, otherwise)


def refused(request: HttpRequest, text: str, otherwise: str = "sync:index") -> HttpResponse:
    """It could not be done, and nothing changed: a notice says why."""
    if request.headers.get("HX-Request") == "true":
        return render(request, "components/toast_oob.html", {"kind": "error", "text": text}, status=409)
    messages.error(request, text)
    return redirect(back(request, otherwise))
