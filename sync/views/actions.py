"""What a person does to an edit of theirs with one press."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from sync import edits
from sync.models import Edit
from sync.views.answers import done, refused
from sync.views.edit import own


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Back into the line at once; for an ambiguous create this is "it is not there: send it again"."""
    return _act(request, pk, edits.retry, _("It is sent again."))


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, edits.discard, _("Discarded. Nimble's value is back."))


@require_POST
def adopt(request: HttpRequest, pk: int) -> HttpResponse:
    """An ambiguous create is in Nimble: it is never sent again."""
    return _act(request, pk, edits.adopt, _("Noted: it is in Nimble."))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    edit = own(request, pk)
    try:
        edits.undo(edit, author=request.user)
    except edits.CannotEdit as reason:
        return refused(request, str(reason))
    return done(request, _("Undone"))


def _act(request: HttpRequest, pk: int, action: Callable[[Edit], bool], text: str) -> HttpResponse:
    if not action(own(request, pk)):
        return refused(request, _("That is no longer possible: the edit has moved on meanwhile."))
    return done(request, text)
