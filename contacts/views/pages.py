"""The page of one person or company."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from contacts import layout, mapping, queries
from contacts.models import Contact
from contacts.record import Record
from contacts.views import notes
from sync import interest, registry, status

# A company's people on its page; the list has them all.
MOST_PEOPLE = 50


def visible(request: HttpRequest, pk: int) -> Contact:
    """The contact, or 404 for whoever may not see it."""
    return get_object_or_404(queries.for_user(request.user), pk=pk)


@never_cache
@require_GET
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible(request, pk)
    if request.path != found.get_absolute_url():
        return redirect(found)
    interest.opened(request.user, found)
    record = Record(found, request.user)
    context = {
        **head(record),
        "tabs": record.tabs(),
        "panels": registry.panels(found, request.user),
        "most_people": MOST_PEOPLE,
        "people": queries.people_of(found, request.user)[:MOST_PEOPLE] if found.is_company else None,
        **notes.context(found, request.user),
    }
    return render(request, "contacts/page.html", context)


def head(record: Record) -> dict[str, Any]:
    """What the page's head shows; a field that is saved brings it along anew."""
    found = record.contact
    return {
        "contact": found,
        "record": record,
        "tags": record.row("tags"),
        "company": None if found.is_company else queries.company_of(found, record.user),
        "owner": record.members.get(found.owner_id, ""),
        "mail_link": layout.link("email", found.email),
        "phone_link": layout.link("phone", found.phone),
        "nimble_url": f"{settings.NIMBLE_BASE_URL}/#app/contacts/view?id={found.nimble_id}" if found.nimble_id else "",
        "as_of": _as_of(record),
        "avatar_key": found.nimble_id or found.pk,
        "remote": {name: found.remote.get(name) for name in ("creator", "updater")},
        "notice": _notice(found),
        "EMPLOYMENT": mapping.EMPLOYMENT,
    }


def _as_of(record: Record) -> datetime | None:
    """Until when this is known to be what Nimble has: when it was read, or the last pull that found it unchanged."""
    pulled = [flow.completed_at for flow in status.standing(record.user).flows if flow.spec.name == "contacts"]
    return max(filter(None, [record.contact.fetched_at, *pulled]), default=None)


def _notice(found: Contact) -> str:
    """The line that somebody pinned to the contact in Nimble."""
    notice = found.remote.get("notice")
    text = notice.get("text") if isinstance(notice, dict) else notice
    return text if isinstance(text, str) else ""
