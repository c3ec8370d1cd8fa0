"""What the pages of pipelines share: who sees one, and how an action answers."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from deals import queries
from deals.models import Pipeline
from deals.pipelines import lasting
from deals.pipelines.page import Page
from deals.pipelines.parts import Choice, Field, Group, Part, Stage
from sync import edits, reasons, undo
from sync.models import Edit

Found = Stage | Field | Group | Choice


def page_of(request: HttpRequest, pk: int) -> Page:
    """The pipeline as this person may see it; 404 for one that they may not."""
    pipeline: Pipeline = get_object_or_404(queries.pipelines(request.user), pk=pk)
    return Page(pipeline, request.user)


def part_of(page: Page, named: str) -> Found:
    """The part that an address names (`stage:<id>`), one that Nimble has; 404 where there is none."""
    found = find(page, Part(*named.split(":", 1))) if ":" in named else None
    if found is None or found.part.is_new:
        raise Http404
    return found


def find(page: Page, part: Part) -> Found | None:
    known: dict[Part, Found] = {one.part: one for one in page.schema.stages}
    known |= {one.part: one for one in page.schema.groups}
    for field in page.schema.fields:
        known[field.part] = field
        known |= {choice.part: choice for choice in field.choices}
    return known.get(part)


def field_of(page: Page, field_id: str) -> Field:
    """The field whose choices are at hand."""
    found = find(page, Part("field", field_id))
    if not isinstance(found, Field) or found.part.is_new:
        raise Http404
    return found


def anchor(kind: str) -> str:
    """Where on the pipeline's page such parts stand."""
    return {"stage": "stages", "reason": "reasons"}.get(kind, "fields")


def saved(request: HttpRequest, edit: Edit | None, text: str, to: str) -> HttpResponse:
    """It is an edit now, or nothing was different: back to the page, with a word and, where one can for good, Undo."""
    if edit is not None:
        # It goes out at once: no Undo for what nothing takes back then.
        can_undo = not undo.refusal(edit) and not lasting.reason(edit)
        messages.success(request, text, extra_tags=reverse("sync:undo", args=[edit.pk]) if can_undo else "")
    else:
        messages.info(request, _("Nothing was different."))
    return redirect(to)


def read_only(request: HttpRequest, page: Page) -> HttpResponse | None:
    """For whoever may not change the pipeline: back to its page, which says why."""
    if page.may_manage:
        return None
    messages.error(request, _("In Nimble only the company's owner and whoever made a pipeline may change it."))
    return redirect(page.pipeline.manage_url())


def act(
    request: HttpRequest, page: Page, action: Callable[[], Edit | None], text: str, *, anchor: str = "", to: str = ""
) -> HttpResponse:
    """Do it and go back to the pipeline's page, or to `to`; what cannot be done says why."""
    to = to or page.pipeline.manage_url() + (f"#{anchor}" if anchor else "")
    try:
        return saved(request, action(), text, to)
    except edits.CannotEdit as reason:
        messages.error(request, str(reason))
        return redirect(to)


def tell(form: forms.Form, edit: Edit, names: dict[str, str]) -> None:
    """Put what Nimble said of a refused edit at the form's fields. `names`: field of the edit → field of the form."""
    about, rest = reasons.field_messages(edit)
    form.full_clean()
    for name, said in about.items():
        for text in said:
            form.add_error(names.get(name) if names.get(name) in form.fields else None, refusal(text))
    said_at_all = [*rest, reasons.said(edit)] if not about else rest
    # Nimble may call the one input of a form by another name.
    only = next(iter(form.fields)) if len(form.fields) == 1 and rest else None
    for text in filter(None, dict.fromkeys(rest if only else said_at_all)):
        form.add_error(only, refusal(text))
    if not form.errors:
        reason = reasons.of(edit)
        form.add_error(None, str(reason.text) if reason else "")


def refusal(text: Any) -> str:
    return _("Nimble refused this: {text}").format(text=text)
