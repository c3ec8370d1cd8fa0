"""What every page knows of htmx: pick the fragment or the page, and keep caches and redirects honest."""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def fragment(request: HttpRequest, template: str, part: str, context: dict, *, status: int = 200) -> HttpResponse:
    """Render `template#part` for htmx, the whole `template` for a browser that asks for the page."""
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.boosted and not htmx.history_restore_request:
        template = f"{template}#{part}"
    return render(request, template, context, status=status)


class HtmxResponses:
    """Two things htmx needs of every answer.

    A URL has two variants, so both vary by `HX-Request`. And a redirect that answers a fragment's request (the login
    expired) would be followed inside the fragment: it becomes a redirect of the page, and what is to come `next` is
    that page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        if request.headers.get("HX-Request") == "true" and response.status_code in (301, 302, 303, 307):
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = _back_to_page(response["Location"], request)
            answer.cookies = response.cookies
            return answer
        return response


def _back_to_page(location: str, request: HttpRequest) -> str:
    """An address that leads on to this very request leads on to the page that made it."""
    to, page = urlsplit(location), urlsplit(request.headers.get("HX-Current-URL", ""))
    query = QueryDict(to.query, mutable=True)
    if query.get("next") != request.get_full_path() or not page.path.startswith("/"):
        return location
    query["next"] = urlunsplit(("", "", page.path, page.query, ""))
    return to._replace(query=query.urlencode(safe="/")).geturl()
