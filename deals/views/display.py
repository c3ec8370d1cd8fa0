"""What a person chooses of a board's looks."""

from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from deals import display, queries
from deals.filters import Filters


@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """What the cards show, or with `stage` whether that column is folded: 204. Else back to the board."""
    laid = next((one for one in queries.laid_out(request.user) if one.pipeline.pk == pk), None)
    if laid is None:
        raise Http404
    if "stage" in request.POST:
        stage = next((one.pk for one in laid.stages if str(one.pk) == request.POST["stage"]), None)
        if stage is None:
            raise Http404
        display.fold(request.user, laid.pipeline, stage, folded=request.POST.get("folded") == "1")
        return HttpResponse(status=204)
    fields, compact = request.POST.getlist("fields"), "compact" in request.POST
    display.choose(request.user, laid.pipeline, fields=fields, compact=compact)
    return redirect(_back(request, reverse("deals:board", args=[pk])))


def _back(request: HttpRequest, board: str) -> str:
    """The board with the filters that it had."""
    came = urlsplit(request.headers.get("Referer", ""))
    return board + Filters.of(QueryDict(came.query)).query() if came.path == board else board
