"""The contacts of a deal: found and added, with a note on each, and removed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from contacts import queries as contacts
from contacts.models import Contact
from crmportal.htmx import fragment
from deals import actions, beside
from deals.forms import ExternalForm, RelationForm
from deals.models import Deal
from deals.record import Record
from deals.views import answers
from deals.views.deal import editable
from sync import edits, events

Listed = list[dict[str, Any]]

# More are found by a longer word.
MOST_FOUND = 8


@never_cache
@require_http_methods(["GET", "POST"])
def relate(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: the contacts that `q` finds. POST: `contact` takes part from now on."""
    deal = editable(request, pk)
    listed = _listed(deal, request)
    error = ""
    if request.method == "POST":
        contact = _contact(request)
        if contact.nimble_id is None:
            error = _("{name} is not in Nimble yet: try again in a moment.").format(name=contact.name)
        elif contact.nimble_id not in [one["id"] for one in listed]:
            text = _("{name} takes part now.").format(name=contact.name)
            return _change(request, deal, partial(_added, key=contact.nimble_id), text)
        else:
            error = _("{name} takes part already.").format(name=contact.name)
    query = request.GET.get("q", "").strip()
    context = {"deal": deal, "query": query, "found": _find(request, query, listed), "error": error}
    part = "found" if getattr(request.htmx, "target", "") == "found" else "ask"  # type: ignore[attr-defined]
    return fragment(request, "deals/people/relate.html", part, context, status=409 if error else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def related(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """GET: the note on one of them. POST: another note; with `remove`, it takes part no more."""
    deal = editable(request, pk)
    listed = _listed(deal, request)
    person = next((one for one in beside.people(deal, listed, request.user) if one.key == key), None)
    if person is None:
        raise Http404
    if request.method == "POST" and "remove" in request.POST:
        text = _("{name} takes part no more.").format(name=person.name)
        return _change(request, deal, lambda now: [one for one in now if one["id"] != key], text)
    data = request.POST if request.method == "POST" else None
    form = RelationForm(data, initial={"note": person.note}, auto_id="id-relation-%s", label_suffix="")
    if data is not None and form.is_valid():
        note = form.cleaned_data["note"]
        return _change(request, deal, partial(_noted, key=key, note=note), _("The note is saved."))
    context = {"deal": deal, "one": person, "form": form}
    return fragment(request, "deals/people/note.html", "ask", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def external(request: HttpRequest, pk: int, key: str = "") -> HttpResponse:
    """Somebody who is no contact: the one of this key, else another one. GET: the form. POST: save it; with `remove`,
    they take part no more.
    """
    deal = editable(request, pk)
    others = {one["key"]: one for one in Record(deal, request.user).external}
    one = others.get(key)
    if key and one is None:
        raise Http404
    was = one["info"] if one else ""
    if request.method == "POST" and one and "remove" in request.POST:
        text = _("{name} takes part no more.").format(name=was)
        return _change(request, deal, lambda now: [each for each in now if each["info"] != was], text, "external")
    data = request.POST if request.method == "POST" else None
    taken = {each["info"] for each in others.values()} - {was}
    form = ExternalForm(data, taken=taken, initial=one, auto_id="id-external-%s", label_suffix="")
    if data is not None and form.is_valid():
        told = {"info": form.cleaned_data["info"], "note": form.cleaned_data["note"]}
        text = (_("{name} is saved.") if one else _("{name} takes part now.")).format(name=told["info"])
        return _change(request, deal, partial(_told, was=was, one=told), text, "external")
    context = {"deal": deal, "one": one, "form": form}
    return fragment(request, "deals/people/external.html", "ask", context, status=422 if form.errors else 200)


def _listed(deal: Deal, request: HttpRequest, field: str = "contacts") -> Listed:
    return list(Record(deal, request.user).values.get(field) or [])


def _contact(request: HttpRequest) -> Contact:
    asked = request.POST.get("contact", "")
    if not (asked.isdecimal() and len(asked) < 19):
        raise Http404
    return get_object_or_404(contacts.for_user(request.user), pk=int(asked))


def _find(request: HttpRequest, query: str, listed: Listed) -> list[Contact]:
    """The people and companies of these words that do not take part yet, by name."""
    if not query:
        return []
    known = contacts.for_user(request.user).exclude(nimble_id__in=[one["id"] for one in listed])
    found = contacts.filtered(known.filter(nimble_id__isnull=False), text=query)
    return list(found.order_by("sort_name", "pk").defer(*contacts.HEAVY)[:MOST_FOUND])


def _added(listed: Listed, *, key: str) -> Listed:
    return listed if key in [one["id"] for one in listed] else [*listed, {"id": key, "note": ""}]


def _noted(listed: Listed, *, key: str, note: str) -> Listed:
    return [{**one, "note": note} if one["id"] == key else one for one in listed]


def _told(listed: Listed, *, was: str, one: dict[str, str]) -> Listed:
    """Where the one that it was stands, or in the end; a colleague may have removed it or told the same meanwhile."""
    left = [each for each in listed if each["info"] == was or each["info"] != one["info"]]
    found = [one if each["info"] == was else each for each in left]
    return found if one in found else [*found, one]


def _change(
    request: HttpRequest, deal: Deal, change: Callable[[Listed], Listed], text: str, field: str = "contacts"
) -> HttpResponse:
    """Change the list as it is now: an edit has all of it, and a colleague may just have made another."""
    try:
        with events.atomic():
            locked = Deal.objects.select_for_update(no_key=True).get(pk=deal.pk)
            wanted = change(_listed(locked, request, field))
            edit = actions.change(author=request.user, deal=locked, field=field, value=wanted)
    except edits.CannotEdit as reason:
        return answers.refused(request, deal, str(reason))
    return answers.changed(request, deal, text, undo=answers.undo(deal, edit))
