"""Who is looking: the connection through which a person sees records. Without one they see none."""

from typing import Any, cast

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db.models import QuerySet, Subquery

from nimble.models import Connection
from sync.models import Stream

_NONE = object()


def usable(user_id: int) -> QuerySet[Connection]:
    """A person's usable connections, the latest signed in first."""
    return Connection.objects.filter(user=user_id).active().latest_first()


def viewer(user: Any) -> Connection | None:
    """The person's usable connection, the latest signed in; None for a stranger, an operator, or a refused grant.

    Kept on the user object, which lives as long as the request.
    """
    found = getattr(user, "_viewer", _NONE)
    if found is _NONE:
        found = user._viewer = usable(user.pk).select_related("workspace").first() if user.pk else None
    return cast("Connection | None", found)


def is_operator(user: Any) -> bool:
    """Whether they look after the installation: staff with a second factor, as the admin site wants it."""
    found = getattr(user, "_is_operator", None)
    if found is None:
        found = user._is_operator = bool(
            user.is_active and user.is_staff and user.is_superuser and (settings.DEBUG or is_mfa_enabled(user))
        )
    return cast(bool, found)


def decided(connection: Connection, stream: str) -> Subquery:
    """The newest row of which the last complete listing of this stream has told whether the person may see it."""
    return Subquery(Stream.objects.filter(connection=connection, name=stream).values("decided")[:1])
