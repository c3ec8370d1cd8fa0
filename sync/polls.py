"""Conditional polls: an open page asks again and again whether anything happened after the event it knows of.

Such a request is a GET of any address with `After-Event: n`. While the workspace's counter says that nothing came after
n, it is answered before all other middlewares, with as little work as deciding about access takes: session, person,
connection and counter are read each time, and nothing is written. Else the address's own view answers: 204 where the
person sees nothing of what happened, or what changed, with the number that this is as of in `Event`.
"""

import threading
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from sync import looking
from sync.viewer import usable, viewer

ASKED = "HTTP_AFTER_EVENT"
ANSWERED = "Event"
# Pages whose silence a process remembers.
MOST_SILENT = 10_000
# Stand for what differs from poll to poll where a statement is made once for all: no key and no id is like these.
ANY_KEY, ANY_USER = "\x00", -1


def after(request: HttpRequest) -> int | None:
    """The number that a conditional poll knows of; None for another request."""
    text = request.META.get(ASKED, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def upto(user: Any) -> int:
    """The counter as this request found it, before it read anything else."""
    connection = viewer(user)
    return connection.workspace.event_number if connection else 0


def nothing() -> HttpResponse:
    """What a poll is told when there is nothing to tell."""
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


class ConditionalPolls:
    """Answers the polls for which nothing happened; to a person, a hidden record's event is nothing either.

    That a view found nothing to say is remembered, so that what is hidden from somebody makes their polls no dearer
    and, being answered alike, tells them nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # By person and a digest of the address, which may be long.
        self.silent: dict[tuple[int, bytes], tuple[int, int]] = {}
        self.lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = after(request)
        asker = _asker(request) if known is not None and request.method == "GET" else None
        if known is None or asker is None:
            return self.get_response(request)
        page = (asker.user_id, blake2b(request.get_full_path().encode(), digest_size=16).digest())
        if asker.number == known or self.silent.get(page) == (known, asker.number):
            looking.noted(request, get_user_model()(pk=asker.user_id))
            return nothing()
        response = self.get_response(request)
        if response.status_code != 204 or "HX-Redirect" in response:
            return response
        with self.lock:
            if len(self.silent) >= MOST_SILENT:
                self.silent.clear()
            self.silent[page] = (known, asker.number)
        return nothing()


class Asker(NamedTuple):
    """Who polls, and the counter of the workspace that they are connected with."""

    user_id: int
    number: int


def _asker(request: HttpRequest) -> Asker | None:
    """The person of a session that is beyond doubt, as `auth.get_user` and `viewer` would find them; all others, and
    whoever has no usable connection, are left to these.
    """
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    statement, given = _statements()[0]
    now = database.ops.adapt_datetimefield_value(timezone.now())
    found = _one(statement, [key if param == ANY_KEY else now for param in given]) if key else None
    session = SessionStore().decode(found[0]) if found else {}
    user_id, backend, proof = (session.get(name) for name in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY))
    if backend not in settings.AUTHENTICATION_BACKENDS or not isinstance(user_id, str) or not isinstance(proof, str):
        return None
    statement, given = _statements()[1]
    found = _one(statement, [int(user_id) if param == ANY_USER else param for param in given])
    if found is None:
        return None
    user = get_user_model()(pk=int(user_id), password=found[0])
    return Asker(user.pk, found[1]) if constant_time_compare(proof, user.get_session_auth_hash()) else None


@cache
def _statements() -> tuple[tuple[str, tuple[Any, ...]], tuple[str, tuple[Any, ...]]]:
    """A session by its key; a person's password and counter by their id. Made once: making costs more than asking."""
    sessions = Session.objects.filter(pk=ANY_KEY, expire_date__gt=timezone.now()).values("session_data")
    people = usable(ANY_USER).filter(user__is_active=True).values("user__password", "workspace__event_number")[:1]
    return sessions.query.sql_with_params(), people.query.sql_with_params()


def _one(statement: str, given: list[Any]) -> tuple[Any, ...] | None:
    with database.cursor() as cursor:
        cursor.execute(statement, given)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows[0] if rows else None
