"""Notes on a contact: written, changed, removed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from contacts import actions, queries
from contacts.forms.base import sealed, typed
from contacts.forms.notes import NoteForm
from contacts.models import Contact, ContactNote
from crmportal.htmx import fragment
from sync import clean, edits, mending
from sync.models import Edit, State

MOST_NOTES = 200


def context(contact: Contact, user: Any, form: NoteForm | None = None) -> dict[str, Any]:
    """The notes of a contact, each with its edit that is not in Nimble yet, and the form for a new one."""
    notes = list(queries.notes(contact).defer("remote")[:MOST_NOTES])
    edits_of = queries.unsettled_of(ContactNote.kind, [note.pk for note in notes], user)
    return {
        "contact": contact,
        "notes": [{"note": note, "edit": edits_of.get(note.pk)} for note in notes],
        "note_form": form or NoteForm(auto_id="id-new-note-%s"),
    }


@require_POST
def write(request: HttpRequest, pk: int) -> HttpResponse:
    contact = get_object_or_404(queries.for_user(request.user), pk=pk)
    form = NoteForm(request.POST, auto_id="id-new-note-%s")
    if form.is_valid():
        try:
            actions.write_note(author=request.user, contact=contact, text=form.cleaned_data["text"])
            return _section(request, contact, _("Note saved."))
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    return _section(request, contact, form=form)


@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int, note_pk: int) -> HttpResponse:
    """GET: the note as plain text to be changed. POST: save it."""
    contact, note = _visible(request, pk, note_pk)
    if request.method == "GET":
        body = queries.shown(note).get("note")
        initial = {"text": _text(body), "seal": sealed(body)}
        form = NoteForm(initial=initial, auto_id=f"id-note-{note.pk}-%s")
        return _form(request, contact, note, form if NoteForm.fits(**initial) else None)
    form = NoteForm(request.POST, auto_id=f"id-note-{note.pk}-%s")
    if form.is_valid():
        text, seen = form.cleaned_data["text"], form.cleaned_data["seal"]
        try:
            edit = _change(request.user, note, text, seen)
            return _section(request, contact, _("Note saved.") if edit else "", edit=edit)
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    return _form(request, contact, note, form, status=422)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int, note_pk: int) -> HttpResponse:
    """GET: what the page asks without JavaScript. POST: remove the note; Nimble cannot bring it back."""
    contact, note = _visible(request, pk, note_pk)
    if request.method == "GET":
        return fragment(request, "contacts/notes/remove.html", "ask", {"contact": contact, "note": note})
    try:
        actions.remove_note(author=request.user, note=note)
    except edits.CannotEdit as reason:
        return _section(request, contact, str(reason), kind="error")
    return _section(request, contact, _("Note removed."))


def _change(user: Any, note: ContactNote, text: str, seen: str | None) -> Edit | None:
    """Send a note's new text; one that Nimble never took is mended instead."""
    if text == _text(queries.shown(note).get("note")):
        return None
    last = queries.unsettled_of(note.kind, [note.pk], user).get(note.pk)
    refused = last and last.operation == Edit.Operation.CREATE and last.state in (State.REJECTED, State.FAILED)
    if last and refused and mending.mend(last, {"note": actions.markdown.render(text)}):
        return last
    return actions.change_note(author=user, note=note, text=text, seen=seen)


def _text(body: Any) -> str:
    """All of a note's text; the column's is shortened for lists."""
    return typed(clean.plain(actions.whole(body)))


def _visible(request: HttpRequest, pk: int, note_pk: int) -> tuple[Contact, ContactNote]:
    contact = get_object_or_404(queries.for_user(request.user), pk=pk)
    return contact, get_object_or_404(queries.notes(contact), pk=note_pk)


def _form(
    request: HttpRequest, contact: Contact, note: ContactNote, form: NoteForm | None, status: int = 200
) -> HttpResponse:
    """The note's form, or a word that it is too long for one."""
    is_rich = actions.is_rich(actions.whole(queries.shown(note).get("note")))
    context = {"contact": contact, "note": note, "form": form, "is_rich": is_rich}
    whole = "contacts/notes/page.html"
    template = "contacts/notes/form.html" if getattr(request, "htmx", False) else whole
    return render(request, template, context, status=status)


def _section(
    request: HttpRequest,
    contact: Contact,
    text: str = "",
    *,
    form: NoteForm | None = None,
    edit: Edit | None = None,
    kind: str = "success",
) -> HttpResponse:
    """The notes as they stand now, with a word on what happened; a page for a browser without JavaScript."""
    if getattr(request, "htmx", False):
        undo = reverse("sync:undo", args=[edit.pk]) if edit else ""
        said = {**context(contact, request.user, form), "text": text, "kind": kind, "undo": undo}
        status = 422 if form else 409 if kind == "error" else 200
        return render(request, "contacts/notes/saved.html", said, status=status)
    if form:
        return render(request, "contacts/notes/new.html", {"contact": contact, "form": form}, status=422)
    if text:
        messages.add_message(request, messages.ERROR if kind == "error" else messages.SUCCESS, text)
    return redirect(contact.get_absolute_url() + "#notes")
