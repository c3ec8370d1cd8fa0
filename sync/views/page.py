"""What is in step, what runs, what waits; and the sidebar's sign of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from crmportal.htmx import fragment
from nimble.models import Connection
from sync import entries, everybody, pull, quarantine, questions, reports, sentence, status
from sync.bell import ring_pull
from sync.models import NEEDS_PERSON
from sync.viewer import viewer
from sync.views.answers import noted, refused

QUEUE = 50
# Of those that need their author, who finds them all in the inbox.
NEEDING = 5
SENT = 10


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    standing = status.standing(request.user)
    queue = status.queue(request.user)
    shown = list(queue[: QUEUE + 1])
    going = [edit for edit in shown[:QUEUE] if not edit.needs_person]
    needing = [edit for edit in shown[:QUEUE] if edit.needs_person][:NEEDING]
    more = queue.exclude(state__in=NEEDS_PERSON).count() - len(going) if len(shown) > QUEUE else 0
    everyone = everybody.of(request.user)
    context = {
        "standing": standing,
        "sentence": everyone.sentence if everyone and standing.connection is None else sentence.sentence(standing),
        "pace": reports.pace(standing),
        "flows": reports.flows(standing),
        "runs": reports.runs(standing),
        "entries": entries.of([*going, *needing], request.user),
        "going": len(going) + more,
        "more": more,
        "left": max(standing.needs - len(needing), 0),
        "everybody": everyone,
        "questions": questions.of(request.user),
        "figures": reports.figures(standing),
        "sent": entries.of(status.sent(request.user)[:SENT], request.user),
        "quarantine": quarantine.counted(quarantine.visible(request.user)),
    }
    return fragment(request, "sync/index.html", "standing", context)


@require_GET
@never_cache
def chip(request: HttpRequest) -> HttpResponse:
    """The sidebar's sign; it asks for itself again, and brings the banners, which come and go with it."""
    return render(request, "sync/chip.html")


@require_POST
def now(request: HttpRequest) -> HttpResponse:
    """Ask Nimble for what changed, as soon as a worker hears of it."""
    connection = viewer(request.user)
    if connection is None:
        return refused(request, _("Connect your Nimble account first."))
    look(connection)
    return noted(request, _("Looking for changes in Nimble."))


@require_POST
def full(request: HttpRequest) -> HttpResponse:
    """Read everything anew. Nothing is lost by it, but it takes as long as the first sync did."""
    connection = viewer(request.user)
    if connection is None:
        return refused(request, _("Connect your Nimble account first."))
    pull.sync_again(connection)
    ring_pull()
    return noted(request, _("Everything is read anew. You can go on working meanwhile."))


def look(connection: Connection) -> None:
    """Make every stream due, and ring the bell. A lost bell costs five seconds: beat rings anyway."""
    pull.sync_now(connection)
    ring_pull()
