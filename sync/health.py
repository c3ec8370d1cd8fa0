"""Signs of life, in plain words.

Beat says that it ticks; each kind of worker says that it heard the bell, which is more than being there.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext as _

from crmportal.formats import ago, span
from sync.clock import database_now
from sync.models import Edit, Heartbeat, Run, State

# The bell rings every 2 s and looks for due streams every 5 s; beat writes every 5 s.
SILENT_SECONDS = {
    "push": settings.SILENT_SECONDS,
    "pull": 3 * settings.SILENT_SECONDS,
    "beat": settings.SILENT_SECONDS,
}
# Who waits for Nimble's answer does not hear the bell: a request that went out speaks for its worker for so long more.
ANSWER_SECONDS = 20


class Sign(NamedTuple):
    """One kind of process: when it was last seen, and whether that is too long ago."""

    name: str
    seen: datetime | None
    silent: bool
    text: str


def beat(name: str) -> None:
    """Note that this kind of process is alive."""
    now = database_now()
    if not Heartbeat.objects.filter(name=name).update(at=now):
        Heartbeat.objects.get_or_create(name=name, defaults={"at": now})


def sign(name: str, seen: datetime | None, now: datetime, clock: datetime | None = None) -> Sign:
    """What to say of the worker `push` or `pull`, or of `beat`, last seen then.

    `clock`: when beat was last seen. Where that is too long ago nobody rings for the workers, so that starting them
    does not help, and all that is not running is to be started.
    """
    who = {"push": _("The sending worker"), "pull": _("The fetching worker")}.get(name) or _("The clock (beat)")
    start = f"./run start {'beat' if name == 'beat' else 'worker'}"
    if clock and (now - clock).total_seconds() > SILENT_SECONDS["beat"]:
        start = "./run start"
    if seen is None:
        text = _("%(who)s has not been seen yet: start it with %(start)s")
        return Sign(name, None, True, text % {"who": who, "start": start})
    age = (now - seen).total_seconds()
    if age > SILENT_SECONDS[name]:
        text = _("%(who)s has not been seen for %(span)s: start it with %(start)s")
        return Sign(name, seen, True, text % {"who": who, "span": span(age), "start": start})
    return Sign(name, seen, False, _("%(who)s was last seen %(ago)s") % {"who": who, "ago": ago(seen)})


def seen() -> dict[str, datetime]:
    """When each kind of process was last seen; one in the middle of long work does not hear the bell, and is alive."""
    found: dict[str, datetime] = dict(Heartbeat.objects.values_list("name", "at"))
    sent = Edit.objects.filter(state=State.SENDING).aggregate(at=Max("sent_at"))["at"]
    if sent:
        _later(found, "push", min(sent + timedelta(seconds=ANSWER_SECONDS), database_now()))
    moved = Run.objects.filter(state=Run.State.RUNNING).aggregate(at=Max("moved_at"))["at"]
    if moved:
        _later(found, "pull", moved)
    return found


def _later(found: dict[str, datetime], name: str, at: datetime) -> None:
    found[name] = max(found.get(name, at), at)


def signs() -> list[Sign]:
    """All kinds of processes."""
    found, now = seen(), database_now()
    return [sign(name, found.get(name), now) for name in SILENT_SECONDS]
