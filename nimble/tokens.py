"""A person's access token, renewed when it must be, by one process at a time.

Nimble may kill a refresh token when it is used, so of all the processes that meet an expired token exactly one may use
it. Whoever takes the lease on the connection does, with no transaction open during the request, and stores the new pair
before anything else. The others wait for it. A lease that was not given back ends by itself. When it does, and when a
token ends, is told by the database's clock: processes on several machines share no other.
"""

import secrets
import time
from datetime import datetime, timedelta

from allauth.socialaccount.models import SocialToken
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from nimble import oauth
from nimble.errors import AppRefused, NeedsReconnect, NimbleError, Paced
from nimble.metrics import REFRESHES
from nimble.models import Connection, ConnectionState
from nimble.oauth import InvalidGrant, Pair
from nimble.registration import social_app

RENEWAL = "oauth-refresh"
TIMEOUT = (4.0, 6.0)
# Longer than a refresh can take, so that a living process never loses its lease to another one.
LEASE = timedelta(seconds=20)
WAIT = 12.0
POLL = 0.05
LONGEST_MARGIN = timedelta(seconds=60)


def access_token(connection: Connection, *, refused: str | None = None) -> str:
    """The person's access token, never the one that Nimble just `refused`. Call it outside of transactions.

    Raises NeedsReconnect when only the person can help; any other NimbleError is worth another try. No error raised
    here is ambiguous: what the token was wanted for has not been sent.
    """
    deadline = time.monotonic() + WAIT
    while True:
        connection.refresh_from_db(
            fields=[
                "state",
                "account",
                "generation",
                "lease_token",
                "lease_until",
                "redirect_uri",
                "token_refreshed_at",
            ]
        )
        if not connection.is_usable:
            raise NeedsReconnect
        found = _newest(connection)
        if found is None:
            _ask_to_reconnect(connection, "Nimble's tokens are missing.")
            raise NeedsReconnect
        stored, now = found
        if stored.token != refused and not _is_due(stored, connection.token_refreshed_at, now):
            return stored.token
        lease = _take_lease(connection, now)
        if lease:
            return _renew(connection, stored, lease, now)
        if time.monotonic() > deadline:
            raise Paced("The connection to Nimble is being renewed.", operation=RENEWAL, retry_after=1.0)
        time.sleep(POLL)


def newest(connection: Connection) -> SocialToken | None:
    """The stored pair: the newest, should there be several."""
    found = _newest(connection)
    return found[0] if found else None


def _newest(connection: Connection) -> tuple[SocialToken, datetime] | None:
    """The newest pair, and the time by the database's clock."""
    tokens = SocialToken.objects.filter(account_id=connection.account_id).select_related("app").annotate(now=Now())
    found = tokens.order_by(F("expires_at").desc(nulls_last=True), "-pk").first()
    return (found, found.now) if found else None


def forget(connection: Connection) -> None:
    """Disconnect: the tokens are removed, the mirror stays."""
    with transaction.atomic():
        supersede(connection)
        Connection.objects.filter(pk=connection.pk).update(state=ConnectionState.DISCONNECTED, state_reason="")
        SocialToken.objects.filter(account_id=connection.account_id).delete()
    connection.refresh_from_db()


def supersede(connection: Connection) -> None:
    """Before another pair is stored: whoever is renewing the present one must not store its result."""
    Connection.objects.filter(pk=connection.pk).update(generation=F("generation") + 1, lease_token="", lease_until=None)


def mark_reconnect(connection: Connection, reason: str) -> None:
    """Stop everything that reads or writes in this person's name until they sign in again."""
    Connection.objects.filter(pk=connection.pk).update(
        state=ConnectionState.RECONNECT,
        state_reason=reason[:200],
        generation=F("generation") + 1,
        lease_token="",
        lease_until=None,
    )
    connection.refresh_from_db()


def _is_due(stored: SocialToken, since: datetime | None, now: datetime) -> bool:
    """Whether a token is about to end: a minute before, or a fifth of its lifetime if that is less."""
    if stored.expires_at is None:
        return False
    margin = LONGEST_MARGIN
    if since is not None and stored.expires_at > since:
        margin = min(margin, (stored.expires_at - since) / 5)
    return now >= stored.expires_at - margin


def _take_lease(connection: Connection, now: datetime) -> str:
    """A lease on the generation that was seen, or "" while another process has it."""
    lease = secrets.token_hex(16)
    free = Q(lease_token="") | Q(lease_until__lt=now)
    taken = Connection.objects.filter(
        free, pk=connection.pk, generation=connection.generation, state=ConnectionState.ACTIVE
    ).update(lease_token=lease, lease_until=now + LEASE)
    return lease if taken == 1 else ""


def _renew(connection: Connection, stored: SocialToken, lease: str, now: datetime) -> str:
    """Exchange the stored refresh token for a new pair, holding the lease that was taken at `now`."""
    try:
        app = stored.app or social_app()
        if app is None:
            raise AppRefused(operation=RENEWAL)
        if not stored.token_secret:
            raise InvalidGrant(operation=RENEWAL)
        pair = oauth.refresh(app, stored.token_secret, connection.redirect_uri, timeout=TIMEOUT)
    except InvalidGrant as error:
        if _grant_died(connection, stored, lease):
            REFRESHES.labels("refused").inc()
            raise NeedsReconnect(status=error.status, operation=error.operation, request_id=error.request_id) from None
        return access_token(connection)
    except NimbleError as error:
        REFRESHES.labels("failed").inc()
        _held(connection, lease).update(lease_token="", lease_until=None)
        error.ambiguous = False
        raise
    if _store(connection, stored, lease, pair, now):
        REFRESHES.labels("renewed").inc()
        return pair.access
    # Signed in anew or disconnected meanwhile: what is stored now counts.
    REFRESHES.labels("superseded").inc()
    return access_token(connection)


def _held(connection: Connection, lease: str) -> QuerySet[Connection]:
    return Connection.objects.filter(pk=connection.pk, generation=connection.generation, lease_token=lease)


def _store(connection: Connection, stored: SocialToken, lease: str, pair: Pair, asked_at: datetime) -> bool:
    """Save the new pair, unless another one was stored since; false then."""
    with transaction.atomic():
        kept = _held(connection, lease).update(
            generation=F("generation") + 1, lease_token="", lease_until=None, token_refreshed_at=asked_at
        )
        if kept != 1 or not _is_still_stored(stored):
            transaction.set_rollback(True)
            return False
        expires_at = asked_at + pair.lifetime if pair.lifetime else None
        SocialToken.objects.filter(pk=stored.pk).update(
            token=pair.access, token_secret=pair.refresh or stored.token_secret, expires_at=expires_at
        )
    return True


def _grant_died(connection: Connection, stored: SocialToken, lease: str) -> bool:
    """Note that the person must sign in again, unless the refused token is no longer the one that is stored."""
    with transaction.atomic():
        kept = _ask_to_reconnect(connection, "Nimble no longer accepts the sign-in.", lease_token=lease)
        if kept != 1 or not _is_still_stored(stored):
            transaction.set_rollback(True)
            return False
    return True


def _ask_to_reconnect(connection: Connection, reason: str, **condition: object) -> int:
    return Connection.objects.filter(
        pk=connection.pk, state=ConnectionState.ACTIVE, generation=connection.generation, **condition
    ).update(state=ConnectionState.RECONNECT, state_reason=reason, lease_token="", lease_until=None)


def _is_still_stored(stored: SocialToken) -> bool:
    """Whether the refresh token that was sent is the one that is stored; holds its row until the transaction ends."""
    current = SocialToken.objects.select_for_update(no_key=True).filter(pk=stored.pk).first()
    return current is not None and current.token_secret == stored.token_secret
