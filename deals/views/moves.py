"""Moving a deal to another stage: from the board, from its page, or with a plain form; and taking that back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from deals import actions, beside, queries
from deals.forms import MoveForm
from deals.grouping import ByOwner, ByStage
from deals.models import Deal, LostReason, Role, Stage
from deals.record import Record
from deals.views import answers
from deals.views.board import fragments, of_request
from sync import edits, status
from sync import undo as undoing


@never_cache
@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the form, or the question that a final stage asks. POST: move it; 409 where that cannot be."""
    deal = _visible(request, pk)
    known = queries.laid_out(request.user)
    form = MoveForm(deal, known, request.POST if request.method == "POST" else None)
    if request.method == "GET":
        return _ask(request, deal, form)
    if not form.is_valid() and list(form.errors) == ["probability"]:
        return _refuse(request, deal, str(form.errors["probability"][0]), form)
    if not form.is_valid():
        return _refuse(request, deal, _("There is no such stage here, or it is archived: choose another one."), form)
    if not queries.is_editable(deal, request.user):
        return _refuse(request, deal, _("You may not edit this deal in Nimble."), form)
    stage, reason, probability = form.chosen, form.reason_text(), form.cleaned_data["probability"]
    also = {} if probability is None else {"probability": probability}
    try:
        edit = actions.move(author=request.user, deal=deal, stage=stage, seen=form.seen_stage, reason=reason, also=also)
    except edits.CannotEdit as refusal:
        return _refuse(request, deal, str(refusal), form)
    where = {"deal": deal.name or _("Unnamed"), "stage": stage.name, "pipeline": stage.pipeline.name}
    elsewhere = stage.pipeline.nimble_id != deal.pipeline_nimble_id
    text = (_("{deal} is in {stage} of {pipeline}.") if elsewhere else _("{deal} is in {stage}.")).format(**where)
    if reason:
        text += " " + _("The reason is kept as a note: Nimble has no field for it.")
    undo = answers.undo(deal, edit)
    return _done(request, deal, text, undo, ByStage.action)


@require_POST
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it to another owner: a board whose columns are owners says so in `stage`, and whose it was in `seen`."""
    deal, board = _visible(request, pk), of_request(request, request.POST)
    owner, seen = request.POST.get("stage", ""), request.POST.get("seen", "")
    if owner not in board.members:
        return answers.refused(request, deal, _("There is no such person in the team any more."))
    if not queries.is_editable(deal, request.user):
        return answers.refused(request, deal, _("You may not edit this deal in Nimble."))
    try:
        edit = actions.change(
            author=request.user, deal=deal, field="owner", value=owner, seen=seen, has_seen=seen in board.members
        )
    except edits.CannotEdit as refusal:
        return answers.refused(request, deal, str(refusal))
    text = _("{deal} is owned by {name}.").format(deal=deal.name or _("Unnamed"), name=board.members[owner])
    return _done(request, deal, text, answers.undo(deal, edit), ByOwner.action)


@require_POST
def undo(request: HttpRequest, pk: int, edit_pk: int) -> HttpResponse:
    """Take an edit of this person's back, of a deal or of what hangs on it; what shows the deal reads it again."""
    deal = get_object_or_404(queries.for_user(request.user, leaving=True), pk=pk)
    edit = get_object_or_404(status.edits_of(request.user), pk__in=beside.edits_of(deal).values("pk"), pk=edit_pk)
    try:
        undone = undoing.undo(edit, author=request.user)
    except edits.CannotEdit as refusal:
        return answers.refused(request, deal, str(refusal))
    return answers.changed(request, deal, undone.text)


def _visible(request: HttpRequest, pk: int) -> Deal:
    deal = queries.find(request.user, pk)
    if deal is None:
        raise Http404
    return deal


def _ask(request: HttpRequest, deal: Deal, form: MoveForm) -> HttpResponse:
    asked = request.GET.get("stage", "")
    stage = form.stages.get(int(asked)) if asked.isdecimal() and len(asked) < 19 else None
    refused = Record(deal, request.user).refusals("stage")
    context: dict[str, Any] = {"deal": deal, "form": form, "stage": stage, "refusals": refused}
    if stage and request.GET.get("dialog"):
        return render(
            request, "deals/lose.html", {**context, "reasons": reasons_of(stage), "unsure": stage in form.unsure}
        )
    if request.GET.get("dialog"):
        return render(request, "deals/elsewhere.html", context)
    return render(request, "deals/move.html", context)


def reasons_of(stage: Stage) -> list[LostReason]:
    """Why deals are lost, on offer where they come to such a stage."""
    if stage.role != Role.LOST:
        return []
    return list(LostReason.objects.filter(pipeline=stage.pipeline).order_by("text"))


def _done(request: HttpRequest, deal: Deal, text: str, undo: str, action: str) -> HttpResponse:
    if getattr(request, "htmx", False) and "pipeline" in request.POST:
        board = of_request(request, request.POST, action=action)
        response = fragments(request, board, [deal.pk], text=text, undo=undo)
        return trigger_client_event(response, "close-dialog")
    if getattr(request, "htmx", False):
        return answers.changed(request, deal, text, undo=undo)
    messages.success(request, text, extra_tags=undo)
    return redirect(answers.back(request, reverse("deals:index")))


def _refuse(request: HttpRequest, deal: Deal, text: str, form: MoveForm) -> HttpResponse:
    if getattr(request, "htmx", False):
        return answers.refused(request, deal, text)
    form.add_error(None, text)
    return render(request, "deals/move.html", {"deal": deal, "form": form}, status=409)
