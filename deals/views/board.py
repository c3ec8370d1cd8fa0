"""The board of a pipeline, the rest of a column, and what changed on a board that is open."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deals import queries, saved
from deals.board import Board, open_board
from deals.filters import Filters
from deals.models import Deal
from deals.queries import ON_ITS_WAY
from sync import status
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
    path = request.path
    columns = found.filled()
    standing = status.standing(request.user)
    context = {
        **above(found),
        "columns": columns,
        "pipelines": found.pipelines,
        "members": found.members,
        "display": found.display,
        "chips": found.filters.chips(path, found.members),
        "watching": watching(found, {card.pk: card.edit_state or "" for card in found.first}),
        # Why there is nothing to see: the first pull is running, or the filters hide all.
        "syncing": next((flow for flow in standing.flows if flow.spec.name == "deals" and not flow.completed_at), None),
        "hidden": found.filters.narrowing and not any(column.count for column in columns),
    }
    response = render(request, "deals/board.html", context)
    if getattr(request, "htmx", False):
        # The address without the empty fields of the form.
        response["HX-Push-Url"] = path + found.filters.query()
    if request.COOKIES.get(LAST) != str(pk):
        response.set_cookie(LAST, str(pk), max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response


@require_GET
@never_cache
def column(request: HttpRequest, pk: int, stage_pk: int) -> HttpResponse:
    """The next cards of a column; without JavaScript, a page of them."""
    found = _open(request, pk)
    stage = next((one for one in found.stages if one.pk == stage_pk), None)
    if stage is None:
        raise Http404
    following = found.following(stage, request.GET.get("after", ""), request.GET.get("top", ""))
    context = {
        "board": found,
        "stage": stage,
        "cards": found.renderer.cards(following.cards),
        "above": found.renderer.out_of_band(following.above),
        "more": following.more,
    }
    template = "deals/more.html" if getattr(request, "htmx", False) else "deals/column.html"
    return render(request, template, context)


@require_GET
@never_cache
def watch(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether edits on their way have got on since `was`: 204, or the cards they are of. Writes nothing."""
    found = _open(request, pk)
    was = request.GET.get("was", "")
    now = found.watched()
    if watching(found, now)["was"] == was:
        return HttpResponse(status=204)
    before = dict(part.partition(".")[::2] for part in was.split("-"))
    touched = [int(one) for one in before if one.isdecimal() and len(one) < 19]
    changed = [one for one in {*touched, *now} if before.get(str(one)) != now.get(one)]
    return fragments(request, found, changed)


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


def of_request(request: HttpRequest, data: Any) -> Board:
    """The board that a request comes from, as it says itself: `pipeline`, and its filters in `query`."""
    pipeline = data.get("pipeline", "")
    if not (pipeline.isdecimal() and len(pipeline) < 19):
        raise Http404
    found = open_board(request.user, int(pipeline), Filters.of(QueryDict(data.get("query", "").lstrip("?"))))
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


def watching(found: Board, states: dict[int, str]) -> dict[str, str]:
    """What the board has to ask for while edits are on their way: the address, and what it knows already."""
    known = [f"{pk}.{state}" for pk, state in sorted(states.items(), reverse=True) if state in ON_ITS_WAY]
    was = "-".join(known)
    return {"was": was, "url": reverse("deals:watch", args=[found.pipeline.pk]) + found.filters.query(was=was)}


def fragments(
    request: HttpRequest, found: Board, pks: list[int], *, template: str = "deals/fragments.html", **context: Any
) -> HttpResponse:
    """Cards as they are now, out-of-band, and the figures above them; cards that left the board are taken away."""
    shown = found.some(pks)
    context |= {
        **above(found),
        "cards": found.renderer.out_of_band(shown),
        "gone": set(pks) - {one.pk for one in shown},
        "columns": found.columns,
        "watching": watching(found, found.watched()),
    }
    return render(request, template, context)
