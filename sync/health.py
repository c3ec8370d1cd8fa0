"""Signs of life, in plain words."""

from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from crmportal.formats import ago, span
from sync.clock import database_now
from sync.models import Heartbeat

# The bell rings every 2 s and looks for due streams every 15 s.
SILENT_SECONDS = {"push": 20, "pull": 60}


class Sign(NamedTuple):
    """One kind of worker: when it was last seen, and whether that is too long ago."""

    name: str
    seen: datetime | None
    silent: bool
    text: str


def beat(name: str) -> None:
    """Note that this kind of process is alive."""
    now = database_now()
    if not Heartbeat.objects.filter(name=name).update(at=now):
        Heartbeat.objects.get_or_create(name=name, defaults={"at": now})


def sign(name: str, seen: datetime | None, now: datetime) -> Sign:
    """What to say of the worker `push` or `pull`, last seen then."""
    who = _("The sending worker") if name == "push" else _("The fetching worker")
    if seen is None:
        return Sign(
            name, None, True, _("%(who)s has not been seen yet: start it with ./run start worker") % {"who": who}
        )
    age = (now - seen).total_seconds()
    if age > SILENT_SECONDS[name]:
        text = _("%(who)s has not been seen for %(span)s: start it with ./run start worker")
        return Sign(name, seen, True, text % {"who": who, "span": span(age)})
    return Sign(name, seen, False, _("%(who)s was last seen %(ago)s") % {"who": who, "ago": ago(seen)})
