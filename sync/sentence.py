"""How things stand, in words: one honest sentence, and the banners for what stops the sync."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crmportal.formats import ago, number, span
from nimble.models import ConnectionState
from sync.status import Standing


def clock(standing: Standing) -> str:
    """The time by the reader's clock up to which the records are Nimble's."""
    if standing.as_of is None:
        return ""
    return time_format(timezone.localtime(standing.as_of).time(), "H:i:s")


def sentence(standing: Standing) -> str:
    """What is in step, honestly: the worst thing first, never more than is known."""
    if standing.connection is None:
        return _unconnected(standing)
    if standing.push.silent and standing.waiting:
        return _waits(standing)
    if standing.in_trouble:
        return _trouble(standing)
    if not standing.usable:
        return _first(standing)
    said = []
    if standing.held:
        said.append(
            _("Many records vanished from Nimble at once and are kept here until you say whether they are gone.")
        )
    if standing.needs:
        said.append(ngettext("%(n)d edit needs you.", "%(n)d edits need you.", standing.needs) % {"n": standing.needs})
    return " ".join([*said, _rest(standing)])


def _waits(standing: Standing) -> str:
    return ngettext(
        "%(n)d edit waits here: the sending worker is not running.",
        "%(n)d edits wait here: the sending worker is not running.",
        standing.waiting,
    ) % {"n": standing.waiting}


def _trouble(standing: Standing) -> str:
    since, probe = standing.nimble.since, standing.nimble.next_probe
    said = [_("Nimble has had trouble since %(clock)s.") % {"clock": _at(since)}]
    seconds = (probe - standing.now).total_seconds() if probe else 0
    if seconds >= 1:
        said.append(_("It is asked again in %(span)s.") % {"span": span(seconds)})
    else:
        said.append(_("It is being asked again."))
    if standing.waiting:
        said.append(
            ngettext(
                "%(n)d edit waits and goes out by itself.",
                "%(n)d edits wait and go out by themselves.",
                standing.waiting,
            )
            % {"n": standing.waiting}
        )
    if standing.as_of:
        said.append(_("What you see is Nimble as of %(clock)s.") % {"clock": clock(standing)})
    return " ".join(said)


def _at(moment: datetime | None) -> str:
    return time_format(timezone.localtime(moment).time(), "H:i") if moment else ""


def _rest(standing: Standing) -> str:
    if standing.paused:
        names = ", ".join(str(flow.spec.label) for flow in standing.paused)
        return _("Paused by a person: %(names)s. What you see of the rest is Nimble as of %(clock)s.") % {
            "names": names,
            "clock": clock(standing),
        }
    if standing.stalled and standing.as_of:
        return _("Nothing has come from Nimble for %(span)s: what you see is Nimble as of %(clock)s.") % {
            "span": span((standing.now - standing.as_of).total_seconds()),
            "clock": clock(standing),
        }
    if standing.failing:
        names = ", ".join(str(flow.spec.label) for flow in standing.failing)
        return _("Not in step: %(names)s. The rest is Nimble as of %(clock)s.") % {
            "names": names,
            "clock": clock(standing),
        }
    if standing.unread:
        names = ", ".join(str(flow.spec.label) for flow in standing.unread)
        return _("Still being read for the first time: %(names)s. The rest is Nimble as of %(clock)s.") % {
            "names": names,
            "clock": clock(standing),
        }
    if standing.waiting:
        return ngettext(
            "%(n)d edit is on its way; the records are Nimble as of %(clock)s.",
            "%(n)d edits are on their way; the records are Nimble as of %(clock)s.",
            standing.waiting,
        ) % {"n": standing.waiting, "clock": clock(standing)}
    words = {"clock": clock(standing), "ago": ago(standing.as_of)}
    if standing.differing:
        return ngettext(
            "%(n)d of Nimble's own figures differs from ours; all was read, as of %(clock)s.",
            "%(n)d of Nimble's own figures differ from ours; all was read, as of %(clock)s.",
            standing.differing,
        ) % {"n": standing.differing, **words}
    if standing.needs or standing.held:
        return _("All else is in step: Nimble as of %(clock)s, %(ago)s.") % words
    return _("Everything is in step: Nimble as of %(clock)s, %(ago)s.") % words


def _unconnected(standing: Standing) -> str:
    if standing.lost == ConnectionState.RECONNECT:
        return _("Nimble no longer accepts your connection: nothing is read or sent until you reconnect.")
    if standing.lost:
        return _("You are disconnected from Nimble: nothing is read or sent in your name.")
    return _("You are not connected to Nimble, so there is nothing to keep in step.")


def _first(standing: Standing) -> str:
    if standing.pull.silent and not standing.starting:
        return _("The first sync waits: the fetching worker is not running.")
    bar = standing.long
    if bar:
        return _("The first sync is running: %(done)s of %(total)s %(what)s.") % {
            "done": number(bar.done),
            "total": number(bar.total),
            "what": bar.label,
        }
    if standing.failing:
        return _("The first sync has met an error and tries again.")
    return _("The first sync is running.")


def banners(standing: Standing, path: str = "") -> list[dict[str, Any]]:
    """What the shell cannot tell from the chip: a worker that was there and is gone. `path`: the page it is for."""
    if standing.connection is None:
        return []
    # One that nobody has started yet is the first sync's to tell.
    down = [sign for sign in (standing.push, standing.pull) if sign.silent and sign.seen]
    if not down:
        return []
    text = down[0].text
    if len(down) > 1:
        silent = span((standing.now - max(sign.seen for sign in down if sign.seen)).total_seconds())
        text = _("The sending and the fetching worker have not been seen for %(span)s: start them with ./run start")
        text %= {"span": silent}
    if standing.waiting and standing.push in down:
        text = f"{_waits(standing)} {text}"
    here = path == reverse("sync:index")
    return [{"kind": "warning", "text": text, "url": "" if here else reverse("sync:index"), "action": _("See Sync")}]
