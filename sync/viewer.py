"""Who is looking: the connection through which a person sees records. Without one they see none."""

from typing import Any

from nimble.models import Connection

_NONE = object()


def viewer(user: Any) -> Connection | None:
    """The person's usable connection, the latest signed in; None for a stranger, an operator, or a refused grant.

    Kept on the user object, which lives as long as the request.
    """
    found = getattr(user, "_viewer", _NONE)
    if found is _NONE:
        found = (
            Connection.objects.for_user(user)
            .active()
            .select_related("workspace")
            .order_by("-last_seen_at", "-pk")
            .first()
        )
        user._viewer = found
    return found
