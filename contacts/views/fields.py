"""Changing one field of a contact: its form as a fragment or a page of its own, and saving it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from contacts import actions, mapping
from contacts.forms import FORMS
from contacts.forms.base import FieldForm
from contacts.forms.rows import RowsForm
from contacts.record import Record
from contacts.views.pages import head, visible
from sync import edits, mending, reasons
from sync.models import Edit, State

REFUSED = (State.REJECTED, State.FAILED)


@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """GET: the form. POST: save it; 422 with what was typed when it cannot be."""
    record = Record(visible(request, pk), request.user)
    kind = record.editor(field)
    if not kind:
        raise Http404
    refused = _refused(record, field)
    begun = refused.fields[_key(field)]["new"] if refused else None
    form = FORMS[kind](record, field, request.POST if request.method == "POST" else None, begun)
    if request.method == "GET":
        return _form(request, form, refused)
    if "another" in request.POST and isinstance(form, RowsForm):
        return _form(request, form.with_another(), refused)
    if not form.is_valid():
        return _form(request, form, refused, status=422)
    try:
        saved = _save(request, form, refused)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _form(request, form, refused, status=422)
    return _saved(request, Record(visible(request, pk), request.user), field, saved)


def _key(field: str) -> str:
    return "tags" if field == "tags" else mapping.FIELD + field


def _refused(record: Record, field: str) -> Edit | None:
    """The author's own edit that Nimble refused: its text comes back into the form."""
    found = record.edits.get(_key(field))
    mine = found is not None and found.author_id == record.user.pk and found.operation == Edit.Operation.UPDATE
    return found if found and mine and found.state in REFUSED else None


def _save(request: HttpRequest, form: FieldForm, refused: Edit | None) -> Edit | None:
    """Record the edit; a refused one is mended and sent again, or dropped when nothing is left of it."""
    contact, wanted, seen = form.record.contact, form.wanted(), form.seen
    if refused and wanted != seen and mending.mend(refused, {_key(form.name): wanted}):
        return refused
    if refused:
        edits.discard(refused)
    if wanted == seen:
        return None
    if form.name == "tags":
        return actions.set_tags(author=request.user, contact=contact, tags=wanted, seen=seen)
    return actions.change_field(author=request.user, contact=contact, name=form.name, wanted=wanted, seen=seen)


def _form(request: HttpRequest, form: FieldForm, refused: Edit | None, status: int = 200) -> HttpResponse:
    said: list[str] = []
    if refused:
        by_field, rest = reasons.field_messages(refused)
        reason = reasons.of(refused)
        said = [*by_field.get(_key(form.name), []), *rest] or [str(reason.text) if reason else ""]
    context: dict[str, Any] = {
        "contact": form.record.contact,
        "form": form,
        "row": form.record.row(form.name),
        "refusals": [text for text in said if text],
    }
    template = "contacts/forms/fragment.html" if getattr(request, "htmx", False) else "contacts/forms/page.html"
    return render(request, template, context, status=status)


def _saved(request: HttpRequest, record: Record, field: str, saved: Edit | None) -> HttpResponse:
    text = _("{field} saved.").format(field=record.row(field).label)
    if not getattr(request, "htmx", False):
        if saved:
            messages.success(request, text)
        return redirect(record.contact.get_absolute_url() + f"#{record.row(field).dom_id}")
    context = {
        **head(record),
        "row": record.row(field),
        "saved": saved,
        "text": text,
        "undo": reverse("sync:undo", args=[saved.pk]) if saved else "",
    }
    return render(request, "contacts/saved.html", context)
