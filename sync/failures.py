"""What a failed attempt means for its edit: wait and try again, block, or come back to its author. Pure."""

from datetime import timedelta
from typing import Any, NamedTuple

from nimble import errors, retry
from sync.models import Edit, State

MAX_ATTEMPTS = 10
# Nimble's troubles are not the edit's: they never end it, for a day. Between tries of them at most this long.
WEATHER = (
    errors.Unreachable,
    errors.NoAnswer,
    errors.ServerError,
    errors.RateLimited,
    errors.AppRefused,
    errors.DeadToken,
)
WEATHER_SECONDS = 60.0
WEATHER_LASTS = timedelta(days=1)
# After Nimble's "your plan's limit is reached": creates wait so long, unless somebody says that there is room again.
QUOTA_SECONDS = 3600.0
# A create whose answer was lost may still be on its way into Nimble: so long nothing found is no proof that it is not.
SETTLING = timedelta(seconds=30)


class Verdict(NamedTuple):
    """What becomes of the edit: its state, what `Edit.error` says, and after how many seconds it is tried again."""

    state: str
    error: dict[str, Any]
    wait: float = 0.0


def judge(edit: Edit, error: Exception, age: timedelta) -> Verdict:
    """Sort the failure of an attempt at `edit`, which was written down `age` ago."""
    # Of this attempt or an earlier one nobody knows whether Nimble has applied it.
    lost = edit.sent_at is not None and getattr(error, "ambiguous", True)
    said = {
        "reason": type(error).__name__,
        "message": str(error) if isinstance(error, errors.NimbleError) else "",
        "ambiguous": lost or bool(edit.error.get("ambiguous")),
    }
    if edit.error.get("chosen"):
        said["chosen"] = edit.error["chosen"]
    if isinstance(error, errors.NeedsReconnect):
        return Verdict(State.BLOCKED, {**said, "reason": "reconnect"})
    if isinstance(error, errors.PaymentRequired):
        return Verdict(State.BLOCKED, {**said, "reason": "quota"}, QUOTA_SECONDS)
    if isinstance(error, errors.NotFound) and edit.operation != Edit.Operation.CREATE:
        return Verdict(State.CONFLICT, {**said, "reason": "missing"})
    if isinstance(error, errors.NimbleError) and not (error.retryable or error.ambiguous):
        return Verdict(State.REJECTED, {**said, "fields": error.fields})
    weather = isinstance(error, WEATHER) and age < WEATHER_LASTS
    if edit.attempts >= MAX_ATTEMPTS and not weather:
        return Verdict(State.FAILED, said)
    asked = getattr(error, "retry_after", None)
    pause = retry.delay(edit.attempts, asked)
    wait = max(min(pause, WEATHER_SECONDS), asked or 0.0) if weather else pause
    return Verdict(State.RETRYING, said, min(retry.jittered(wait), retry.LONGEST))
