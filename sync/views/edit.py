"""One edit: what it changes, what became of it, and the decisions that it waits for. Only its author sees it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from sync import edits, entries, mending, reasons, status
from sync.entries import Entry, Line
from sync.forms import Decision, Mending
from sync.models import Edit
from sync.views.answers import back, done, refused
from sync.views.page import look


def own(request: HttpRequest, pk: int) -> Edit:
    """The person's edit of that number; 404 for anybody else's, so that nothing is told about it."""
    return get_object_or_404(status.edits_of(request.user).select_related("connection", "author"), pk=pk)


@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    entry = entries.one(own(request, pk), request.user)
    lines = entries.lines(entry)
    form = Decision(entry, lines) if entry.can_decide else Mending(entry, lines) if entry.can_mend else None
    return _page(request, entry, lines, form)


def _page(
    request: HttpRequest, entry: Entry, lines: list[Line], form: Decision | Mending | None, code: int = 200
) -> HttpResponse:
    context = {
        "entry": entry,
        "edit": entry.edit,
        "lines": lines,
        "form": form,
        "other_errors": reasons.field_messages(entry.edit)[1],
    }
    return render(request, "sync/edit.html", context, status=code)


def _moved_on(request: HttpRequest, pk: int) -> HttpResponse:
    return refused(request, _("It has moved on meanwhile: here is how it stands now."), reverse("sync:edit", args=[pk]))


@require_POST
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle a conflict, field by field or all at once."""
    entry = entries.one(own(request, pk), request.user)
    if not entry.can_decide:
        return _moved_on(request, pk)
    lines = entries.lines(entry)
    form = Decision(entry, lines, request.POST)
    if not form.is_valid():
        return _page(request, entry, lines, form, 422)
    if not edits.resolve(entry.edit, form.choices(entry.edit)):
        return _moved_on(request, pk)
    if entry.edit.connection.is_usable:
        # What Nimble has is only known field by field: read the record as a whole.
        look(entry.edit.connection)
    return done(request, _("Decided."), back(request, "sync:index"))


@require_POST
def mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a refused edit again, with the values as they are now typed."""
    entry = entries.one(own(request, pk), request.user)
    lines = entries.lines(entry)
    form = Mending(entry, lines, request.POST)
    if not entry.can_mend:
        return _moved_on(request, pk)
    if not form.is_valid():
        return _page(request, entry, lines, form, 422)
    if not mending.mend(entry.edit, form.typed):
        return _moved_on(request, pk)
    return done(request, _("Saved here; it goes to Nimble by itself."), back(request, "sync:index"))
