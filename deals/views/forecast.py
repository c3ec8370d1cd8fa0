"""Moving a deal to another month of the forecast."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crmportal import formats
from deals import actions, queries
from deals.forecast import ByMonth
from deals.models import Deal
from deals.views import answers
from deals.views.board import fragments, of_request
from sync import edits

FIELD = "expected_close_date"


@require_POST
def reschedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Expect a deal to close in another month: `stage` names the column, `seen` the one that it was taken from.

    409 where that cannot be.
    """
    deal = get_object_or_404(queries.for_user(request.user), pk=pk)
    board = of_request(request, request.POST, action=ByMonth.action)
    if not queries.is_editable(deal, request.user):
        return answers.refused(request, deal, _("You may not edit this deal in Nimble."))
    forecast = ByMonth(board.stages, lambda: board.members)
    if request.POST.get("seen", "") not in ("", forecast.of(deal.expected_close)):
        text = _("Somebody has given this deal another date meanwhile: look at it again.")
        return answers.refused(request, deal, text)
    try:
        day = forecast.moved(deal.expected_close, request.POST.get("stage", ""))
        actions.drop_refused(author=request.user, deal=deal, fields={FIELD})
        value = day.isoformat() if day else None
        edit = actions.change(author=request.user, deal=deal, field=FIELD, value=value)
    except ValueError:
        return answers.refused(request, deal, _("Nothing can be moved there: choose a month."))
    except edits.CannotEdit as refusal:
        return answers.refused(request, deal, str(refusal))
    undo = reverse("deals:undo", args=[pk, edit.pk]) if edit else ""
    return fragments(request, board, [pk], text=_said(deal, day), undo=undo)


def _said(deal: Deal, day: date | None) -> str:
    """Which day it is now, and why it is another day of the month than before."""
    name = deal.name or _("Unnamed")
    if day is None:
        return _("{deal} has no expected close any more.").format(deal=name)
    text = _("{deal} is expected to close on {day}.").format(deal=name, day=formats.day(day))
    before = deal.expected_close
    if before and before.day < day.day:
        text += " " + _("That day of this month is over.")
    elif before and before.day > day.day:
        text += " " + _("That month has no {n}.").format(n=before.day)
    return text
