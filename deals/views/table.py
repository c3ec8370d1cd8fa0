"""The table of a pipeline: its rows in pieces, its cells to edit, its columns, and the whole of it as a file."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deals import display
from deals.filters import Filters
from deals.live import News, news
from deals.table import Table, export, open_table
from deals.table.columns import moved
from deals.views.board import around, remembered
from deals.views.fields import begun, save
from sync import batches, edits, polls

MOST = 200


@require_GET
@never_cache
def table(request: HttpRequest, pk: int) -> HttpResponse:
    """The table from its beginning, or the piece after a place; without JavaScript, a page from there."""
    found = _open(request, pk)
    page = found.page(request.GET.get("after", ""), request.GET.get("top", ""))
    context: dict[str, Any] = {"table": found, "page": page}
    if getattr(request, "htmx", False) and "after" in request.GET:
        return render(request, "deals/table/more.html", context)
    context |= around(request, found.board) | {
        "surface": "table",
        "most": batches.MOST,
        "is_forecast": False,
        "hidden": found.filters.narrowing and not found.count,
    }
    return remembered(request, found.board, render(request, "deals/table/table.html", context))


@require_GET
@never_cache
def rows(request: HttpRequest, pk: int) -> HttpResponse:
    """Some rows as they are now (`deal`, several), with the totals."""
    found = _open(request, pk)
    asked = [int(one) for one in request.GET.getlist("deal")[:MOST] if one.isdecimal() and len(one) < 19]
    return _news(request, found, frozenset(found.board.holds(asked)), frozenset(asked))


@require_GET
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to a table that is open since the event that it knows of: 204, or what changed. Writes nothing."""
    found = _open(request, pk)
    upto = polls.upto(request.user)
    known = polls.after(request)
    arrived = News(anew=True) if known is None else news(found.board, known, upto)
    if not arrived:
        return polls.nothing()
    response = HttpResponse() if arrived.anew else _news(request, found, arrived.cards, arrived.gone)
    response[polls.ANSWERED] = upto
    response["Cache-Control"] = "no-store"
    return response


def _news(request: HttpRequest, found: Table, here: frozenset[int], touched: frozenset[int]) -> HttpResponse:
    context = {
        "table": found,
        "rows": found.some(sorted(here)),
        "places": json.dumps(found.places(here)),
        "gone": sorted(touched - here),
    }
    return render(request, "deals/table/live.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def cell(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """GET: the form of a field in the place of its cell. POST: save it, and answer with the row; 422 with what was
    typed when it cannot be.
    """
    form, refused = begun(request, pk, field)
    if request.method == "GET":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        saved = save(request.user, form, refused)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _form(request, form, status=422)
    found = _named(request)
    context: dict[str, Any] = {"row": found.some([pk])}
    if saved:
        context |= {
            "text": _("{field} saved.").format(field=form.row.label),
            "undo": reverse("deals:undo", args=[pk, saved.pk]),
        }
    return render(request, "deals/table/saved.html", context)


def _form(request: HttpRequest, form: Any, status: int = 200) -> HttpResponse:
    context = {
        "deal": form.record.deal,
        "form": form,
        "row": form.row,
        "refusals": form.record.refusals(form.row.name),
    }
    response = render(request, "deals/table/cell.html", context, status=status)
    if status != 200:
        response["HX-Retarget"] = f"#cell-{form.record.deal.pk}"
        response["HX-Reselect"] = response["HX-Retarget"]
    return response


@require_POST
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Which columns the person's table has, in this order; `up` or `down`: one of them moved by one."""
    found = _open(request, pk)
    known = {column.name for column in found.available}
    names = [name for name in dict.fromkeys(request.POST.getlist("columns")) if name in known]
    for step, where in ((-1, "up"), (1, "down")):
        names = moved(names, request.POST.get(where, ""), step)
    display.choose_columns(request.user, found.pipeline, names)
    query = Filters.of(QueryDict(request.POST.get("query", "").lstrip("?"))).query()
    return redirect(reverse("deals:table", args=[pk]) + query)


@require_GET
@never_cache
def as_file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The table as a file: its columns, all that the filters leave, in its order."""
    found = _open(request, pk)
    answer = StreamingHttpResponse(export.lines(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="deals-{timezone.localdate():%Y-%m-%d}.csv"'
    return answer


def _open(request: HttpRequest, pk: int) -> Table:
    found = open_table(request.user, pk, Filters.of(request.GET))
    if found is None:
        raise Http404
    return found


def _named(request: HttpRequest) -> Table:
    """The table that a request comes from, as it says itself: `pipeline`, and its filters in `query`."""
    pipeline, query = request.POST.get("pipeline", ""), request.POST.get("query", "")
    known = pipeline.isdecimal() and len(pipeline) < 19
    found = open_table(request.user, int(pipeline), Filters.of(QueryDict(query.lstrip("?")))) if known else None
    if found is None:
        raise Http404
    return found
