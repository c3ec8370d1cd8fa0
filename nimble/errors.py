"""What can go wrong between here and Nimble: one tree, told apart by HTTP status.

Each class says what its failure means for the caller:

- `retryable`: the same request may succeed later.
- `ambiguous`: a write may have been applied although no answer says so. Look before sending it again.
- `reconnect`: only the person can help, by signing in to Nimble again.

Messages are Nimble's own or ours; never a token, never what its OAuth pages answered.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """What is known of an exchange with Nimble besides its content; safe to log."""

    operation: str
    method: str
    request_id: str
    status: int | None
    seconds: float
    size: int


class NimbleError(Exception):
    """The base. `str()` of any of them is fit for a person and for a log."""

    retryable = False
    ambiguous = False
    reconnect = False
    default_message = "Nimble could not do that."

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        operation: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        fields: dict[str, list[str]] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.status = status
        self.operation = operation
        self.request_id = request_id
        self.retry_after = retry_after
        self.fields = fields or {}
        self.exchange: Exchange | None = None
        super().__init__(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, status={self.status}, operation={self.operation!r})"


class Unreachable(NimbleError):
    """No connection was made, so nothing was sent."""

    retryable = True
    default_message = "Nimble cannot be reached."


class NoAnswer(NimbleError):
    """The request went out and no whole answer came back in time."""

    retryable = True
    ambiguous = True
    default_message = "Nimble did not answer."


class BadAnswer(NimbleError):
    """An answer that is not what the specification promises: HTML, broken JSON, the wrong type."""

    retryable = True
    ambiguous = True
    default_message = "Nimble's answer could not be read."


class AnswerTooLarge(BadAnswer):
    """More than we are ready to hold in memory. Asking for the same again brings the same.

    `beginning` is how the answer began, for who must know what it is about.
    """

    retryable = False
    beginning = b""
    default_message = "Nimble's answer was too large."


class Redirected(NimbleError):
    """A 3xx: the API has none, and following one could carry the token elsewhere."""

    default_message = "Nimble answered with a redirect."


class ServerError(NimbleError):
    """5xx: published as "internal error"; nothing says whether a write was applied before it."""

    retryable = True
    ambiguous = True
    default_message = "Nimble had an internal error."


class RateLimited(NimbleError):
    """429, or 503 with Retry-After: not applied, and `retry_after` says when to come back, if it was readable."""

    retryable = True
    default_message = "Nimble asked us to slow down."


class Paced(NimbleError):
    """Not sent, because it is not its turn: `retry_after` says when to ask again. Nothing went wrong, so nobody counts
    this as an attempt.
    """

    retryable = True
    default_message = "It waits for its turn."


class Throttled(Paced):
    """Not sent, because Nimble asked this account to come back later."""

    default_message = "Nimble asked for a pause, which is kept."


class Outage(Paced):
    """Not sent, because Nimble answers nobody at present; from time to time one small request looks whether it does."""

    default_message = "Nimble does not answer at present. It is asked again within a minute."


class NeedsReconnect(NimbleError):
    """The grant is gone: nothing can be done in this person's name until they sign in again."""

    reconnect = True
    default_message = "Nimble no longer accepts this connection. Sign in to Nimble again."


class DeadToken(NimbleError):
    """The access token was refused. The client renews it once; callers meet this if the fresh one is refused, too."""

    retryable = True
    default_message = "Nimble did not accept a fresh token."


class AppRefused(NimbleError):
    """Nimble does not accept this installation's client id and secret: an operator's to mend, then all goes on."""

    retryable = True
    default_message = "Nimble does not accept this installation's client id and secret. An operator can correct them."


class Refused(NimbleError):
    """Any other 4xx: understood and not done."""

    default_message = "Nimble refused that."


class PaymentRequired(Refused):
    """402: the account's quota is used up."""

    default_message = "Your Nimble plan's limit is reached."


class Forbidden(Refused):
    """403 about this record or this operation, not about the token."""

    default_message = "You are not allowed to do that in Nimble."


class NotFound(Refused):
    """404: gone, or hidden from this person."""

    default_message = "Nimble does not know this record, or hides it from you."


class NotAcceptable(Refused):
    """406: understood and refused (an archived pipeline, an existing reason, …)."""

    default_message = "Nimble cannot do that in the record's current state."


class Invalid(Refused):
    """409: validation. `fields` maps a field name or path to its messages; "" holds those about no field."""

    default_message = "Nimble did not accept these values."


def field_errors(body: Any) -> dict[str, list[str]]:
    """The `errors` of a 409, in either published shape, as a map from a field or path to its messages.

    Contacts send a list of `{message, field_id}` for each field; everything else `{message}` for each path.
    """
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, dict):
        return {}
    found: dict[str, list[str]] = {}
    for name, said in errors.items():
        messages = [_message(item) for item in (said if isinstance(said, list) else [said])]
        found[str(name)] = [m for m in messages if m] or [str(Invalid.default_message)]
    return found


def _message(item: Any) -> str:
    value = item.get("message") if isinstance(item, dict) else item
    return value[:500] if isinstance(value, str) else ""
