"""The reports: all of them at a glance, one of them, and one as a file."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from reports import sheet
from reports.figures import REPORTS
from reports.report import Spec
from reports.scope import PRESETS, Scope
from sync import status


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Every report's first number."""
    scope = Scope.of(request.user, request.GET)
    cards = [(spec, spec.make(scope).headlines) for spec in REPORTS.values()] if scope.known else []
    return render(request, "reports/index.html", {**about(request, scope), "cards": cards})


@require_GET
@never_cache
def report(request: HttpRequest, name: str) -> HttpResponse:
    spec = _spec(name)
    scope = Scope.of(request.user, request.GET)
    made = spec.make(scope) if scope.known else None
    return render(request, "reports/report.html", {**about(request, scope), "spec": spec, "made": made})


@require_GET
@never_cache
def export(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """The table as CSV."""
    spec = _spec(name)
    scope = Scope.of(request.user, request.GET)
    filters = [one for one in ("pipeline", "owner", "period", "from", "to") if request.GET.get(one)]
    response = StreamingHttpResponse(
        sheet.lines(spec, spec.make(scope), request.user, filters), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{spec.name}.csv"'
    return response


def about(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    """What every page of reports shows: the filters, and why there is nothing where there is nothing."""
    return {
        "scope": scope,
        "presets": PRESETS,
        "reports": REPORTS.values(),
        "standing": None if scope.known else status.standing(request.user),
    }


def _spec(name: str) -> Spec:
    spec = REPORTS.get(name)
    if spec is None:
        raise Http404
    return spec
