"""One edit: what it changes, what became of it, and the decisions that it waits for. Only its author sees it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from sync import attempts, edits, entries, inbox, mending, reasons, status
from sync.entries import Entry
from sync.forms import Decision, Mending
from sync.models import Edit
from sync.views.answers import back, done, refused
from sync.views.page import look


def own(request: HttpRequest, pk: int) -> Edit:
    """The person's edit of that number; 404 for anybody else's, so that nothing is told about it."""
    return get_object_or_404(status.edits_of(request.user).select_related("connection", "author", "batch"), pk=pk)


@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    entry = entries.one(own(request, pk), request.user)
    user = request.user
    form = Decision(entry, user) if entry.can_decide else Mending(entry, user) if entry.can_mend else None
    return _page(request, entry, form)


def _page(
    request: HttpRequest, entry: Entry, form: Decision | Mending | None, code: int = 200, previewed: bool = False
) -> HttpResponse:
    edit = entry.edit
    cause = inbox.cause_of(edit)
    context = {
        "entry": entry,
        "edit": edit,
        "lines": entry.lines,
        "form": form,
        "previewed": previewed,
        "other_errors": reasons.field_messages(edit)[1],
        "tries": attempts.of([edit]).get(edit.pk, []),
        "undone_by": edit.undone_by.order_by("pk").first(),
        "cause": inbox.CAUSES.get(cause),
        "section": reverse("inbox:index" if cause else "inbox:history"),
        "left": inbox.waiting(request.user).exclude(pk=edit.pk).count() if cause else 0,
        "following": inbox.following(request.user, edit.pk, cause) if cause else None,
    }
    return render(request, "sync/edit.html", context, status=code)


def _another(request: HttpRequest, entry: Entry, form: Decision | Mending) -> HttpResponse:
    """The page as it was typed, with one more row where that was asked for."""
    form.with_another(request.POST["another"])
    return _page(request, entry, form)


def moved_on(request: HttpRequest, pk: int) -> HttpResponse:
    return refused(
        request, _("That is no longer possible: the edit has moved on meanwhile."), reverse("sync:edit", args=[pk])
    )


def settled(
    request: HttpRequest, edit: Edit, cause: str, text: str, *, undo: str = "", otherwise: str = "inbox:index"
) -> HttpResponse:
    """It is decided: on to the next one where that was asked for (`go`), else back. `undo`: a route takes it back."""
    undo = reverse(undo, args=[edit.pk]) if undo else ""
    if request.POST.get("go") != "next":
        return done(request, text, otherwise, undo=undo)
    following = inbox.following(request.user, edit.pk, cause)
    if following is None:
        return done(request, _("{text} That was the last one.").format(text=text), "inbox:index", undo=undo)
    left = inbox.waiting(request.user).count()
    rest = ngettext("%d is left.", "%d are left.", left) % left
    return done(request, f"{text} {rest}", reverse("sync:edit", args=[following.pk]), undo=undo)


@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What would be sent as it is chosen now; nothing is."""
    entry = entries.one(own(request, pk), request.user)
    only_fragment = request.headers.get("HX-Request") == "true"
    if not entry.can_decide:
        # Asked for a moment before it was decided: whoever decides is told, and the page is left anyway.
        return HttpResponse(status=204) if only_fragment else moved_on(request, pk)
    form = Decision(entry, request.user, request.POST)
    valid = form.is_valid()
    if only_fragment:
        return render(request, "sync/preview.html", {"form": form, "valid": valid})
    return _page(request, entry, form, 200 if valid else 422, previewed=valid)


@require_POST
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle a conflict, field by field or all at once."""
    entry = entries.one(own(request, pk), request.user)
    if not entry.can_decide:
        return moved_on(request, pk)
    form = Decision(entry, request.user, request.POST)
    if "another" in request.POST:
        return _another(request, entry, form)
    if not form.is_valid():
        return _page(request, entry, form, 422)
    if not edits.resolve(entry.edit, form.choices()):
        return moved_on(request, pk)
    if entry.edit.connection.is_usable:
        # What Nimble has is only known field by field: read the record as a whole.
        look(entry.edit.connection)
    return settled(request, entry.edit, "conflict", _("Decided."), otherwise=back(request, "inbox:index"))


@require_POST
def mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a refused edit again, with the values as they are now typed."""
    entry = entries.one(own(request, pk), request.user)
    form = Mending(entry, request.user, request.POST)
    if not entry.can_mend:
        return moved_on(request, pk)
    if "another" in request.POST:
        return _another(request, entry, form)
    if not form.is_valid():
        return _page(request, entry, form, 422)
    cause = inbox.cause_of(entry.edit)
    if not mending.mend(entry.edit, form.typed):
        return moved_on(request, pk)
    text = _("Saved here; it goes to Nimble by itself.")
    return settled(request, entry.edit, cause, text, otherwise=back(request, "inbox:index"))
