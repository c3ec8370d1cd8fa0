"""Nimble's own figures beside ours, and mending what differs."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from sync import registry, reports, status
from sync.bell import ring_pull
from sync.models import Check
from sync.viewer import viewer
from sync.views.answers import noted, refused


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    standing = status.standing(request.user)
    return render(request, "sync/figures.html", {"figures": reports.figures(standing), "standing": standing})


@require_POST
def repair(request: HttpRequest, name: str) -> HttpResponse:
    """Begin anew what mends the figures of a stream that differ."""
    spec = next((spec for spec in registry.streams() if spec.name == name and spec.repair), None)
    if spec is None or spec.repair is None:
        raise Http404
    connection = viewer(request.user)
    if connection is None:
        return refused(request, _("Connect your Nimble account first."))
    differing = Check.objects.filter(stream__connection=connection, stream__name=name, walks__gt=0)
    spec.repair(connection, list(differing.values_list("key", flat=True)))
    ring_pull()
    answer = noted(request, _("It is read anew and compared again. You can go on working meanwhile."))
    answer["HX-Trigger"] = "sync-changed"
    return answer
