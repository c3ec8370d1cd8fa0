"""Notes on a deal: written, changed, removed. Nothing reads them back, so only what was written here is there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from contacts import queries as contacts
from crmportal.htmx import fragment
from deals import actions, queries, timeline
from deals.forms import NoteForm, title_of
from deals.models import Deal, DealNote
from deals.record import Record
from sync import edits, mending
from sync.models import Edit, State


def blank() -> NoteForm:
    """The composer's form."""
    return NoteForm(auto_id="id-new-note-%s", label_suffix="")


@require_POST
def write(request: HttpRequest, pk: int) -> HttpResponse:
    deal = get_object_or_404(queries.for_user(request.user), pk=pk)
    form = NoteForm(request.POST, auto_id="id-new-note-%s", label_suffix="")
    if form.is_valid():
        try:
            actions.write_note(author=request.user, deal=deal, **form.cleaned_data)
            return _answer(request, deal, _("Note saved."))
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    if getattr(request, "htmx", False):
        return render(request, "deals/notes/composer.html", {"deal": deal, "note_form": form}, status=422)
    return render(request, "deals/notes/new.html", {"deal": deal, "form": form}, status=422)


@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int, note_pk: int) -> HttpResponse:
    """GET: the note as it was typed, to be changed. POST: save it."""
    deal, note = _visible(request, pk, note_pk)
    form = NoteForm(
        request.POST if request.method == "POST" else None,
        # A title that was made of the text is made anew of what the text becomes.
        initial={"title": "" if note.title == title_of(note.body) else note.title, "body": note.body},
        auto_id=f"id-note-{note.pk}-%s",
        label_suffix="",
    )
    if request.method == "GET":
        return _form(request, deal, note, form)
    if form.is_valid():
        try:
            changed = _change(request.user, note, **form.cleaned_data)
            return _answer(request, deal, _("Note saved.") if changed else "")
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    return _form(request, deal, note, form, status=422)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int, note_pk: int) -> HttpResponse:
    """GET: the question. POST: remove the note; Nimble cannot bring it back."""
    deal, note = _visible(request, pk, note_pk)
    if request.method == "GET":
        return fragment(request, "deals/notes/remove.html", "ask", {"deal": deal, "note": note})
    try:
        actions.remove_note(author=request.user, note=note)
    except edits.CannotEdit as reason:
        return _answer(request, deal, str(reason), kind="error")
    return _answer(request, deal, _("Note removed."))


def _change(user: Any, note: DealNote, title: str, body: str) -> bool:
    """Send a note's new text; one that Nimble never took is mended instead. False when nothing is different."""
    if (title, body) == (note.title, note.body):
        return False
    last = contacts.unsettled_of(note.kind, [note.pk], user).get(note.pk)
    refused = last and last.operation == Edit.Operation.CREATE and last.state in (State.REJECTED, State.FAILED)
    if last and refused and mending.mend(last, {"title": title, "body": body}):
        return True
    return actions.change_note(author=user, note=note, title=title, body=body) is not None


def _visible(request: HttpRequest, pk: int, note_pk: int) -> tuple[Deal, DealNote]:
    deal = get_object_or_404(queries.for_user(request.user), pk=pk)
    return deal, get_object_or_404(deal.notes.filter(gone_at=None, removed=False), pk=note_pk)


def _form(request: HttpRequest, deal: Deal, note: DealNote, form: NoteForm, status: int = 200) -> HttpResponse:
    template = "deals/notes/form.html" if getattr(request, "htmx", False) else "deals/notes/page.html"
    return render(request, template, {"deal": deal, "note": note, "form": form}, status=status)


def _answer(request: HttpRequest, deal: Deal, text: str, *, kind: str = "success") -> HttpResponse:
    """The composer, empty again, and the timeline as it stands now, with a word on what happened."""
    if not getattr(request, "htmx", False):
        if text:
            messages.add_message(request, messages.ERROR if kind == "error" else messages.SUCCESS, text)
        return redirect(deal.get_absolute_url() + "#timeline")
    record = Record(deal, request.user)
    context = {
        "deal": deal,
        "record": record,
        "events": timeline.events(record),
        "note_form": blank(),
        "text": text,
        "kind": kind,
    }
    response = render(request, "deals/notes/saved.html", context, status=409 if kind == "error" else 200)
    response["HX-Trigger"] = "close-dialog"
    return response
