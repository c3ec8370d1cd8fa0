"""What every page knows of htmx: pick the fragment or the page, and keep caches and redirects honest."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
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
    expired) would be followed inside the fragment: it becomes a redirect of the page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        if request.headers.get("HX-Request") == "true" and response.status_code in (301, 302, 303, 307):
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = response["Location"]
            answer.cookies = response.cookies
            return answer
        return response
