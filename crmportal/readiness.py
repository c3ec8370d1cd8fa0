"""Whether everything that the portal needs is there: what `/readyz` says. A handful of short queries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from allauth.socialaccount.models import SocialToken
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from nimble.encryption import Undecipherable
from nimble.models import Connection
from sync import health, lines
from sync.clock import database_now

# An edit that could go out and has waited for so long is a trouble, whatever its cause.
WAITING_SECONDS = 15 * 60


@dataclass(frozen=True)
class Check:
    """One condition. `text` is for operators; it holds no value of any record and no secret."""

    name: str
    ok: bool
    text: str


def examine() -> list[Check]:
    """Every check, the database's first; without it, that one alone."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return [Check("database", False, f"not reachable: {type(error).__name__}")]
    return [Check("database", True, connection.vendor), *(each for check in CHECKS for each in checked(check))]


def checked(check: Callable[[], list[Check]]) -> list[Check]:
    try:
        return check()
    except DatabaseError as error:
        return [Check(check.__name__, False, f"the database refused: {type(error).__name__}")]


@cache
def newest_migrations() -> frozenset[tuple[str, str]]:
    """Of each app the last migration that this version brings."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def migrations() -> list[Check]:
    missing = newest_migrations() - set(MigrationRecorder(connection).applied_migrations())
    text = f"missing: {', '.join(sorted({app for app, _ in missing}))}" if missing else "all applied"
    return [Check("migrations", not missing, text)]


def processes() -> list[Check]:
    return [
        Check("beat" if sign.name == "beat" else f"worker-{sign.name}", not sign.silent, sign.text)
        for sign in health.signs()
    ]


def queue() -> list[Check]:
    """Edits that could go out; what waits for a person, or behind what does, is no trouble of the portal's."""
    now = database_now()
    oldest = lines.sendable(now).order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is None:
        return [Check("queue", True, "nothing waits")]
    waited = now - oldest
    text = f"the oldest edit has waited for {waited.total_seconds():.0f} s"
    return [Check("queue", waited < timedelta(seconds=WAITING_SECONDS), text)]


def token() -> list[Check]:
    """At least one account that can be read with, unless nobody has connected one yet."""
    if not Connection.objects.exists():
        return [Check("token", True, "nobody has connected a Nimble account yet")]
    accounts = Connection.objects.active().values("account_id")
    try:
        found = SocialToken.objects.filter(account_id__in=accounts).exclude(token="").first()
    except Undecipherable:
        return [Check("token", False, "TOKEN_KEYS lacks the key that the stored tokens were encrypted with")]
    if found is None:
        return [Check("token", False, "no connected account can be used: somebody has to sign in through Nimble")]
    return [Check("token", True, "at least one account is connected")]


CHECKS = (migrations, processes, queue, token)
