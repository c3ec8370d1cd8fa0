"""Making a deal: on a page of its own, in a column of the board, or for a contact."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from contacts import queries as contacts
from contacts.models import Contact
from deals import actions, queries
from deals.models import DealField, Stage
from deals.new import NewDeal
from deals.queries import Laid
from deals.views.board import fragments, of_request
from sync import edits
from sync.models import Edit
from sync.viewer import viewer


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """GET: the form, with `quick` the few inputs of a column. POST: make the deal; 422 with what was typed."""
    data = request.POST if request.method == "POST" else None
    known = queries.laid_out(request.user)
    stage = _stage(known, (data or request.GET).get("stage", ""))
    if stage is None:
        return redirect("deals:index")
    form = _form(request, known, stage, data)
    if data is None:
        return _show(request, form)
    if not form.is_valid():
        return _show(request, form, status=422)
    contact = _contact(request)
    related = [contact.nimble_id] if contact and contact.nimble_id else []
    try:
        edit = actions.create(author=request.user, stage=form.chosen, values=form.values(), related=related)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _show(request, form, status=422)
    return _made(request, _form(request, known, stage), form, edit)


def _form(request: HttpRequest, known: list[Laid], stage: Stage, data: Any = None) -> NewDeal:
    connection = viewer(request.user)
    own = {connection.nimble_user_id: connection.name} if connection else {}
    members = own | contacts.members(request.user)
    pipeline = stage.pipeline
    fields = [] if _is_quick(request) else list(DealField.of(pipeline.workspace_id, pipeline.nimble_id or ""))
    return NewDeal(known, members, stage=stage, owner=next(iter(own), ""), own=fields, data=data)


def _stage(known: list[Laid], asked: str) -> Stage | None:
    """The stage that is asked for; else the first one that is open, of the default pipeline where that has one."""
    found = [
        stage
        for laid in sorted(known, key=lambda one: not one.pipeline.is_default)
        for stage in laid.stages
        if not laid.pipeline.archived_at and not stage.archived_at
    ]
    named = next((stage for stage in found if str(stage.pk) == asked), None)
    return named or next((stage for stage in found if not stage.is_final), None)


def _contact(request: HttpRequest) -> Contact | None:
    """The contact that the deal is for, as this person sees it."""
    asked = (request.POST or request.GET).get("contact", "")
    if not (asked.isdecimal() and len(asked) < 19):
        return None
    found: Contact | None = contacts.for_user(request.user).filter(pk=int(asked)).first()
    return found


def _is_quick(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False) and (request.POST or request.GET).get("quick"))


def _show(request: HttpRequest, form: NewDeal, status: int = 200) -> HttpResponse:
    if _is_quick(request):
        return render(request, "deals/quick.html", {"form": form}, status=status)
    return render(request, "deals/new.html", {"form": form, "contact": _contact(request)}, status=status)


def _made(request: HttpRequest, empty: NewDeal, form: NewDeal, edit: Edit) -> HttpResponse:
    text = _("{deal} is in {stage}.").format(deal=form.cleaned_data["name"], stage=form.chosen.name)
    undo = reverse("deals:undo", args=[edit.record_id, edit.pk])
    if _is_quick(request):
        board = of_request(request, request.POST)
        context = {"form": empty, "text": text, "undo": undo}
        return fragments(request, board, [edit.record_id], template="deals/added.html", **context)
    messages.success(request, text, extra_tags=undo)
    return redirect("deals:deal", edit.record_id)
