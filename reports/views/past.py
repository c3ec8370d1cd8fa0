"""Time travel: a board as of a moment, and what changed between two."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from reports import past
from reports.changes import KINDS, PAGE, Between
from reports.scope import Scope
from reports.views.report import about

# How long ago the first look goes, and what is compared with today at first.
AGO = timedelta(days=30)


def moment(text: str, otherwise: datetime) -> datetime:
    """A day or a day with its time, of the current time zone; a day alone means its end."""
    try:
        found = (
            datetime.combine(date.fromisoformat(text), time.max) if len(text) <= 10 else datetime.fromisoformat(text)
        )
        if found.tzinfo is None:
            found = timezone.make_aware(found)
        return found if 1900 < found.year < 9990 else otherwise
    except (ValueError, OverflowError):
        return otherwise


@require_GET
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """The board of a pipeline at the end of a day, or at a moment of it."""
    scope = Scope.of(request.user, request.GET)
    now = timezone.now()
    at = min(moment(request.GET.get("at", ""), now - AGO), now)
    default = next((laid for laid in scope.known if laid.pipeline.is_default), None)
    chosen = scope.chosen or default or next(iter(scope.known), None)
    found = past.board(request.user, chosen, at) if chosen else None
    context: dict[str, Any] = {
        **about(request, scope),
        "pipeline": chosen.pipeline if chosen else None,
        "past": found,
        "at": at,
        "before_all": bool(found and (found.first is None or at < found.first)),
    }
    return render(request, "reports/past.html", context)


@require_GET
@never_cache
def changes(request: HttpRequest) -> HttpResponse:
    """What happened to deals between the ends of two days."""
    scope = Scope.of(request.user, request.GET)
    now = timezone.now()
    last = min(moment(request.GET.get("to", ""), now), now)
    first = min(moment(request.GET.get("from", ""), last - AGO), last)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    asked = request.GET.get("page", "")
    number = max(int(asked), 1) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 1
    context: dict[str, Any] = {**about(request, scope), "first": first, "last": last, "kind": kind}
    if scope.known:
        between = Between(request.user, list(scope.laid), first, last)
        counts = between.counts()
        rows = between.page(kind, number)
        own = {
            "pipeline": scope.chosen.pipeline.pk if scope.chosen else "",
            "from": timezone.localdate(first).isoformat(),
            "to": timezone.localdate(last).isoformat(),
        }
        own = {name: value for name, value in own.items() if value}

        def address(**more: Any) -> str:
            return "?" + urlencode(own | {name: value for name, value in more.items() if value})

        began = past.earliest(request.user)
        context |= {
            "rows": rows,
            "kinds": [(one, label, counts[one], address(kind=one)) for one, label in KINDS.items()],
            "everything": address(),
            "before": address(kind=kind, page=number - 1) if number > 1 else "",
            "after": address(kind=kind, page=number + 1) if len(rows) == PAGE else "",
            "partly": began is None or first < began,
            "began": began,
            "nothing": not any(counts.values()),
        }
    return render(request, "reports/changes.html", context)
