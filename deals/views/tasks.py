"""A task for people of a deal."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crmportal.htmx import fragment
from deals import actions, beside
from deals.forms import TaskForm
from deals.models import Deal
from deals.record import Record
from deals.views import answers
from deals.views.deal import visible
from sync import edits
from sync.viewer import viewer


@never_cache
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the form. POST: make the task; 422 with what was typed. Whoever sees a deal may make one."""
    deal = visible(request, pk)
    form = _form(request, deal)
    if request.method == "POST" and form.is_valid():
        try:
            edit = actions.add_task(author=request.user, deal=deal, values=form.values())
            text = _("{task} is a task now.").format(task=form.cleaned_data["subject"])
            return answers.changed(request, deal, text, undo=answers.undo(deal, edit))
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    context = {"deal": deal, "form": form}
    return fragment(request, "deals/tasks/new.html", "ask", context, status=422 if form.errors else 200)


def _form(request: HttpRequest, deal: Deal) -> TaskForm:
    record = Record(deal, request.user)
    listed = beside.people(deal, record.values.get("contacts") or [], request.user)
    connection = viewer(request.user)
    own = {connection.nimble_user_id: connection.name} if connection else {}
    return TaskForm(
        {one.key: one.name for one in listed if one.contact},
        own | record.members,
        me=next(iter(own), ""),
        data=request.POST if request.method == "POST" else None,
    )
