"""Deleting a deal: what goes with it is said first, and it can be taken back until it has gone out."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crmportal.htmx import fragment
from deals import actions, files, queries
from deals.models import Deal, Pipeline
from deals.views import answers
from deals.views.deal import editable
from sync import edits


@never_cache
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the question. POST: delete it, and on to its board."""
    deal = editable(request, pk)
    if request.method == "GET":
        return fragment(request, "deals/delete.html", "ask", {"deal": deal, "lost": lost_with(deal, request)})
    create = edits.create_of(deal) if deal.nimble_id is None else None
    try:
        edit = actions.remove(author=request.user, deal=deal)
    except edits.CannotEdit as reason:
        return answers.refused(request, deal, str(reason))
    text = _("{deal} is deleted.").format(deal=deal.name or _("Unnamed"))
    # One that was never sent left nothing to withdraw: its create is put back into the line instead.
    undo = reverse("sync:restore", args=[create.pk]) if edit is None and create else answers.undo(deal, edit)
    return answers.left(request, deal, _board(request, deal), text, undo=undo)


def lost_with(deal: Deal, request: HttpRequest) -> list[str]:
    """What Nimble deletes with it, as far as it is known here."""
    notes = deal.notes.filter(gone_at=None, removed=False).count()
    here = ngettext("%d note that was written here", "%d notes that were written here", notes) % notes
    filed = len(files.of(deal, request.user))
    return [
        *([here] if notes else []),
        _("all notes that were written on it in Nimble: how many, Nimble does not tell"),
        *([ngettext("%d file", "%d files", filed) % filed] if filed else []),
        _("its fields, its way through the stages, and its place in Nimble's reports"),
    ]


def _board(request: HttpRequest, deal: Deal) -> str:
    board = queries.pipelines(request.user).filter(nimble_id=deal.pipeline_nimble_id).first()
    return board.get_absolute_url() if isinstance(board, Pipeline) else "deals:index"
