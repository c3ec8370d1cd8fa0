"""Changing many deals of a table: which fields to what, what that would do, and beginning with it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deals import bulk
from deals.bulk.forms import ChangeForm
from deals.filters import Filters
from deals.table import Table, open_table, paging
from sync import batches, edits
from sync.views.answers import refused


@require_http_methods(["GET", "POST"])
@never_cache
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """The deals of `deals` (ids with commas), or with `all` whatever the filters of `query` leave: which fields; then
    to which values; then, with `preview`, what that would do; then, with `go`, begin with what was `seen`: what was
    typed since, and which deals came or went, is shown first.

    GET, whence a sign-in that was asked for in between comes back: the table, to choose anew.
    """
    if request.method == "GET":
        return redirect("deals:table", pk)
    filters = Filters.of(QueryDict(request.POST.get("query", "").lstrip("?")))
    table = open_table(request.user, pk, filters)
    if table is None:
        raise Http404
    pks = _chosen(request, table)
    back = reverse("deals:table", args=[pk]) + filters.query()
    if not pks:
        return refused(request, _("Choose at least one."), "deals:index")
    form = ChangeForm(table, request.POST)
    is_asked = "preview" in request.POST or "go" in request.POST
    context: dict[str, Any] = {"table": table, "form": form, "back": back, "count": len(pks), "most": batches.MOST}
    context |= {"total": table.count if request.POST.get("all") else len(pks)}
    context |= {"deals": request.POST.get("deals", ""), "all": request.POST.get("all", ""), "query": filters.query()}
    if is_asked and form.is_complete:
        asked = form.change()
        seen = asked.digest(pks)
        if "go" in request.POST and request.POST.get("seen") == seen:
            try:
                edits.connection_of(request.user, table.pipeline)
            except edits.CannotEdit as reason:
                return refused(request, str(reason), "deals:index")
            return redirect("inbox:batch", bulk.begin(request.user, pks, asked, back=back).pk)
        context |= {"plan": bulk.plan(request.user, pks, asked), "seen": seen, "is_other": "go" in request.POST}
    is_wrong = is_asked and not form.is_edited and form.is_wrong
    return render(request, "deals/bulk.html", {**context, "is_wrong": is_wrong}, status=422 if is_wrong else 200)


def _chosen(request: HttpRequest, table: Table) -> list[int]:
    """The deals that are to be changed, the first ones of the table where they are too many."""
    if request.POST.get("all"):
        return [one.pk for one in paging.walk(table.board.deals, table.sorting, batches.MOST, start=None)]
    asked = request.POST.get("deals", "").split(",")[: batches.MOST]
    return list(dict.fromkeys(int(one) for one in asked if one.isascii() and one.isdecimal() and len(one) < 19))
