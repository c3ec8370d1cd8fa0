"""What the shell around every page shows: who and where one is, and how fresh the records are."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from sync import sentence, status
from sync.viewer import viewer
from team.models import Profile


def shell(request: HttpRequest) -> dict[str, Any]:
    """`profile`, `sandbox`; and, for who is signed in, `connection`, `workspace`, `chip`, `needs`, `unread` and
    `banners`.

    The latter are asked for only by a template that shows them: a fragment costs nothing, a page three statements.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"profile": Profile(theme=request.COOKIES.get("theme", "")), "sandbox": settings.SANDBOX}
    profile = getattr(request, "profile", None) or Profile.objects.of(user)
    return {
        "profile": profile,
        "unread": profile.unread,
        "sandbox": settings.SANDBOX,
        "connection": lambda: viewer(user),
        "workspace": lambda: getattr(viewer(user), "workspace", None),
        "chip": lambda: status.standing(user).chip,
        "needs": lambda: status.standing(user).needs,
        "banners": lambda: sentence.banners(status.standing(user), _page(request)),
    }


def _page(request: HttpRequest) -> str:
    """The path of the page that is shown: a fragment's own address says nothing of it."""
    return urlsplit(request.headers.get("HX-Current-URL", "")).path or request.path
