"""Files of a deal: opened by a link that lives for minutes, added by link, renamed, removed."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from crmportal.htmx import fragment
from deals import actions, downloads, files
from deals.files import File
from deals.forms import FileForm, FileNameForm
from deals.models import Deal, DealFile
from deals.views import answers
from deals.views.deal import editable, visible
from nimble import errors
from sync import edits


@require_GET
@never_cache
def open_file(request: HttpRequest, pk: int, file_id: str) -> HttpResponse:
    """Lead to the bytes. Nimble's link is asked for now, and neither kept nor logged; 502 says why there is none."""
    deal = visible(request, pk)
    found = _of(deal, request, file_id)
    if not found.link and not found.is_kept_by_nimble:
        raise Http404
    try:
        answer = HttpResponseRedirect(found.link or downloads.link(request.user, deal, found.file_id))
    except (errors.NimbleError, edits.CannotEdit) as error:
        context = {"deal": deal, "file": found, "reason": str(error)}
        return render(request, "deals/files/unopened.html", context, status=502)
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the form. POST: add the file by its link; 422 with what was typed."""
    deal = editable(request, pk)
    form = FileForm(request.POST if request.method == "POST" else None, auto_id="id-file-%s", label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            edit = actions.add_file(author=request.user, deal=deal, **form.cleaned_data)
            text = _("{name} is added.").format(name=form.cleaned_data["name"])
            return answers.changed(request, deal, text, undo=answers.undo(deal, edit))
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    context = {"deal": deal, "form": form}
    return fragment(request, "deals/files/add.html", "ask", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def rename(request: HttpRequest, pk: int, file_id: str) -> HttpResponse:
    """GET: the form. POST: another name, for a file that Nimble keeps."""
    deal = editable(request, pk)
    found = _of(deal, request, file_id)
    data = request.POST if request.method == "POST" else None
    form = FileNameForm(data, initial={"name": found.name}, auto_id="id-file-%s", label_suffix="")
    if not found.is_kept_by_nimble:
        raise Http404
    if data is not None and form.is_valid():
        try:
            row, name = _row(deal, found), form.cleaned_data["name"]
            edit = actions.rename_file(author=request.user, file=row, name=name)
            return answers.changed(request, deal, _("The file is renamed."), undo=answers.undo(deal, edit))
        except edits.CannotEdit as reason:
            form.add_error(None, str(reason))
    context = {"deal": deal, "file": found, "form": form}
    return fragment(request, "deals/files/rename.html", "ask", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int, file_id: str) -> HttpResponse:
    """GET: the question. POST: remove it; Nimble cannot bring it back."""
    deal = editable(request, pk)
    found = _of(deal, request, file_id)
    if request.method == "GET":
        return fragment(request, "deals/files/remove.html", "ask", {"deal": deal, "file": found})
    try:
        edit = actions.remove_file(author=request.user, file=_row(deal, found))
    except edits.CannotEdit as reason:
        return answers.refused(request, deal, str(reason))
    text = _("{name} is removed.").format(name=found.name)
    return answers.changed(request, deal, text, undo=answers.undo(deal, edit))


def _of(deal: Deal, request: HttpRequest, file_id: str) -> File:
    """One of the deal's files, by Nimble's id of it; one that has none yet by ours, after a dash."""
    for one in files.of(deal, request.user):
        if one.key == file_id:
            return one
    raise Http404


def _row(deal: Deal, file: File) -> DealFile:
    """The row that stands for a file from the first change on that is made to it here."""
    if file.row:
        return file.row
    remote = next((one for one in files.listed(deal.remote) if one.get("file_id") == file.file_id), None)
    if remote is None or not file.file_id:
        raise Http404
    kept = {"remote": remote, "deal": deal, "name": file.name, "source": file.source, "fetched_at": deal.fetched_at}
    return DealFile.objects.get_or_create(workspace_id=deal.workspace_id, nimble_id=file.file_id, defaults=kept)[0]
