"""The buttons of one stream: now, pause, go on, all anew."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nimble.models import Connection
from sync import pull, registry, reports, status
from sync.bell import ring_pull
from sync.viewer import viewer
from sync.views.answers import noted, refused


@require_POST
def now(request: HttpRequest, name: str) -> HttpResponse:
    return _act(request, name, pull.sync_now, _("Looking for changes in Nimble."))


@require_POST
def pause(request: HttpRequest, name: str) -> HttpResponse:
    return _act(request, name, pull.pause, _("Paused. Nothing more of it is read until you resume it."))


@require_POST
def resume(request: HttpRequest, name: str) -> HttpResponse:
    return _act(request, name, pull.resume, _("It goes on from where it stopped."))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def full(request: HttpRequest, name: str) -> HttpResponse:
    """What reading a stream anew costs; a POST does it."""
    if request.method == "POST":
        return _act(request, name, pull.sync_again, _("It is read anew. You can go on working meanwhile."))
    _known(name)
    standing = status.standing(request.user)
    if standing.connection is None:
        return refused(request, _("Connect your Nimble account first."))
    template = "sync/full_dialog.html" if request.headers.get("HX-Request") else "sync/full.html"
    return render(request, template, {"flow": reports.flow(standing, name)})


def _known(name: str) -> None:
    if name not in {spec.name for spec in registry.streams()}:
        raise Http404


def _act(request: HttpRequest, name: str, action: Callable[[Connection, str], None], text: str) -> HttpResponse:
    _known(name)
    connection = viewer(request.user)
    if connection is None:
        return refused(request, _("Connect your Nimble account first."))
    action(connection, name)
    ring_pull()
    answer = noted(request, text)
    answer["HX-Trigger"] = "sync-changed, close-dialog"
    return answer
