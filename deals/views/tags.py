"""The tags of deals: how many deals have each, renaming and deleting one everywhere."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from crmportal.htmx import fragment
from deals import queries, tags
from sync import edits, reasons, undo
from sync.models import Edit, State


class RenameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("New name"), max_length=255)


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    found = tags.listed(request.user)
    moving = any(one.edit is not None and one.edit.state in queries.ON_ITS_WAY for one in found)
    return fragment(request, "deals/tags/index.html", "lines", {"tags": found, "is_moving": moving})


@never_cache
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest) -> HttpResponse:
    """`tag`: its name now. GET: the form, with what Nimble refused. POST: the new `name`."""
    tag = _tag(request)
    refused = _refused(tag, "name")
    typed = refused.fields["name"]["new"] if refused else tag.name
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": typed}, label_suffix="")
    if request.method == "GET" or not form.is_valid():
        context = {"tag": tag, "form": form, "said": _said(refused)}
        return render(request, "deals/tags/rename.html", context, status=422 if request.method == "POST" else 200)
    new = form.cleaned_data["name"]
    text = _("{tag} becomes {new} on all deals that you may edit.").format(tag=tag.name, new=new)
    return _act(request, lambda: tags.rename(author=request.user, name=tag.name, new=new), text)


@never_cache
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest) -> HttpResponse:
    """`tag`: its name. GET: what goes with it. POST: delete it, if every deal that has it may be edited; with `some`,
    from those that may.
    """
    tag = _tag(request)
    refused = _refused(tag, "removed")
    if request.method == "GET":
        context = {"tag": tag, "refused": refused, "said": _said(refused), "some": _keeps_some(refused)}
        return render(request, "deals/tags/remove.html", context)
    how = tags.SOME if _keeps_some(refused) and request.POST.get("some") else tags.ALL
    text = _("{tag} is being deleted from all deals.").format(tag=tag.name)
    return _act(request, lambda: tags.remove(author=request.user, name=tag.name, how=how), text)


def _tag(request: HttpRequest) -> tags.Tag:
    """The tag that is asked for, of the deals that this person sees."""
    name = (request.POST if request.method == "POST" else request.GET).get("tag", "")
    found = next((one for one in tags.listed(request.user) if one.name == name), None)
    if found is None:
        raise Http404
    return found


def _refused(tag: tags.Tag, field: str) -> Edit | None:
    found = tag.edit
    return found if found is not None and found.state in tags.REFUSED and field in found.fields else None


def _keeps_some(refused: Edit | None) -> bool:
    """Whether it was Nimble's answer to the check that some deals may not be edited, and nothing else."""
    if refused is None or refused.state != State.REJECTED:
        return False
    return refused.error.get("reason") == "NotAcceptable" and "deal" in reasons.said(refused).lower()


def _said(refused: Edit | None) -> str:
    reason = reasons.of(refused) if refused else None
    return (reasons.said(refused) or str(reason.text)) if refused and reason else ""


def _act(request: HttpRequest, action: Any, text: str) -> HttpResponse:
    try:
        edit: Edit | None = action()
    except edits.CannotEdit as reason:
        messages.error(request, str(reason))
        return redirect("deals:deal_tags")
    if edit is None:
        messages.info(request, _("Nothing was different."))
    else:
        messages.success(request, text, extra_tags="" if undo.refusal(edit) else reverse("sync:undo", args=[edit.pk]))
    return redirect("deals:deal_tags")
