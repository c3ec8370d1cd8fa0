"""Several cards of a board at once: move them, give them to somebody, tag them; and take that back."""

import json
from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deals import many as several
from deals import queries
from deals.board import Board
from deals.many import Outcome
from deals.models import Deal, Role
from deals.views.board import fragments, of_request
from deals.views.moves import reasons_of
from sync import batches, edits, status
from sync.models import Batch, Edit
from sync.views.answers import refused
from sync.views.batches import said

NAMED = 5


@never_cache
@require_http_methods(["GET", "POST"])
def many(request: HttpRequest) -> HttpResponse:
    """GET: the cards of `deal` (several) as the board shows them now. POST: one of `stage`, `owner`, `tag` for them."""
    data = request.POST if request.method == "POST" else request.GET
    board = of_request(request, data)
    asked = list(dict.fromkeys(int(pk) for pk in data.getlist("deal") if pk.isdecimal() and len(pk) < 19))
    if len(asked) > several.MOST:
        return refused(request, _("At most {n} deals at once.").format(n=several.MOST), "deals:index")
    if request.method == "GET":
        return fragments(request, board, asked)
    deals = list(queries.for_user(request.user).filter(pk__in=asked))
    if not deals:
        return refused(request, _("Choose at least one."), "deals:index")
    try:
        outcome, where = _do(request, board, deals)
    except edits.CannotEdit as reason:
        return refused(request, str(reason), "deals:index")
    return _answer(request, board, asked, outcome, where)


def _do(request: HttpRequest, board: Board, deals: Sequence[Deal]) -> tuple[Outcome, str]:
    """Do it; the outcome, and in words what is true of the changed ones then."""
    author, data = request.user, request.POST
    stage = next((one for one in board.stages if str(one.pk) == data.get("stage")), None)
    if stage is not None:
        told = next((one.text for one in reasons_of(stage) if str(one.pk) == data.get("reason")), "")
        moved = several.move(author=author, deals=deals, stage=stage, reason=told)
        return moved, _("in {stage}").format(stage=stage.name)
    owner = data.get("owner", "")
    if owner in board.members:
        given = several.give(author=author, deals=deals, owner=owner)
        return given, _("owned by {name}").format(name=board.members[owner])
    name = data.get("tag", "").replace("\x00", "").strip()
    if not name or len(name) > 255:
        raise edits.CannotEdit(_("Write a tag of at most 255 characters."))
    return several.tag(author=author, deals=deals, name=name), _("tagged {tag}").format(tag=name)


def _answer(request: HttpRequest, board: Board, asked: Sequence[int], outcome: Outcome, where: str) -> HttpResponse:
    n = len(outcome.changed)
    text = ngettext("{n} deal is {where}.", "{n} deals are {where}.", n).format(n=n, where=where) if n else ""
    left = outcome.locked or outcome.unsure or outcome.refused
    if not n and not left:
        text = _("All of them were {where} already.").format(where=where)
    if outcome.locked:
        text += " " + _("You may not edit in Nimble: {names}.").format(names=_named(outcome.locked))
    if outcome.unsure:
        text += " " + _("The stage asks for a probability; move these on their own: {names}.").format(
            names=_named(outcome.unsure)
        )
    for reason, deals in outcome.refused.items():
        text += f" {_named(deals)}: {reason}"
    context: dict[str, Any] = {"text": text.strip()}
    if outcome.batch:
        context["undo"] = reverse("deals:undo_many", args=[outcome.batch.pk])
        context["undo_label"] = npgettext("deals", "Undo", "Undo these {n}", n).format(n=n)
    if left:
        context["kind"] = "warning"
    response = fragments(request, board, list(asked), **context)
    response["HX-Trigger"] = "close-dialog"
    return response


def _named(deals: Sequence[Deal]) -> str:
    names = [deal.name or _("Unnamed") for deal in deals[:NAMED]]
    if len(deals) > NAMED:
        names.append(_("and {n} more").format(n=len(deals) - NAMED))
    return ", ".join(names)


@never_cache
@require_GET
def lose(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the chosen deals of a pipeline were lost: asked once for all of them, before they come to the `stage`."""
    laid = next((one for one in queries.laid_out(request.user) if one.pipeline.pk == pk), None)
    stages = laid.stages if laid else []
    stage = next((one for one in stages if str(one.pk) == request.GET.get("stage") and one.role == Role.LOST), None)
    if stage is None:
        raise Http404
    return render(request, "deals/lose_many.html", {"stage": stage, "reasons": reasons_of(stage)})


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take all of it back; whatever shows these deals reads them again."""
    batch = get_object_or_404(Batch, pk=pk, author=request.user)
    action, pks = batches.reversal(batch)
    chosen = list(status.edits_of(request.user).filter(pk__in=pks, kind=Deal.kind))
    if not chosen:
        return refused(request, _("There is nothing left of it to take back."), "deals:index")
    undone = batches.begin(action, chosen, author=request.user)
    text = said(undone) if undone.finished_at else _("They are being taken back, one after the other.")
    page = render(request, "components/toast_oob.html", {"text": text})
    page["HX-Trigger"] = json.dumps({"deals-changed": {"deals": _records(chosen)}})
    return page


def _records(chosen: Sequence[Edit]) -> list[int]:
    return sorted({edit.record_id for edit in chosen})
