"""The parts of a pipeline: adding, changing, archiving and moving stages, lost reasons, groups, fields, choices."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from deals.pipelines import actions, forms
from deals.pipelines import page as pages
from deals.pipelines.page import Page
from deals.pipelines.parts import NEW, STAGE, Choice, Field, Group, Part, Stage
from deals.views.pipelines import answers
from sync import edits
from sync.models import Edit

ADDED = ("stage", "reason", "group", "field", "choice")


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """GET: the form of a new part; with `mend`, what Nimble refused of one. POST: add it. `field`: of a new choice."""
    page = answers.page_of(request, pk)
    if kind not in ADDED:
        raise Http404
    if denied := answers.read_only(request, page):
        return denied
    sent = request.POST if request.method == "POST" else request.GET
    field = answers.field_of(page, sent.get("field", "")) if kind == "choice" else None
    refused = next((each for each in page.refused(kind) if str(each.pk) == sent.get("mend")), None)
    part = Part(kind, f"{field.part.id}.{NEW}" if field else NEW)
    taken = forms.names_of(page.schema, part)
    form = _new_form(page, kind, request.POST if request.method == "POST" else None, taken, refused)
    if request.method == "GET" or not form.is_valid():
        context = {"kind": kind, "field": field, "refused": refused}
        return _form(request, page, form, context)

    def made() -> Edit:
        if refused is not None:
            edits.discard(refused)
        inside = field.part.id if field else ""
        return actions.add(author=request.user, pipeline=page.pipeline, kind=kind, inside=inside, values=form.wanted())

    return answers.act(request, page, made, _("Saved here; it goes to Nimble by itself."), anchor=answers.anchor(kind))


def _new_form(page: Page, kind: str, data: Any, taken: list[str], refused: Edit | None) -> forms.PartForm:
    typed: dict[str, Any] = {}
    if refused is not None and data is None:
        typed = {name.split(":", 2)[2]: change["new"] for name, change in refused.fields.items()}
        data = forms.as_typed(typed)
    options: dict[str, Any] = {"taken": taken}
    if kind == "stage":
        options["stages"] = page.schema.stages
    if kind == "field":
        options["schema"] = page.schema
    made = {
        "stage": forms.StageForm,
        "reason": forms.ReasonForm,
        "group": forms.GroupForm,
        "field": forms.NewFieldForm,
        "choice": forms.ChoiceForm,
    }[kind]
    form: forms.PartForm = made(data, **options)
    if typed and refused is not None:
        answers.tell(form, refused, {name: name.split(":", 2)[2] for name in refused.fields})
    return form


@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    """GET: the form of a part, with what Nimble refused of it. POST: save it."""
    page = answers.page_of(request, pk)
    found = answers.part_of(page, part)
    if denied := answers.read_only(request, page):
        return denied
    seen = _seen(found)
    data: Any = request.POST if request.method == "POST" else None
    refused = page.by_part.get(found.part)
    if refused is not None and not (pages.is_refused(refused) and refused.fields.keys() <= _names(found.part, seen)):
        refused = None
    if data is None and refused is not None:
        typed = {name.split(":", 2)[2]: change["new"] for name, change in refused.fields.items()}
        form = _form_of(page, found, forms.as_typed({**seen, **typed}), seen)
        answers.tell(form, refused, {name: name.split(":", 2)[2] for name in refused.fields})
    else:
        form = _form_of(page, found, data, seen)
    if data is None or not form.is_valid():
        return _form(request, page, form, {"kind": found.part.kind, "part": found, "place": _place(page, found)})
    return answers.act(
        request,
        page,
        lambda: actions.change(
            author=request.user, pipeline=page.pipeline, part=found.part, values=form.wanted(), seen=form.seen
        ),
        _("Saved."),
        anchor=answers.anchor(found.part.kind),
    )


def _names(part: Part, seen: Mapping[str, Any]) -> set[str]:
    return {part.named(name) for name in seen}


def _seen(found: answers.Found) -> dict[str, Any]:
    """What its form begins with, as edits have it."""
    if isinstance(found, Stage):
        return {name: None if getattr(found, name) == "" else getattr(found, name) for name in STAGE}
    if isinstance(found, Field):
        return {"name": found.name, "group": found.group or None}
    return {"value": found.value} if isinstance(found, Choice) else {"name": found.name}


def _form_of(page: Page, found: answers.Found, data: Any, seen: dict[str, Any]) -> forms.PartForm:
    options: dict[str, Any] = {"initial": seen, "taken": forms.names_of(page.schema, found.part)}
    if isinstance(found, Field):
        return forms.FieldForm(data, schema=page.schema, **options)
    made = {"stage": forms.StageForm, "group": forms.GroupForm, "choice": forms.ChoiceForm}[found.part.kind]
    return made(data, **options)


def _form(request: HttpRequest, page: Page, form: forms.PartForm, context: dict[str, Any]) -> HttpResponse:
    whole = {
        **context,
        "title": _title(context["kind"], context.get("part")),
        "page": page,
        "pipeline": page.pipeline,
        "form": form,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "deals/pipelines/part.html", whole, status=status)


def _title(kind: str, part: Any) -> str:
    names = {
        "stage": (_("New stage"), _("Edit the stage")),
        "reason": (_("New reason for losing a deal"), ""),
        "group": (_("New group"), _("Edit the group")),
        "field": (_("New field"), _("Edit the field")),
        "choice": (_("New choice"), _("Edit the choice")),
    }
    return names[kind][part is not None]


@never_cache
@require_http_methods(["GET", "POST"])
def archive(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    """GET: what archiving a stage means. POST: archive it; Nimble's API has nothing that takes it back."""
    page = answers.page_of(request, pk)
    stage = answers.part_of(page, part)
    if not isinstance(stage, Stage) or stage.archived or stage.is_final:
        raise Http404
    if denied := answers.read_only(request, page):
        return denied
    if request.method == "GET":
        context = {"page": page, "pipeline": page.pipeline, "stage": stage, "figures": page.figures.get(stage.part.id)}
        return render(request, "deals/pipelines/archive_stage.html", context)
    return answers.act(
        request,
        page,
        lambda: actions.change(author=request.user, pipeline=page.pipeline, part=stage.part, values={"archived": True}),
        _("{name} is archived.").format(name=stage.name),
        anchor="stages",
    )


@require_POST
def move(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    """`by`: -1 a place up, 1 a place down, among its neighbours."""
    page = answers.page_of(request, pk)
    found = answers.part_of(page, part)
    if isinstance(found, Stage):
        raise Http404
    beside, what = _beside(page, found)
    ids = [one.part.own_id for one in beside]
    here = ids.index(found.part.own_id)
    down = request.POST.get("by") == "1"
    if not 0 <= here + (1 if down else -1) < len(ids):
        raise Http404
    after = ids[here + 1] if down else ids[here - 2] if here > 1 else None
    return answers.act(
        request,
        page,
        lambda: actions.move(
            author=request.user, pipeline=page.pipeline, what=what, one=found.part.own_id, after=after
        ),
        _("Moved."),
        anchor=answers.anchor(found.part.kind),
    )


def _place(page: Page, found: answers.Found) -> dict[str, bool]:
    """Whether a choice is the first or the last one."""
    ids = [one.part.own_id for one in _beside(page, found)[0]] if isinstance(found, Choice) else []
    return {"first": ids[:1] == [found.part.own_id], "last": ids[-1:] == [found.part.own_id]}


def _beside(page: Page, found: Field | Group | Choice) -> tuple[list[Any], str]:
    """Among which it can be moved, and what their order is called."""
    if isinstance(found, Field):
        return [one for one in page.schema.fields_of(found.group) if not one.part.is_new], "fields"
    if isinstance(found, Group):
        return [one for one in page.schema.groups if not one.part.is_new], "groups"
    field = answers.field_of(page, found.part.field_id)
    return [one for one in field.choices if not one.part.is_new], field.part.id
