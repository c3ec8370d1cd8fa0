"""Keeping a board's filters and order under a name; renaming, sharing, removing such a view, and beginning with it."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deals import queries, saved
from deals.filters import Filters
from deals.models import SavedView

LONGEST = SavedView._meta.get_field("query").max_length or 0

# In the sidebar; the others are in the menu of their board.
MOST_SHOWN = 20


class ViewForm(forms.ModelForm):
    class Meta:
        model = SavedView
        fields = ("name", "is_shared")
        labels = {"name": gettext_lazy("Name"), "is_shared": gettext_lazy("Share with the team")}


@never_cache
@require_http_methods(["GET", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """GET: the views of a `pipeline`. POST: keep what its board or table (`shows`) has now, `query`, under a `name`."""
    data = request.POST if request.method == "POST" else request.GET
    asked = data.get("pipeline", "")
    known = {str(one.pk): one for one in queries.pipelines(request.user)}
    if asked not in known:
        raise Http404
    # Only what a board understands is kept.
    query = Filters.of(QueryDict(data.get("query", "").lstrip("?"))).query()
    user: Any = request.user
    shows = data.get("shows", "")
    if shows not in SavedView.Shows:
        shows = SavedView.Shows.BOARD
    view = SavedView(pipeline=known[asked], owner=user, shows=shows, query=query)
    if request.method == "GET":
        kept = saved.of(user, known[asked])
        template = "deals/views/list.html" if getattr(request, "htmx", False) else "deals/views/page.html"
        return render(request, template, {"pipeline": known[asked], "views": kept, "query": query, "shows": shows})
    form = ViewForm(request.POST, instance=view, label_suffix="")
    if len(query) > LONGEST:
        messages.error(request, _("The filters are too long to be kept: shorten the text."))
        return redirect(view)
    if not form.is_valid():
        messages.error(request, _("A view needs a name of at most 80 characters."))
        return redirect(view)
    form.save()
    messages.success(request, _("The view {name} is kept.").format(name=view.name))
    return redirect(view)


@require_GET
@never_cache
def nav(request: HttpRequest) -> HttpResponse:
    """The views in the sidebar of a page, whose address htmx says."""
    here = urlsplit(request.headers.get("HX-Current-URL", ""))
    address = f"{here.path}?{here.query}" if here.query else here.path
    kept = [(one, one.get_absolute_url() == address) for one in saved.for_user(request.user)[:MOST_SHOWN]]
    return render(request, "deals/views/nav.html", {"views": kept})


@never_cache
@require_http_methods(["GET", "POST"])
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: what can be done with a view. POST, for its owner: rename it, share it."""
    found = get_object_or_404(saved.for_user(request.user), pk=pk)
    is_own = found.owner_id == request.user.pk
    if request.method == "POST" and not is_own:
        raise Http404
    form = ViewForm(request.POST if request.method == "POST" else None, instance=found, label_suffix="")
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect(found)
    context = {"view": found, "form": form, "is_own": is_own}
    return render(request, "deals/views/view.html", context, status=422 if form.errors else 200)


@require_POST
def default(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the person's board begin with this view, or no longer."""
    user: Any = request.user
    found = get_object_or_404(saved.for_user(user), pk=pk)
    saved.make_default(user, found, wanted=not found.default_of.filter(pk=user.pk).exists())
    return redirect("deals:view", pk)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view of one's own."""
    found = get_object_or_404(saved.for_user(request.user).filter(owner_id=request.user.pk), pk=pk)
    found.delete()
    messages.success(request, _("The view {name} is removed.").format(name=found.name))
    return redirect(found.pipeline)
