"""The tags of contacts: how many have each, renaming and deleting one on all of them."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from contacts import tagging
from sync import edits


class RenameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("New name"), max_length=255)


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "contacts/tagging/index.html", {"tags": tagging.listed(request.user)})


@never_cache
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """`tag`: its name now. POST: the new `name`."""
    tag = _tag(request)
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": tag.name}, label_suffix="")
    if request.method == "GET" or not form.is_valid():
        context = {"tag": tag, "form": form, "most": tagging.MOST}
        return render(request, "contacts/tagging/rename.html", context, status=422 if request.method == "POST" else 200)
    new = form.cleaned_data["name"].strip()
    if new == tag.name:
        messages.info(request, _("Nothing was different."))
        return redirect("contacts:contact_tags")
    try:
        outcome = tagging.rename(author=request.user, name=tag.name, new=new)
    except edits.CannotEdit as reason:
        form.add_error(None, str(reason))
        context = {"tag": tag, "form": form, "most": tagging.MOST}
        return render(request, "contacts/tagging/rename.html", context, status=422)
    text = ngettext("{n} contact is tagged {tag} now.", "{n} contacts are tagged {tag} now.", outcome.changed)
    return _done(request, outcome, text.format(n=outcome.changed, tag=new))


@never_cache
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """`tag`: its name. GET: on how many contacts it is. POST: take it from them."""
    tag = _tag(request)
    if request.method == "GET":
        return render(request, "contacts/tagging/remove.html", {"tag": tag, "most": tagging.MOST})
    try:
        outcome = tagging.remove(author=request.user, name=tag.name)
    except edits.CannotEdit as reason:
        messages.error(request, str(reason))
        return redirect("contacts:contact_tags")
    text = ngettext("{tag} is taken from {n} contact.", "{tag} is taken from {n} contacts.", outcome.changed)
    return _done(request, outcome, text.format(n=outcome.changed, tag=tag.name))


def _done(request: HttpRequest, outcome: tagging.Outcome, text: str) -> HttpResponse:
    if outcome.left:
        left = ngettext("{n} contact still has it: go on.", "{n} contacts still have it: go on.", outcome.left)
        text = f"{text} {left.format(n=outcome.left)}"
    undo = reverse("inbox:undo_batch", args=[outcome.batch.pk]) if outcome.batch else ""
    messages.success(request, text, extra_tags=undo)
    return redirect("contacts:contact_tags")


def _tag(request: HttpRequest) -> tagging.Tag:
    """The tag that is asked for, of the contacts that this person sees."""
    name = (request.POST if request.method == "POST" else request.GET).get("tag", "")
    found = next((one for one in tagging.listed(request.user) if one.name == name), None)
    if found is None:
        raise Http404
    return found
