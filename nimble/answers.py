"""From a status and a body to the error they mean. Statuses alone decide: `code` is called legacy by Nimble."""

from collections.abc import Mapping
from typing import Any

from nimble.errors import (
    DeadToken,
    Forbidden,
    Invalid,
    NimbleError,
    NotAcceptable,
    NotFound,
    PaymentRequired,
    RateLimited,
    Redirected,
    Refused,
    ServerError,
    field_errors,
)
from nimble.retry import retry_after

DEAD_TOKEN = "can't authenticate request"  # noqa: S105 - a message, not a secret
BY_STATUS: dict[int, type[NimbleError]] = {
    401: DeadToken,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
    409: Invalid,
    429: RateLimited,
}


def failure(
    status: int, headers: Mapping[str, str], body: Any, *, operation: str, request_id: str
) -> NimbleError | None:
    """The error that an answer stands for; None for a success."""
    if 200 <= status < 300:
        return None
    message = _message(body)
    wait = retry_after(headers.get("Retry-After"))
    if status < 400:
        kind: type[NimbleError] = Redirected
    elif status >= 500:
        kind = RateLimited if status == 503 and "Retry-After" in headers else ServerError
    elif status == 403 and message.strip().rstrip(".").lower() == DEAD_TOKEN:
        kind = DeadToken
    else:
        kind = BY_STATUS.get(status, Refused)
    fields = field_errors(body) if kind is Invalid else {}
    # A server's failure and a redirect have nothing to say to a person, and their pages may hold anything.
    said = message if issubclass(kind, Refused) else ""
    return kind(said, status=status, operation=operation, request_id=request_id, retry_after=wait, fields=fields)


def _message(body: Any) -> str:
    """What Nimble says to a person: `human_readable_error` where there is one, else `message`.

    A preflight check that failed says so in a list of `errors`, each with a message of its own.
    """
    if not isinstance(body, dict):
        return ""
    listed = body.get("errors")
    if isinstance(listed, list):
        return " ".join(said for one in listed if isinstance(one, dict) and (said := _message(one)))[:500]
    for key in ("human_readable_error", "message"):
        value = body.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:500]
    return ""
