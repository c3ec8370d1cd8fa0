"""What all the calls share: the person's token, and the one repetition that is safe."""

from typing import Any

from nimble import tokens, transport
from nimble.errors import DeadToken, Exchange, NimbleError
from nimble.models import Connection
from nimble.retry import repeat_at_once


class Calls:
    def __init__(self, connection: Connection, *, timeout: tuple[float, float] | None = None) -> None:
        self.connection = connection
        self.timeout = timeout
        self.last: Exchange | None = None

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
        token = tokens.access_token(self.connection)
        try:
            return self._attempts(operation, method, path, params=params, body=body, token=token)
        except DeadToken:
            token = tokens.access_token(self.connection, refused=token)
        return self._attempts(operation, method, path, params=params, body=body, token=token)

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
        try:
            answer, self.last = transport.send(method, path, operation=operation, timeout=self.timeout, **request)
        except NimbleError as error:
            self.last = error.exchange
            raise
        return answer
