"""Why an edit or a run stopped, and what to do about it: the words for every class of failure."""

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from nimble import errors
from sync.models import Edit, Run, State

Words = str | Promise


class Reason(NamedTuple):
    """`text`: what happened and what is kept. `todo`: what a person can do, or what happens by itself."""

    text: Words
    todo: Words


GOES = gettext_lazy("It is sent by itself, in its order.")
AGAIN = gettext_lazy("It is tried again by itself.")
MEND = gettext_lazy("Mend what you typed and send it again, or discard it.")

REASONS: dict[str, Reason] = {
    # --- the engine's own ---
    "conflict": Reason(
        gettext_lazy("Somebody changed the same field in Nimble meanwhile. Nothing was overwritten."),
        gettext_lazy("Choose which value is right."),
    ),
    "missing": Reason(
        gettext_lazy("The record is no longer in Nimble, or hidden from you there. What you typed is kept here."),
        gettext_lazy("Create it again with your values, or discard the edit."),
    ),
    "misunderstood": Reason(
        gettext_lazy("Nimble stored something else than what was sent, twice. What it has now is shown here."),
        gettext_lazy("Look at the field in Nimble, then send it again or discard it."),
    ),
    "ambiguous": Reason(
        gettext_lazy("Nimble's answer was lost, so this may be in Nimble already."),
        gettext_lazy("Look in Nimble: say that it is there, or send it again."),
    ),
    "restored": Reason(
        gettext_lazy("A backup was restored here, and this may have been sent after it was made."),
        gettext_lazy("Look in Nimble: say that it is there, or send it again."),
    ),
    "reconnect": Reason(
        gettext_lazy("Nimble no longer accepts your connection. The edit is kept here."),
        gettext_lazy("Reconnect Nimble: it is sent by itself then."),
    ),
    "quota": Reason(
        gettext_lazy("Your Nimble plan's limit is reached. The edit is kept here."),
        gettext_lazy("Make room in Nimble or extend the plan, then send it again."),
    ),
    "Settling": Reason(
        gettext_lazy("Nimble's answer was lost, and it may still be working on it."),
        gettext_lazy("It is looked for again before it is sent once more."),
    ),
    # --- nimble.errors, by the name of the class ---
    "NimbleError": Reason(gettext_lazy("Nimble could not do that."), gettext_lazy("Send it again, or discard it.")),
    "Unreachable": Reason(gettext_lazy("Nimble cannot be reached."), AGAIN),
    "NoAnswer": Reason(gettext_lazy("Nimble did not answer in time."), AGAIN),
    "BadAnswer": Reason(gettext_lazy("Nimble's answer could not be read."), AGAIN),
    "AnswerTooLarge": Reason(
        gettext_lazy("Nimble's answer was larger than 20 MB."), gettext_lazy("Open the record in Nimble instead.")
    ),
    "Redirected": Reason(
        gettext_lazy("Nimble's address answered with a redirect, which is not followed."),
        gettext_lazy("Whoever runs this installation should check NIMBLE_BASE_URL."),
    ),
    "ServerError": Reason(gettext_lazy("Nimble had an internal error."), AGAIN),
    "RateLimited": Reason(gettext_lazy("Nimble asked us to slow down."), AGAIN),
    "Paced": Reason(gettext_lazy("It waits for its turn: a few things are sent at a time."), GOES),
    "Throttled": Reason(gettext_lazy("Nimble asked for a pause, which is kept."), GOES),
    "Outage": Reason(gettext_lazy("Nimble does not answer at present. What you did is kept here."), GOES),
    "NeedsReconnect": Reason(
        gettext_lazy("Nimble no longer accepts your connection."), gettext_lazy("Reconnect Nimble.")
    ),
    "DeadToken": Reason(gettext_lazy("Nimble did not accept a fresh token."), AGAIN),
    "AppRefused": Reason(
        gettext_lazy("Nimble does not accept this installation's client id and secret."),
        gettext_lazy("An operator can correct them in the administration; then it goes on by itself."),
    ),
    "Refused": Reason(gettext_lazy("Nimble refused it."), MEND),
    "PaymentRequired": Reason(
        gettext_lazy("Your Nimble plan's limit is reached."), gettext_lazy("Make room in Nimble or extend the plan.")
    ),
    "Forbidden": Reason(
        gettext_lazy("You are not allowed to do that in Nimble."),
        gettext_lazy("Ask the record's owner for the right to edit it, then send it again; or discard it."),
    ),
    "NotFound": Reason(
        gettext_lazy("Nimble does not know this record, or hides it from you."),
        gettext_lazy("Copy what you still need, then discard the edit."),
    ),
    "NotAcceptable": Reason(
        gettext_lazy("Nimble cannot do that in the record's present state."),
        gettext_lazy("Look at the record in Nimble, then send it again or discard it."),
    ),
    "Invalid": Reason(gettext_lazy("Nimble did not accept these values. What you typed is kept."), MEND),
    "InvalidGrant": Reason(
        gettext_lazy("Nimble no longer accepts your connection."), gettext_lazy("Reconnect Nimble.")
    ),
}
OURS = Reason(
    gettext_lazy("The portal made an error of its own. The edit is kept here."),
    gettext_lazy("Send it again; if it comes back, tell whoever runs this installation."),
)
GAVE_UP = gettext_lazy("It was tried ten times in vain. What you typed is kept.")


def of(edit: Edit) -> Reason | None:
    """Why an edit needs somebody, or is tried again; None when nothing went wrong."""
    name = edit.error.get("reason", "")
    if edit.state == State.AMBIGUOUS:
        name = name if name == "restored" else "ambiguous"
    elif edit.state == State.CONFLICT and name != "missing":
        name = "conflict"
    elif not name:
        return None
    reason = REASONS.get(name, OURS)
    if edit.state == State.FAILED:
        return Reason(f"{GAVE_UP} {reason.text}", _("Send it again, or discard it."))
    return reason


def said(edit: Edit) -> str:
    """What Nimble itself said beyond our own words for it."""
    message = edit.error.get("message", "")
    own = edit.error.get("reason") in ("conflict", "missing", "ambiguous", "misunderstood") or message in _DEFAULTS
    return "" if own else str(message)


def field_messages(edit: Edit) -> tuple[dict[str, list[str]], list[str]]:
    """Nimble's messages by the edit's field they are about, and the ones about no field of it.

    Nimble names a field by its name or by a path (`/fields_values/amount`).
    """
    fields: dict[str, list[str]] = {}
    rest: list[str] = []
    bare = {name.rpartition(":")[2]: name for name in edit.fields}
    for path, messages in (edit.error.get("fields") or {}).items():
        named = [bare[part] for part in (path, *str(path).split("/")) if part in bare]
        if named:
            fields.setdefault(named[0], []).extend(messages)
        else:
            rest.extend(messages)
    return fields, rest


def of_run(run: Run) -> str:
    """Why a run stopped, in words; "" when it did not."""
    if run.state == Run.State.BRAKED:
        return _(
            "%(said)s A revoked permission looks just like that, so it waits for a person to say whether these "
            "records are really gone."
        ) % {"said": run.error}
    if run.error in _RUNS:
        return str(_RUNS[run.error])
    default = _DEFAULTS.get(run.error)
    return str(REASONS[default].text) if default else run.error


def _tree(cls: type[errors.NimbleError]) -> dict[str, str]:
    found = {str(cls.default_message): cls.__name__} if cls.__name__ in REASONS else {}
    for child in cls.__subclasses__():
        found |= _tree(child)
    return found


_DEFAULTS: dict[Any, str] = _tree(errors.NimbleError)
# What `sync.pull` writes down of its own.
_RUNS: dict[str, Words] = {
    "An error of the portal's own; see the log.": gettext_lazy("An error of the portal's own; see the log."),
    "Interrupted.": gettext_lazy("It was interrupted."),
}
