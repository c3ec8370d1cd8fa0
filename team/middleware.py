"""Each person's language and time zone, on every request."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from team.models import Profile


class Preferences:
    """Activates the profile's language and time zone; a visitor gets what the browser asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        profile = Profile.objects.of(request.user) if request.user.is_authenticated else None
        request.profile = profile  # type: ignore[attr-defined]
        language = profile.language if profile else ""
        if language not in dict(settings.LANGUAGES):
            language = translation.get_language_from_request(request)
        with translation.override(language), timezone.override(_zone(profile)):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language"])
        return response


def _zone(profile: Profile | None) -> zoneinfo.ZoneInfo | None:
    if profile is None or not profile.time_zone:
        return None
    try:
        return zoneinfo.ZoneInfo(profile.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
