"""Changing one field of a deal: its form as a fragment or a page of its own, and saving it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deals import actions
from deals.fields import FieldForm, form_of
from deals.record import Record, Row
from deals.views import answers
from deals.views.deal import visible
from sync import edits, mending
from sync.models import Edit


@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """GET: the form. POST: save it; 422 with what was typed when it cannot be."""
    form, refused = begun(request, pk, field)
    if request.method == "GET":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        saved = save(request.user, form, refused)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _form(request, form, status=422)
    return _saved(request, Record(visible(request, pk), request.user), field, saved)


def begun(request: HttpRequest, pk: int, field: str) -> tuple[FieldForm, Edit | None]:
    """The form of a field that this person may change, and what Nimble refused of it."""
    record = Record(visible(request, pk), request.user)
    row = record.row(field)
    if row is None or not row.can_edit:
        raise Http404
    refused = record.refused.get(field)
    typed = refused.fields[field]["new"] if refused else None
    return form_of(record, row, request.POST if request.method == "POST" else None, typed), refused


def save(author: Any, form: FieldForm, refused: Edit | None) -> Edit | None:
    """Record the edit; a refused one is mended and sent again, or dropped when nothing is left of it."""
    name, wanted, seen = form.row.name, form.wanted(), form.seen
    if refused and wanted != seen and mending.mend(refused, {name: wanted}):
        return refused
    actions.drop_refused(author=author, deal=form.record.deal, fields={name})
    if wanted == seen:
        return None
    return actions.change(author=author, deal=form.record.deal, field=name, value=wanted, seen=seen, has_seen=True)


def _form(request: HttpRequest, form: FieldForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "deal": form.record.deal,
        "record": form.record,
        "form": form,
        "row": form.row,
        "refusals": form.record.refusals(form.row.name),
    }
    template = "deals/fields/fragment.html" if getattr(request, "htmx", False) else "deals/fields/page.html"
    return render(request, template, context, status=status)


def _saved(request: HttpRequest, record: Record, field: str, saved: Edit | None) -> HttpResponse:
    row: Row | None = record.row(field)
    if row is None:
        raise Http404
    text = _("{field} saved.").format(field=row.label)
    if not getattr(request, "htmx", False):
        if saved:
            messages.success(request, text, extra_tags=reverse("deals:undo", args=[record.deal.pk, saved.pk]))
        return redirect(record.deal.get_absolute_url() + f"#{row.dom_id}")
    undo = reverse("deals:undo", args=[record.deal.pk, saved.pk]) if saved else ""
    context = {"deal": record.deal, "record": record, "row": row, "saved": saved, "text": text, "undo": undo}
    response = render(request, "deals/fields/saved.html", context)
    return answers.tell(response, record.deal) if saved else response
