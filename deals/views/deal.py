"""A deal as a page, and as the drawer beside a board."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deals import queries, timeline
from deals.models import Deal
from deals.record import Record
from deals.views import answers, notes
from sync import interest


def visible(request: HttpRequest, pk: int) -> Deal:
    """The deal, or 404 for whoever may not see it."""
    return get_object_or_404(queries.for_user(request.user), pk=pk)


@require_GET
@never_cache
def deal(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole page; with `?drawer=1` the same as a fragment."""
    found = visible(request, pk)
    interest.opened(request.user, found)
    record = Record(found, request.user)
    context = {
        **about(record),
        "groups": record.groups,
        "description": record.row("description"),
        "events": timeline.events(record),
        "related": queries.related_contacts(record.deal, request.user),
        "note_form": notes.blank(),
    }
    template = "deals/drawer.html" if request.GET.get("drawer") else "deals/page.html"
    return render(request, template, context)


@require_GET
@never_cache
def head(request: HttpRequest, pk: int) -> HttpResponse:
    """What stands above the fields; it asks for itself when the deal has changed."""
    return render(request, "deals/head.html", about(Record(visible(request, pk), request.user)))


@require_GET
@never_cache
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """The timeline; it asks for itself when the deal has changed."""
    record = Record(visible(request, pk), request.user)
    return render(
        request, "deals/timeline.html", {"deal": record.deal, "record": record, "events": timeline.events(record)}
    )


@require_GET
@never_cache
def pulse(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the deal's edits on their way have got on since `was`: 204, and if so the event. Writes nothing."""
    found = visible(request, pk)
    response = HttpResponse(status=204)
    return response if queries.on_their_way(found) == request.GET.get("was", "") else answers.tell(response, found)


@require_GET
@never_cache
def fresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the deal has been stored anew since its revision `rev`, which opening it may bring about: 204, and if so
    the event. Writes nothing.
    """
    found = visible(request, pk)
    response = HttpResponse(status=204)
    return response if str(found.rev) == request.GET.get("rev", "") else answers.tell(response, found)


def about(record: Record) -> dict[str, Any]:
    """What the head and the fields of every deal show."""
    return {
        "deal": record.deal,
        "record": record,
        "rows": record.standard,
        "tags": record.row("tags"),
        "amount": record.row("amount"),
        "probability": record.row("probability"),
        "close": record.row("expected_close_date"),
        "move_edit": record.edits.get("stage"),
        "move_refusals": record.refusals("stage"),
        "on_their_way": queries.on_their_way(record.deal),
    }
