"""Who looks at which pages, taken from the requests that come anyway."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from sync import interest, registry


class Looking:
    """Notes what a signed-in person looks at. A fragment that asks for itself speaks for the page it stands on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.pages = frozenset().union(*(spec.pages for spec in registry.streams()))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        # What is open to strangers says nothing, and need not ask who they are.
        asked = match is not None and getattr(match.func, "login_required", True) and response.status_code < 400
        if match and asked and "X-Page-Hidden" not in request.headers and request.user.is_authenticated:
            shown = _page(request, match).namespace
            interest.looked(request.user, shown if shown in self.pages else "")
        return response


def _page(request: HttpRequest, match: ResolverMatch) -> ResolverMatch:
    address = urlsplit(request.headers.get("HX-Current-URL", "")).path
    try:
        return resolve(address) if address else match
    except Resolver404:
        return match
