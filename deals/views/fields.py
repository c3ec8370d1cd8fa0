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
from deals.fields import FieldForm
from deals.record import Record, Row
from deals.views import answers
from deals.views.deal import visible
from sync import edits, mending
from sync.models import Edit


@never_cache
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """GET: the form. POST: save it; 422 with what was typed when it cannot be."""
    record = Record(visible(request, pk), request.user)
    row = record.row(field)
    if row is None or not row.can_edit:
        raise Http404
    refused = record.refused.get(field)
    begun = refused.fields[field]["new"] if refused else None
    form = FieldForm(record, row, request.POST if request.method == "POST" else None, begun)
    if request.method == "GET":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        saved = _save(request, form, refused)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        return _form(request, form, status=422)
    return _saved(request, Record(visible(request, pk), request.user), field, saved)


def _save(request: HttpRequest, form: FieldForm, refused: Edit | None) -> Edit | None:
    """Record the edit; a refused one is mended and sent again, or dropped when nothing is left of it."""
    name, wanted, seen = form.row.name, form.wanted(), form.seen
    if refused and wanted != seen and mending.mend(refused, {name: wanted}):
        return refused
    actions.drop_refused(author=request.user, deal=form.record.deal, fields={name})
    if wanted == seen:
        return None
    return actions.change(
        author=request.user, deal=form.record.deal, field=name, value=wanted, seen=seen, has_seen=True
    )


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
