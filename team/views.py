"""Home, profile, notifications, signs of life, and the pages for what went wrong."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crmportal.htmx import fragment
from nimble.models import Connection
from sync import status
from sync.views.answers import back
from team import digest, notices
from team import palette as finding
from team.forms import PreferencesForm, ProfileForm
from team.models import Notification, Profile

YEAR = 365 * 24 * 3600
LISTED = 100


@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """From "connect" over "syncing" to the board. A first sync that is being watched ends with a button, not a jump."""
    standing = status.standing(request.user)
    if standing.usable and not request.headers.get("HX-Request"):
        return redirect("deals:index")
    return fragment(request, "home.html", "syncing", {"standing": standing})


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    mine: Profile = request.profile  # type: ignore[attr-defined]
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=mine)
    if request.method == "POST" and form.is_valid():
        form.save()
        with override(mine.language or request.LANGUAGE_CODE):
            messages.success(request, _("Saved."))
        return remember(redirect("team:profile"), mine)
    latest = Connection.objects.for_user(request.user).select_related("workspace").latest_first().first()
    context = {"form": form, "latest": latest, "waiting": status.standing(request.user).waiting}
    return render(request, "profile.html", context, status=422 if form.errors else 200)


@require_GET
@never_cache
def palette(request: HttpRequest) -> HttpResponse:
    """What the palette finds by the words in `q`: a fragment."""
    text = request.GET.get("q", "").replace("\x00", "")[:200]
    return render(request, "palette.html", {"groups": finding.find(request.user, text)})


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Theme and language from the person's menu."""
    mine: Profile = request.profile  # type: ignore[attr-defined]
    form = PreferencesForm(request.POST)
    if form.is_valid():
        form.apply(mine)
    return remember(redirect(back(request, "team:profile")), mine)


def remember(response: HttpResponse, mine: Profile) -> HttpResponse:
    """Cookies for the pages before the sign-in, which know nobody's profile."""
    for name, value in (("theme", mine.theme), (settings.LANGUAGE_COOKIE_NAME, mine.language)):
        if value:
            response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
        else:
            response.delete_cookie(name)
    return response


@require_GET
@never_cache
def notifications(request: HttpRequest) -> HttpResponse:
    rows = notices.listed(request.user, most=LISTED)
    shown = notices.of(rows, request.user)
    context = {
        "waiting": [notice for notice in shown if notice.is_open],
        "settled": [notice for notice in shown if not notice.is_open],
        "by_mail": digest.is_set_up(),
    }
    return render(request, "notifications.html", context)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    notices.read(request.user)
    return redirect("team:notifications")


@require_POST
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Read, and on to where it is mended."""
    row = get_object_or_404(Notification, pk=pk, user=request.user)
    notices.read(request.user, row.pk)
    return redirect(notices.of([row], request.user)[0].url)


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
    """Without the request, for its session and its person may be what broke."""
    page = render_to_string("500.html", {"reference": getattr(request, "request_id", "")})
    return HttpResponse(page, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _failed(request, 403, csrf=True)
