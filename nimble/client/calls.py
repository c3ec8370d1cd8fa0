"""What all the calls share: the connection's pace, the person's token, and the one repetition that is safe."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from django.conf import settings

from nimble import tokens, transport
from nimble.errors import DeadToken, Exchange, NimbleError
from nimble.models import Connection
from nimble.pace.gate import Gate
from nimble.retry import READS, repeat_at_once

KNOWN_SECONDS = 2.0
MYSELF = "/api/v1/myself"


class Calls:
    def __init__(
        self,
        connection: Connection,
        *,
        timeout: tuple[float, float] | None = None,
        give_way: Callable[[], bool] | None = None,
    ) -> None:
        self.connection = connection
        self.timeout = timeout
        self.last: Exchange | None = None
        # Whether Nimble has done a write of this client's, or may have.
        self.wrote = False
        self._token: str | None = None
        # The last token, of which grant it is, and until when (locally) it need not be asked for again.
        self._known: tuple[object, str, float] = (None, "", 0.0)
        longest = sum(timeout or settings.NIMBLE_TIMEOUT)
        self._gate = Gate(connection.pk, longest=longest, probe=self._probe, give_way=give_way)

    def __enter__(self) -> Self:
        self._gate.keep()
        return self

    def __exit__(self, *exception: object) -> None:
        self._gate.close(unused=self._token is not None)

    def ready(self) -> datetime:
        """Take the turn for the next request, and its token, for a caller who notes down that it goes out or when it
        did: returns the time by the database's clock.

        Raises `Paced` when it may not be sent yet. Only within `with`, and only if a request follows at once.
        """
        self._token = self._access_token()
        return datetime.fromtimestamp(self._gate.taken_at, UTC)

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        """Send one operation; a dead token is renewed once, and the request repeated once with the new one."""
        token, self._token = self._token or self._access_token(), None
        try:
            return self._attempts(operation, method, path, params=params, body=body, token=token)
        except DeadToken:
            token = self._access_token(refused=token)
        return self._attempts(operation, method, path, params=params, body=body, token=token)

    def _access_token(self, *, refused: str | None = None) -> str:
        """The person's token; to renew it is a request, too, and has to wait for its turn."""
        self._gate.admit()
        grant, token, until = self._known
        if refused is None and grant == self._gate.grant and time.monotonic() < until:
            return token
        try:
            token = tokens.access_token(self.connection, refused=refused)
            # Asked for anew often enough that it is renewed before it ends.
            self._known = (self._gate.grant, token, time.monotonic() + KNOWN_SECONDS)
            return token
        except BaseException as error:
            self._gate.settle(tokens.RENEWAL, error)
            raise

    def _attempts(self, operation: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        attempt = 1
        while True:
            try:
                return self._attempt(operation, method, path, **request)
            except NimbleError as error:
                if not repeat_at_once(error, method=method, attempt=attempt):
                    raise
                attempt += 1

    def _attempt(self, operation: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        self.last = None
        self._gate.admit()
        failed: BaseException | None = None
        try:
            answer, self.last = transport.send(method, path, operation=operation, timeout=self.timeout, **request)
        except BaseException as error:
            failed = error
            self.last = error.exchange if isinstance(error, NimbleError) else None
            raise
        finally:
            self.wrote |= method not in READS and (failed is None or getattr(failed, "ambiguous", True))
            self._gate.settle(f"{method} {path.partition('?')[0]}", failed)
        return answer

    def _probe(self) -> None:
        """Whether Nimble answers: asked about nothing that could itself be what it stumbles over."""
        token = tokens.access_token(self.connection)
        transport.send("GET", MYSELF, operation="get-myself", timeout=self.timeout, token=token)
