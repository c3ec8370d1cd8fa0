"""What machines ask: whether the portal is ready, and its figures. Neither holds anything of a record."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from crmportal import readiness
from crmportal.figures import Figures


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where everything is as it should be, else 503. Everybody learns which check failed; operators also why."""
    checks = readiness.examine()
    ready = all(check.ok for check in checks)
    # Who asks is in the database, too.
    words = has_token(request) or (checks[0].ok and is_operator(request))
    listed = [{"name": c.name, "ok": c.ok, **({"text": c.text} if words else {})} for c in checks]
    return JsonResponse({"ready": ready, "checks": listed}, status=200 if ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's text: what all processes counted, and what the database knows."""
    if not (has_token(request) or is_local(request) or is_operator(request)):
        raise PermissionDenied
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(settings.METRICS_DIR))
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def has_token(request: HttpRequest) -> bool:
    """`Authorization: Bearer METRICS_TOKEN`."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), wanted.encode())


def is_operator(request: HttpRequest) -> bool:
    return admin.site.has_permission(request)


def is_local(request: HttpRequest) -> bool:
    """From this machine, of a portal that serves only this machine: behind a proxy everybody comes from there."""
    return {request.META.get("REMOTE_ADDR"), urlsplit(settings.PUBLIC_URL).hostname} <= settings.LOOPBACK
