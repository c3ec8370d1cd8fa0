"""The badge that says where an edit is."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from sync import reasons, registry
from sync.models import Edit
from sync.viewer import viewer


@require_GET
@never_cache
def badge(request: HttpRequest, pk: int) -> HttpResponse:
    """For the author, and for those who see the record; the reason is the author's alone.

    It asks for itself again while the edit is on its way, and comes back empty once it is in Nimble.
    """
    edit = get_object_or_404(
        Edit.objects.only("kind", "record_id", "author_id", "workspace_id", "state", "error"), pk=pk
    )
    mine = edit.author_id == request.user.pk
    if not mine and not _sees(request, edit):
        raise Http404
    return render(
        request, "sync/badge.html", {"edit": edit, "mine": mine, "reason": reasons.of(edit) if mine else None}
    )


def _sees(request: HttpRequest, edit: Edit) -> bool:
    connection = viewer(request.user)
    if connection is None or connection.workspace_id != edit.workspace_id:
        return False
    return bool(registry.resource(edit.kind).for_user(request.user).filter(pk=edit.record_id).exists())
