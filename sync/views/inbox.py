"""The inbox: what waits for a person, by cause."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from sync import bell, inbox, quarantine
from sync.viewer import viewer
from sync.views.answers import noted, refused


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """All causes with the first few edits of each; with `cause` that one alone."""
    cause = request.GET.get("cause", "")
    cause = cause if cause in inbox.CAUSES else ""
    groups = inbox.groups(request.user, cause)
    context = {
        "groups": groups,
        "cause": inbox.CAUSES.get(cause),
        "quarantined": [] if cause else quarantine.kept(request.user),
        "waiting": sum(group.count for group in groups),
    }
    return render(request, "sync/inbox.html", context)


@require_POST
def read_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a worker ask Nimble for a record that could not be stored."""
    row = get_object_or_404(quarantine.visible(request.user), pk=pk)
    connection = viewer(request.user)
    if connection is None:
        return refused(request, _("Connect your Nimble account first."), "inbox:index")
    bell.ring_quarantined(row.pk, connection.pk)
    return noted(request, _("It is read anew. If it can be stored now, it leaves this list."), "inbox:index")
