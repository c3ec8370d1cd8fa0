"""Home, profile, signs of life, and the pages for what went wrong."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from sync import status
from sync.viewer import viewer


def home(request: HttpRequest) -> HttpResponse:
    """From "connect" over "syncing" to the board."""
    connection = viewer(request.user)
    if connection and status.usable(connection):
        return redirect("deals:index")
    return render(request, "home.html", {"connection": connection})


def profile(request: HttpRequest) -> HttpResponse:
    return render(request, "profile.html", {})


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Says nothing else, for it asks nobody to sign in."""
    return JsonResponse({"status": "ok"})


def _failed(request: HttpRequest, status_code: int, **context: Any) -> HttpResponse:
    context["reference"] = getattr(request, "request_id", "")
    return render(request, f"{status_code}.html", context, status=status_code)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _failed(request, 403, reason=str(exception or ""))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _failed(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _failed(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _failed(request, 403, csrf=True)
