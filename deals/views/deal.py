"""A deal as a page, and as the drawer beside a board."""

from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from crmportal.htmx import fragment
from deals import beside, moves, overdue, queries, timeline
from deals import files as filing
from deals.models import Deal
from deals.record import Record
from deals.views import answers, notes
from sync import interest
from sync.models import OVERLAID, Edit


def visible(request: HttpRequest, pk: int) -> Deal:
    """The deal, or 404 for whoever may not see it."""
    return get_object_or_404(queries.for_user(request.user), pk=pk)


def editable(request: HttpRequest, pk: int) -> Deal:
    """The deal, or 404 also for whom Nimble does not let change it."""
    deal = visible(request, pk)
    if not queries.is_editable(deal, request.user):
        raise Http404
    return deal


@require_GET
@never_cache
def deal(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole page; with `?drawer=1` the same as a fragment."""
    found = queries.for_user(request.user).filter(pk=pk).first()
    if found is None:
        return leaving(request, get_object_or_404(queries.leaving(request.user), pk=pk))
    interest.opened(request.user, found)
    record = Record(found, request.user)
    context = {
        **about(record),
        "groups": record.groups,
        "description": record.row("description"),
        "events": timeline.events(record),
        "note_form": notes.blank(),
        **hanging(record),
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
def next_to(request: HttpRequest, pk: int) -> HttpResponse:
    """What stands beside the fields; it asks for itself when the deal has changed."""
    return render(request, "deals/beside.html", hanging(Record(visible(request, pk), request.user)))


@require_GET
@never_cache
def pulse(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the deal's edits on their way have got on since `was`: 204, and if so the event. Writes nothing."""
    found = visible(request, pk)
    response = HttpResponse(status=204)
    return response if beside.on_their_way(found) == request.GET.get("was", "") else answers.tell(response, found)


@require_GET
@never_cache
def fresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether the deal, or what is overdue of it, has been stored anew since `as_of`, which opening it may bring about:
    204, and if so the event. Writes nothing.
    """
    found = visible(request, pk)
    response = HttpResponse(status=204)
    return (
        response
        if as_of(Record(found, request.user)) == request.GET.get("as_of", "")
        else answers.tell(response, found)
    )


def as_of(record: Record) -> str:
    """What tells one state of what is stored of a deal from another."""
    return f"{record.deal.rev}-{record.overdue.changed_at.timestamp() if record.overdue else 0}"


def leaving(request: HttpRequest, deal: Deal) -> HttpResponse:
    """In place of a deal that is on its way out of Nimble."""
    deletes = Edit.objects.filter(
        kind=Deal.kind, record_id=deal.pk, operation=Edit.Operation.DELETE, state__in=OVERLAID
    )
    edit = deletes.order_by("-pk").first()
    context = {"deal": deal, "edit": edit, "mine": edit is not None and edit.author_id == request.user.pk}
    return fragment(request, "deals/leaving.html", "note", context)


def about(record: Record) -> dict[str, Any]:
    """What the head and the fields of every deal show."""
    return {
        "deal": record.deal,
        "record": record,
        "rows": record.standard,
        "tags": record.row("tags"),
        "privacy": record.row("privacy"),
        "amount": record.row("amount"),
        "probability": record.row("probability"),
        "close": record.row("expected_close_date"),
        "move_edit": record.edits.get("stage"),
        "move_refusals": record.refusals("stage"),
        "as_of": as_of(record),
        "on_their_way": beside.on_their_way(record.deal),
    }


def hanging(record: Record) -> dict[str, Any]:
    """What is beside the fields of every deal."""
    return {
        "deal": record.deal,
        "record": record,
        "people": beside.people(record.deal, record.values.get("contacts") or [], record.user),
        "people_edit": record.edits.get("contacts"),
        "files": filing.of(record.deal, record.user, record.changed_files),
        "stays": stays(record),
        "overdue": overdue.of(record.overdue, record.user),
    }


class Stayed(NamedTuple):
    """A time in a stage. `is_late`: longer than the stage's expected days. `is_elsewhere`: in another pipeline."""

    stay: moves.Stay
    stage: str
    seconds: float
    is_late: bool
    is_elsewhere: bool


def stays(record: Record) -> list[Stayed]:
    """The stages that the deal went through, the last one first; other pipelines by name only where one sees them."""
    seen = {laid.pipeline.nimble_id for laid in record.known}
    here = record.laid.pipeline.nimble_id if record.laid else ""
    expected = {stage.name: stage.expected_days for stage in (record.laid.stages if record.laid else [])}
    found = []
    for stay in reversed(moves.of(record.deal)):
        is_elsewhere = stay.pipeline_nimble_id != here
        name = stay.stage if not is_elsewhere else f"{stay.pipeline} · {stay.stage}"
        if stay.pipeline_nimble_id not in seen:
            name = _("A stage that you do not see")
        days = None if is_elsewhere else expected.get(stay.stage)
        seconds = stay.lasted.total_seconds()
        found.append(Stayed(stay, name, seconds, days is not None and seconds > days * 86400, is_elsewhere))
    return found
