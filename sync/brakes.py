"""The brake: where much vanishes from a complete listing at once, a person decides whether it is believed.

A revoked scope and an empty answer look just like a great many deletions. So nothing is hidden until whoever the
connection belongs to, or an operator, has said that these records are gone. What they say is bound to the records that
they were asked about, and to the connection; whatever vanishes beyond those is measured anew. What colleagues are
still shown, and Nimble refuses this viewer, waits for nobody: it was taken from them (`sync.withheld`).
"""

import hashlib
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet

from nimble.models import Connection
from sync import pull as pulling
from sync import withheld
from sync.bell import ring_pull
from sync.clock import database_now
from sync.models import Brake, Vanished
from sync.runs import Pull
from sync.viewer import is_operator

log = structlog.get_logger(__name__)

RECORDS = 20
SHARE = 0.05
# An approval is for the next listing, which is due at once; one that comes later than this is not meant any more.
APPROVAL_LASTS = timedelta(hours=24)
# What is kept although Nimble lists it no longer is asked about again after this.
REFUSAL_LASTS = timedelta(days=7)
BATCH = 1000

State = Brake.State


def too_many(missing: int, known: int) -> bool:
    """More than 20 records and more than 5 % of what was known."""
    return missing > RECORDS and missing > known * SHARE


def believed(pull: Pull, kind: str, missing: QuerySet[Any], listed: QuerySet[Any]) -> QuerySet[Any] | None:
    """Of the sights that a complete listing lacks for the first time, those that may be hidden; None: none, for now.

    `listed`: the sights that it renewed. Holds the brake, or lets it go where a decision or the listing allows it.
    """
    brake = Brake.objects.filter(stream=pull.stream, state__in=Brake.OPEN).first()
    asked = brake.records.values("record_id") if brake else Vanished.objects.none().values("record_id")
    if brake:
        brake.records.filter(record_id__in=listed.values("record_id")).delete()
        if brake.state != State.HELD and brake.expires_at and brake.expires_at < database_now():
            _become(brake, State.HELD)
    decided = brake is not None and brake.state != State.HELD
    beyond = missing.exclude(record_id__in=asked) if decided else missing
    known = listed.count() + missing.count()
    hidden: list[int] = []
    if too_many(beyond.count(), known) or (brake and brake.state != State.APPROVED):
        hidden = withheld.hide(pull, kind, missing)
        for start in range(0, len(hidden) if brake else 0, BATCH):
            Vanished.objects.filter(brake=brake, record_id__in=hidden[start : start + BATCH]).delete()
    if too_many(beyond.count(), known - len(hidden)):
        _hold(pull, kind, brake, missing, known - len(hidden))
        return None
    if brake is None:
        return missing
    if brake.state == State.REFUSED and brake.records.exists():
        return beyond
    _become(brake, State.SETTLED if brake.state == State.APPROVED or hidden else State.RETURNED)
    return missing


def _hold(pull: Pull, kind: str, brake: Brake | None, missing: QuerySet[Any], known: int) -> None:
    """Ask a person about all that is missing; who has answered for fewer records is asked anew."""
    ids = sorted(missing.values_list("record_id", flat=True))
    now = database_now()
    found = {
        "missing": len(ids),
        "known": known,
        "listed_at": now,
        "mark": hashlib.blake2b(repr(ids).encode(), digest_size=16).hexdigest(),
    }
    with transaction.atomic():
        if brake and brake.state != State.HELD:
            _become(brake, State.REPLACED)
            brake = None
        if brake:
            Brake.objects.filter(pk=brake.pk).update(**found)
        else:
            brake = Brake.objects.create(stream=pull.stream, kind=kind, began_at=now, **found)
        brake.records.all().delete()
        Vanished.objects.bulk_create([Vanished(brake=brake, record_id=pk) for pk in ids], batch_size=BATCH)
    pull.hold(f"{len(ids)} of {known} records vanished at once. Nothing was removed here.")
    log.warning("the brake holds", brake=brake.pk, missing=len(ids), known=known)


def _become(brake: Brake, state: str) -> None:
    """Move on from the state that was read, unless somebody has decided meanwhile."""
    ended = None if state in Brake.OPEN else database_now()
    if Brake.objects.filter(pk=brake.pk, state=brake.state).update(state=state, ended_at=ended) == 1:
        brake.state = State(state)
        log.info("the brake moved on", brake=brake.pk, state=state)
    else:
        brake.refresh_from_db()


def of(user: Any) -> QuerySet[Brake]:
    """The open brakes that this person decides about: those of their own connections; all of them for an operator."""
    found = Brake.objects.filter(state__in=Brake.OPEN).select_related("stream__connection__workspace", "decided_by")
    if is_operator(user):
        return found
    return found.filter(stream__connection__in=Connection.objects.for_user(user))


def approve(brake: Brake, *, by: Any, mark: str) -> bool:
    """They are gone: the next listing, due at once, hides them, and what follows confirms each as usual.

    `mark`: which records the person was asked about. False when those, or the brake, are others by now.
    """
    now = database_now()
    decided = {"decided_by": by, "decided_at": now, "expires_at": now + APPROVAL_LASTS}
    with transaction.atomic():
        if not _decide(brake, mark, (State.HELD, State.REFUSED), state=State.APPROVED, **decided):
            return False
        pulling.sync_again(brake.stream.connection, brake.stream.name)
        ring_pull()
    log.info("vanished records may go", brake=brake.pk, missing=brake.missing)
    return True


def refuse(brake: Brake, *, by: Any, mark: str) -> bool:
    """They stay as they are; nobody is asked again before more vanish, or a week is over."""
    now = database_now()
    decided = {"decided_by": by, "decided_at": now, "expires_at": now + REFUSAL_LASTS}
    if not _decide(brake, mark, (State.HELD, State.APPROVED), state=State.REFUSED, **decided):
        return False
    log.info("vanished records stay", brake=brake.pk, missing=brake.missing)
    return True


def _decide(brake: Brake, mark: str, states: tuple[str, ...], **changes: Any) -> bool:
    return Brake.objects.filter(pk=brake.pk, mark=mark, state__in=states).update(**changes) == 1
