"""The lists of contacts and of companies."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from contacts import keyset, marks, queries
from contacts.filters import Filters
from contacts.models import Contact, RecordType
from crmportal.htmx import fragment
from sync import status
from sync.viewer import viewer

PAGE = 50


class Row(NamedTuple):
    """A line of the list. `company`: the record behind its company's name, where the reader may see that."""

    contact: Contact
    company: Contact | None
    owner: str


class Situation(NamedTuple):
    """Why a list is empty: `why` is connect, reconnect, syncing, filtered or none."""

    why: str
    progress: status.Progress | None


@require_GET
def contacts(request: HttpRequest) -> HttpResponse:
    """People and companies."""
    return _listing(request, "")


@require_GET
def companies(request: HttpRequest) -> HttpResponse:
    return _listing(request, RecordType.COMPANY)


@require_GET
def tags(request: HttpRequest) -> HttpResponse:
    """The tags on offer while one is typed into the filter."""
    return render(request, "contacts/tags.html", {"names": queries.tag_names(request.user)})


def _listing(request: HttpRequest, fixed_type: str) -> HttpResponse:
    filters = Filters.of(request.GET, fixed_type)
    found = filters.apply(queries.for_user(request.user))
    page = keyset.page(
        found.defer(*queries.HEAVY), filters.column, request.GET, descending=filters.descending, size=PAGE
    )
    owners = queries.members(request.user)
    rows = _rows(request.user, page.rows, owners)
    context = {
        "filters": filters,
        "rows": rows,
        "count": found.count(),
        "before": filters.query(before=page.before) if page.before else "",
        "after": filters.query(after=page.after) if page.after else "",
        "words": marks.words(filters.q),
        "owners": owners,
        "heads": {name: filters.sorted_by(request.path, name) for name in ("name", "updated")},
        "types": [("", request.path + filters.query()), *_types(request, filters)],
        "chips": filters.chips(request.path, owners),
        "situation": _situation(request.user, filters) if not rows else None,
        "connection": viewer(request.user),
    }
    response = fragment(request, "contacts/list.html", "listing", context)
    if getattr(request, "htmx", False):
        # The address without the empty fields of the form.
        response["HX-Push-Url"] = request.path + filters.query()
    return response


def _types(request: HttpRequest, filters: Filters) -> list[tuple[str, str]]:
    return [(value, filters.but(request.path, type=value)) for value in RecordType.values]


def _rows(user: Any, contacts: list[Contact], owners: dict[str, str]) -> list[Row]:
    ids = {contact.company_nimble_id for contact in contacts if contact.company_nimble_id}
    companies = queries.by_nimble_id(user, sorted(ids))
    return [
        Row(contact, companies.get(contact.company_nimble_id), owners.get(contact.owner_id, "")) for contact in contacts
    ]


def _situation(user: Any, filters: Filters) -> Situation:
    standing = status.standing(user)
    if standing.connection is None:
        return Situation("reconnect" if standing.lost else "connect", None)
    stream = next(flow for flow in standing.flows if flow.spec.name == "contacts")
    if stream.completed_at is None:
        return Situation("syncing", stream.progress)
    return Situation("filtered" if filters.narrowing else "none", None)
