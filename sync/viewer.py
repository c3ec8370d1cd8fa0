"""Who is looking: the connection through which a person sees records. Without one they see none."""

from typing import Any, cast

from nimble.models import Connection

_NONE = object()


def viewer(user: Any) -> Connection | None:
    """The person's usable connection, the latest signed in; None for a stranger, an operator, or a refused grant.

    Kept on the user object, which lives as long as the request.
    """
    found = getattr(user, "_viewer", _NONE)
    if found is _NONE:
        usable = Connection.objects.for_user(user).active().select_related("workspace")
        found = user._viewer = usable.order_by("-last_seen_at", "-pk").first()
    return cast("Connection | None", found)
