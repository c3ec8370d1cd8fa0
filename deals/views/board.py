"""The board of a pipeline, the rest of a column, and what changed on a board that is open."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django_htmx.http import trigger_client_event

from deals import queries, saved
from deals.board import Board, open_board
from deals.filters import Filters
from deals.groupings import FORECAST, GROUPINGS
from deals.live import News, news
from deals.models import Deal
from sync import polls, status
from sync.models import Edit

LAST = "pipeline"
YEAR = 365 * 24 * 3600


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """To the board that this person looked at last, else to the default pipeline's."""
    known = [laid.pipeline for laid in queries.laid_out(request.user)]
    if not known:
        return render(request, "deals/empty.html", {"standing": status.standing(request.user)})
    last = request.COOKIES.get(LAST, "")
    chosen = next((one for one in known if str(one.pk) == last), None)
    default = next((one for one in known if one.is_default and not one.archived_at), known[0])
    begins = saved.default_of(request.user, chosen or default)
    return redirect(begins or chosen or default)


@require_GET
@never_cache
def board(request: HttpRequest, pk: int) -> HttpResponse:
    found = open_board(request.user, pk, Filters.of(request.GET))
    if found is None:
        raise Http404
    columns = found.filled()
    context = around(request, found) | {
        "surface": "board",
        "is_forecast": found.filters.group == FORECAST,
        "columns": columns,
        "hidden": found.filters.narrowing and not any(column.count for column in columns),
    }
    return remembered(request, found, render(request, "deals/board.html", context))


def around(request: HttpRequest, found: Board) -> dict[str, Any]:
    """What stands around a pipeline's deals, whether they are a board or a table."""
    standing = status.standing(request.user)
    return {
        **above(found),
        "pipelines": found.pipelines,
        "members": found.members,
        "display": found.display,
        "chips": found.filters.chips(request.path, found.members, request.user),
        "event": polls.upto(request.user),
        # Why there is nothing to see: the first pull is running.
        "syncing": next((flow for flow in standing.flows if flow.spec.name == "deals" and not flow.completed_at), None),
    }


def remembered(request: HttpRequest, found: Board, response: HttpResponse) -> HttpResponse:
    """The answer with what the browser is to know: the address without empty fields, and which pipeline was last."""
    if getattr(request, "htmx", False):
        response["HX-Push-Url"] = request.path + found.filters.query()
    last = str(found.pipeline.pk)
    if request.COOKIES.get(LAST) != last:
        response.set_cookie(LAST, last, max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response


@require_GET
@never_cache
def column(request: HttpRequest, pk: int, column: str) -> HttpResponse:
    """The next cards of a column; without JavaScript, a page of them."""
    found = _open(request, pk)
    asked = next((one for one in found.columns if one.id == column), None)
    if asked is None:
        raise Http404
    following = found.following(asked, request.GET.get("after", ""), request.GET.get("top", ""))
    context = {
        "board": found,
        "column": asked,
        "cards": found.renderer.cards(following.cards),
        "above": found.renderer.out_of_band(following.above),
        "more": following.more,
    }
    template = "deals/more.html" if getattr(request, "htmx", False) else "deals/column.html"
    return render(request, template, context)


@require_GET
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened on a board that is open since the event that it knows of: 204, or what changed. Writes nothing."""
    found = _open(request, pk)
    upto = polls.upto(request.user)
    known = polls.after(request)
    arrived = News(anew=True) if known is None else news(found, known, upto)
    if not arrived:
        return polls.nothing()
    response = HttpResponse() if arrived.anew else _changed(request, found, arrived)
    response[polls.ANSWERED] = upto
    response["Cache-Control"] = "no-store"
    return response


def _changed(request: HttpRequest, found: Board, arrived: News) -> HttpResponse:
    shown = found.listed(arrived.cards)
    context = {
        **above(found),
        "cards": found.renderer.out_of_band(shown),
        "places": json.dumps(found.places(shown)),
        "gone": arrived.gone,
        "columns": found.columns,
    }
    return render(request, "deals/live.html", context)


@require_GET
@never_cache
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """One deal as the board that asks shows it now, with the figures above; one that its author took back is gone."""
    found = of_request(request, request.GET)
    own = status.edits_of(request.user).filter(kind=Deal.kind, record_id=pk, operation=Edit.Operation.CREATE)
    if not queries.for_user(request.user).filter(pk=pk).exists() and not own.exists():
        raise Http404
    return fragments(request, found, [pk])


@require_GET
def tags(request: HttpRequest) -> HttpResponse:
    """The tags on offer while one is typed into the filter."""
    return render(request, "deals/tags.html", {"names": queries.tag_names(request.user)})


def of_request(request: HttpRequest, data: Any, *, action: str = "") -> Board:
    """The board that a request comes from, as it says itself: `pipeline`, and its filters in `query`.

    `action`: what is done to a card. Where that is what such a board does by moving it, from the column `seen` to
    `stage`, it is opened for these two alone.
    """
    pipeline = data.get("pipeline", "")
    if not (pipeline.isdecimal() and len(pipeline) < 19):
        raise Http404
    filters = Filters.of(QueryDict(data.get("query", "").lstrip("?")))
    columns = {data.get("seen", ""), data.get("stage", "")}
    is_moved = GROUPINGS[filters.group].action == action and "" not in columns
    found = open_board(request.user, int(pipeline), filters, touched=columns if is_moved else None)
    if found is None:
        raise Http404
    return found


def _open(request: HttpRequest, pk: int) -> Board:
    found = open_board(request.user, pk, Filters.of(request.GET))
    if found is None:
        raise Http404
    return found


def above(found: Board) -> dict[str, Any]:
    """What stands above the columns."""
    return {"board": found, "pipeline": found.pipeline, "filters": found.filters}


def fragments(
    request: HttpRequest, found: Board, pks: list[int], *, template: str = "deals/fragments.html", **context: Any
) -> HttpResponse:
    """Cards as they are now, out-of-band, and the figures above them; cards that left the board are taken away.

    Of a board that was opened for the columns that a move touched, the figures of these: the page asks for the others.
    """
    shown = found.some(pks)
    context |= {
        **above(found),
        "cards": found.renderer.out_of_band(shown),
        "gone": set(pks) - {one.pk for one in shown},
        "columns": found.columns,
    }
    response = render(request, template, context)
    # The other figures follow by the page's own poll: to add up all deals takes longer than all the rest of a drop.
    return response if found.touched is None else trigger_client_event(response, "live-now")
