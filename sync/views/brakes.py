"""What a person says of records that vanished at once."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from sync import brakes
from sync.views.answers import done, refused


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """They are gone: the next listing may hide them."""
    brake = get_object_or_404(brakes.of(request.user), pk=pk)
    if not brakes.approve(brake, by=request.user, mark=request.POST.get("mark", "")):
        return _other(request)
    return done(request, _("Noted. Nimble is asked once more, and what it still lacks is hidden."))


@require_POST
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """They stay."""
    brake = get_object_or_404(brakes.of(request.user), pk=pk)
    if not brakes.refuse(brake, by=request.user, mark=request.POST.get("mark", "")):
        return _other(request)
    return done(request, _("They are kept. You are asked again when more vanish."))


def _other(request: HttpRequest) -> HttpResponse:
    return refused(request, _("Meanwhile it is about other records, or was decided. Look at the page anew."))
