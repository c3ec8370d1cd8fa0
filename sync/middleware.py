"""Who looks at which pages, taken from the requests that come anyway."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from sync import looking


class Looking:
    """Notes what a signed-in person looks at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        # What is open to strangers says nothing, and need not ask who they are.
        asked = match is not None and getattr(match.func, "login_required", True) and response.status_code < 400
        if match and asked and request.user.is_authenticated:
            looking.noted(request, request.user, match.namespace)
        return response
