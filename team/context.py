"""What the shell around every page shows: who and where one is, and how fresh the records are."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from sync import status
from sync.viewer import viewer
from team.models import Profile


def shell(request: HttpRequest) -> dict[str, Any]:
    """`profile`, `connection`, `workspace`, `sandbox`, `chip` and the count of what `needs` the person."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"profile": Profile(), "sandbox": settings.SANDBOX}
    connection = viewer(user)
    return {
        "profile": getattr(request, "profile", None) or Profile.objects.of(user),
        "sandbox": settings.SANDBOX,
        "connection": connection,
        "workspace": connection.workspace if connection else None,
        "chip": status.chip(user),
        "needs": status.needing(user).count(),
    }
