"""What waits for a person, grouped by its cause: the worst first, and of each the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Case, CharField, Count, QuerySet, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sync import entries, status
from sync.entries import Entry
from sync.models import NEEDS_PERSON, Batch, Edit, State

# Of each cause so many are listed; the rest is on the cause's own page.
SHOWN = 20
PAGE = 100
Action = Batch.Action


class Cause(NamedTuple):
    """Why edits wait for a person, what that means, and what can be done to many of them at once."""

    key: str
    title: str | Promise
    text: str | Promise
    actions: Sequence[str] = ()


CAUSES = {
    cause.key: cause
    for cause in (
        Cause(
            "reconnect",
            _("Waiting for your sign-in"),
            _("Nimble no longer accepts your connection. Reconnect, and they go out by themselves, in order."),
            [Action.DISCARD],
        ),
        Cause(
            "conflict",
            _("Changed by somebody else, too"),
            _("The same field was changed in Nimble meanwhile. Nothing was overwritten: choose which value is right."),
            [Action.OURS, Action.THEIRS],
        ),
        Cause(
            "missing",
            _("Gone from Nimble"),
            _("The record was removed in Nimble, or is hidden from you there. What you typed is kept here."),
            [Action.DISCARD],
        ),
        Cause(
            "ambiguous",
            _("May be in Nimble already"),
            _("Nimble's answer was lost. Say which it is, so that nothing is in Nimble twice."),
            # Not to be sent again unseen: each of them may be there already.
            [Action.LOOK, Action.DISCARD],
        ),
        Cause(
            "rejected",
            _("Refused by Nimble"),
            _("Nimble did not take these values. Mend what you typed, or discard it."),
            [Action.RETRY, Action.DISCARD],
        ),
        Cause(
            "failed",
            _("Given up after ten tries"),
            _("What you typed is kept. Send it again once the reason is gone."),
            [Action.RETRY, Action.DISCARD],
        ),
        Cause(
            "quota",
            _("Your Nimble plan is full"),
            _("Make room in Nimble or extend the plan, then send them again."),
            [Action.RETRY, Action.DISCARD],
        ),
    )
}

CAUSE = Case(
    When(state=State.BLOCKED, error__reason="reconnect", then=Value("reconnect")),
    When(state=State.BLOCKED, then=Value("quota")),
    When(state=State.CONFLICT, error__reason="missing", then=Value("missing")),
    When(state=State.CONFLICT, then=Value("conflict")),
    When(state=State.AMBIGUOUS, then=Value("ambiguous")),
    When(state=State.REJECTED, then=Value("rejected")),
    default=Value("failed"),
    output_field=CharField(),
)


@dataclass(frozen=True)
class Group:
    """The edits of one cause, as far as they are listed."""

    cause: Cause
    count: int
    entries: list[Entry]

    @property
    def more(self) -> int:
        return self.count - len(self.entries)

    @property
    def alone(self) -> bool:
        """There is one, whose own buttons do."""
        return self.count == 1

    @property
    def choices(self) -> list[tuple[str, str | Promise]]:
        """What can be done to many of them at once, each with its name."""
        return [(action, Action(action).label) for action in self.cause.actions]


def waiting(user: Any, cause: str = "") -> QuerySet[Any]:
    """A person's edits that need them, newest first; of one cause, where it is named."""
    found = status.edits_of(user).filter(state__in=NEEDS_PERSON).annotate(cause=CAUSE)
    found = found.filter(cause=cause) if cause else found
    return found.select_related("connection", "author").order_by("-id")


def groups(user: Any, cause: str = "") -> list[Group]:
    """What waits for a person, by cause. `cause`: only that one, and more of it."""
    counted = waiting(user, cause).order_by().values("cause").annotate(n=Count("pk")).values_list("cause", "n")
    counts = dict(counted)
    chosen: list[Edit] = []
    for key in counts:
        chosen += waiting(user, key)[: PAGE if cause else SHOWN]
    made: dict[str, list[Entry]] = {}
    for entry in entries.of(chosen, user):
        made.setdefault(entry.edit.cause, []).append(entry)  # type: ignore[attr-defined]
    return [Group(found, counts[key], made.get(key, [])) for key, found in CAUSES.items() if key in counts]


def cause_of(edit: Edit) -> str:
    """The key of an edit's cause; "" for one that needs nobody."""
    found = Edit.objects.filter(pk=edit.pk, state__in=NEEDS_PERSON).annotate(cause=CAUSE).values_list("cause")
    return found[0][0] if found else ""


def following(user: Any, pk: int, cause: str) -> Edit | None:
    """The next one after this edit: of the same cause first, going down the list and round, then whatever is left."""
    left = waiting(user).exclude(pk=pk)
    same = left.filter(cause=cause)
    return same.filter(pk__lt=pk).first() or same.first() or left.first()
