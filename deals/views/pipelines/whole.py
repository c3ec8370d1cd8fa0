"""Pipelines as a whole: the list, the page of one, making, changing, archiving and deleting one."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crmportal.formats import number
from crmportal.htmx import fragment
from deals import queries
from deals.pipelines import actions, page, rights
from deals.pipelines.forms import PipelineForm
from deals.pipelines.new import NewPipelineForm, StageFormSet
from deals.pipelines.parts import ITSELF, OWN
from deals.views.pipelines import answers
from sync import edits, mending, status
from sync.models import Edit
from sync.views.answers import back


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    known = page.listed(request.user)
    context = {
        "open": [one for one in known if one.pipeline.archived_at is None],
        "archived": [one for one in known if one.pipeline.archived_at is not None],
        "rights": rights.of(request.user),
        "standing": None if known else status.standing(request.user),
        "is_moving": any(one.edit is not None and one.edit.state in queries.ON_ITS_WAY for one in known),
    }
    return fragment(request, "deals/pipelines/index.html", "lines", context)


@require_POST
def own(request: HttpRequest) -> HttpResponse:
    """`owner`: 1 for whoever says that they own the company in Nimble, 0 for whoever takes it back."""
    if request.POST.get("owner") == "1":
        if rights.say_owner(request.user):
            messages.success(request, _("Noted. Nimble has the last word: what it refuses comes back to you."))
        else:
            messages.error(request, _("Connect your Nimble account first."))
    else:
        rights.take_back(request.user)
        messages.success(request, _("Noted."))
    return redirect(back(request, reverse("deals:pipelines")))


@require_GET
@never_cache
def manage(request: HttpRequest, pk: int) -> HttpResponse:
    """One pipeline with all its parts; asks for itself again while anything of it is on its way."""
    found = answers.page_of(request, pk)
    context = {"page": found, "pipeline": found.pipeline, "creator": rights.creator(found.pipeline)}
    return fragment(request, "deals/pipelines/manage.html", "parts", context)


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """GET: the form; with `mend`, what Nimble refused of a pipeline that was made here. POST: make it."""
    if not rights.of(request.user).may_create:
        messages.error(request, _("In Nimble only the company's owner may create pipelines."))
        return redirect("deals:pipelines")
    refused = _refused(request)
    data = request.POST if request.method == "POST" else None
    taken = [one.name for one in queries.pipelines(request.user) if refused is None or one.pk != refused.record_id]
    form, rows = _forms(data, refused, taken)
    if data is None:
        return _new(request, form, rows, refused)
    if not (form.is_valid() and rows.is_valid()):
        return _new(request, form, rows, refused, status=422)
    values = {**form.wanted(), "stages": rows.wanted()}
    try:
        if refused is None or not mending.mend(refused, values):
            actions.create(author=request.user, values=values)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _new(request, form, rows, refused, status=422)
    messages.success(request, _("{name} is saved here and goes to Nimble by itself.").format(name=values["name"]))
    return redirect("deals:pipelines")


def _refused(request: HttpRequest) -> Edit | None:
    """The create that Nimble refused and that is to be mended."""
    asked = request.GET.get("mend") or request.POST.get("mend") or ""
    known = page.unsettled(request.user, [one.pk for one in queries.pipelines(request.user)])
    creates = (edit for edit in known if edit.operation == Edit.Operation.CREATE and page.is_refused(edit))
    return next((edit for edit in creates if str(edit.pk) == asked), None)


def _forms(data: Any, refused: Edit | None, taken: list[str]) -> tuple[NewPipelineForm, Any]:
    if refused is None or data is not None:
        return NewPipelineForm(data, taken=taken), StageFormSet(data, prefix="stage", form_kwargs={"label_suffix": ""})
    typed = {name: change["new"] for name, change in refused.fields.items()}
    form = NewPipelineForm({**typed, "lost_reasons": "\n".join(typed.get("lost_reasons") or [])}, taken=taken)
    answers.tell(form, refused, {name: name for name in typed})
    rows = StageFormSet(prefix="stage", initial=typed.get("stages") or [], form_kwargs={"label_suffix": ""})
    return form, rows


def _new(request: HttpRequest, form: Any, rows: Any, refused: Edit | None, status: int = 200) -> HttpResponse:
    context = {"form": form, "rows": rows, "refused": refused}
    return render(request, "deals/pipelines/new.html", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Name, description and colour: all that Nimble lets anybody change of a pipeline itself."""
    found = answers.page_of(request, pk)
    if denied := answers.read_only(request, found):
        return denied
    taken = [one.name for one in queries.pipelines(request.user) if one.pk != pk]
    seen = {name: found.values.get(name) for name in OWN[:3]}
    refused = found.by_part.get(ITSELF)
    if request.method == "GET" and refused and page.is_refused(refused) and refused.fields.keys() <= seen.keys():
        typed = {name: change["new"] for name, change in refused.fields.items()}
        form = PipelineForm({**seen, **typed}, initial=seen, taken=taken)
        answers.tell(form, refused, {name: name for name in seen})
    else:
        form = PipelineForm(request.POST if request.method == "POST" else None, initial=seen, taken=taken)
    if request.method == "GET" or not form.is_valid():
        context = {"page": found, "pipeline": found.pipeline, "form": form}
        return render(request, "deals/pipelines/edit.html", context, status=422 if request.method == "POST" else 200)
    return answers.act(
        request,
        found,
        lambda: actions.change(author=request.user, pipeline=found.pipeline, values=form.wanted(), seen=form.seen),
        _("Saved."),
    )


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """`archived`: 1 or 0."""
    found = answers.page_of(request, pk)
    wanted = request.POST.get("archived") == "1"
    text = _("{name} is archived.") if wanted else _("{name} is in use again.")
    return answers.act(
        request,
        found,
        lambda: actions.change(author=request.user, pipeline=found.pipeline, values={"archived": wanted}),
        text.format(name=found.pipeline.name),
    )


@never_cache
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: what goes with it. POST: delete it, if the number of its deals that this person sees was typed; its name
    where there are none.
    """
    found = answers.page_of(request, pk)
    if denied := answers.read_only(request, found):
        return denied
    typed = request.POST.get("typed", "").strip()
    # With or without what separates thousands.
    wanted = {str(found.deals), number(found.deals)} if found.deals else {found.pipeline.name.strip()}
    wrong = request.method == "POST" and typed not in wanted
    if request.method == "GET" or wrong:
        context = {"page": found, "pipeline": found.pipeline, "typed": typed, "wrong": wrong}
        return render(request, "deals/pipelines/delete.html", context, status=422 if wrong else 200)
    try:
        actions.remove(author=request.user, pipeline=found.pipeline)
    except edits.CannotEdit as reason:
        messages.error(request, str(reason))
        return redirect(found.pipeline.manage_url())
    text = _("{name} is being deleted from Nimble, with its deals.")
    messages.success(request, text.format(name=found.pipeline.name))
    return redirect("deals:pipelines")
