"""What a person does to an edit of theirs with one press."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from sync import edits, inbox
from sync import recreate as recreating
from sync import undo as undoing
from sync.models import Edit
from sync.views.answers import refused
from sync.views.edit import moved_on, own, settled


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Back into the line at once; for an ambiguous create this is "it is not there: send it again"."""
    return _act(request, pk, edits.retry, _("It is sent again."))


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, edits.discard, _("Discarded. Nimble's value is back."), undo="sync:restore")


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """A discarded edit goes out after all."""
    return _act(request, pk, edits.restore, _("It is back in the line."))


@require_POST
def adopt(request: HttpRequest, pk: int) -> HttpResponse:
    """An ambiguous create is in Nimble: it is never sent again."""
    return _act(request, pk, edits.adopt, _("Noted: it is in Nimble."))


@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Of the candidates of an ambiguous create it is this one."""
    chosen = request.POST.get("candidate", "")
    return _act(request, pk, lambda edit: edits.choose(edit, chosen), _("Noted: it is read from Nimble."))


@require_POST
def recreate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the record anew that is gone from Nimble."""
    edit = own(request, pk)
    cause = inbox.cause_of(edit)
    try:
        recreating.recreate(edit, author=request.user)
    except edits.CannotEdit as reason:
        return refused(request, str(reason), "inbox:index")
    return settled(request, edit, cause, _("It is created again, with your values."))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    edit = own(request, pk)
    try:
        undone = undoing.undo(edit, author=request.user)
    except edits.CannotEdit as reason:
        return refused(request, str(reason), "inbox:history")
    return settled(request, edit, "", undone.text, otherwise="inbox:history")


def _act(request: HttpRequest, pk: int, action: Callable[[Edit], bool], text: str, undo: str = "") -> HttpResponse:
    edit = own(request, pk)
    cause = inbox.cause_of(edit)
    if not action(edit):
        return moved_on(request, pk)
    return settled(request, edit, cause, text, undo=undo)
