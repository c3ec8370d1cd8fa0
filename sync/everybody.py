"""How the sync stands for everybody, for whoever looks after the installation: states and counts, never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, IntegerField, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nimble.models import Connection
from nimble.pace.status import Health, Pace, paces
from nimble.pace.status import health as nimble_health
from sync import health, quarantine, registry
from sync.models import NEEDS_PERSON, UNSENT, Brake, Edit, Quarantined, State, Stream
from sync.viewer import is_operator

MOST = 200


@dataclass(frozen=True)
class Row:
    """One person's connection: what waits, what needs them, what fails, and how fast Nimble is asked."""

    connection: Connection
    waiting: int
    needs: int
    failing: int
    paused: int
    read_at: datetime | None
    pace: Pace


@dataclass(frozen=True)
class Everybody:
    nimble: Health
    signs: Sequence[health.Sign]
    rows: Sequence[Row]
    held: int
    aside: Sequence[quarantine.Aside]

    @property
    def sentence(self) -> str:
        """What an operator has to know first."""
        silent = [sign for sign in self.signs if sign.silent]
        lost = sum(row.connection.state == Connection.State.RECONNECT for row in self.rows)
        failing = sum(bool(row.failing) for row in self.rows)
        if silent:
            return silent[0].text
        if self.nimble.since:
            clock = time_format(timezone.localtime(self.nimble.since).time(), "H:i")
            text = _("Nimble has had trouble since %(clock)s; everything waits and goes on by itself.")
            return text % {"clock": clock}
        if self.held:
            return ngettext(
                "Everything runs, but in %(n)d listing many records vanished at once.",
                "Everything runs, but in %(n)d listings many records vanished at once.",
                self.held,
            ) % {"n": self.held}
        if lost or failing:
            return _("Everything runs; %(lost)d have to reconnect, and for %(failing)d something fails.") % {
                "lost": lost,
                "failing": failing,
            }
        return _("Everything runs, and Nimble answers.")


def of(user: Any) -> Everybody | None:
    """For an operator; None for anybody else. A fixed number of statements."""
    if not is_operator(user):
        return None
    edits = Edit.objects.filter(connection=OuterRef("pk")).order_by().values("connection")
    streams = Stream.objects.filter(connection=OuterRef("pk")).order_by().values("connection")
    usable = [spec.name for spec in registry.streams() if spec.usable]

    def count(found: Any, **condition: Any) -> Any:
        counted = found.annotate(n=Count("pk", filter=Q(**condition))).values("n")
        return Coalesce(Subquery(counted, output_field=IntegerField()), 0)

    latest = streams.filter(name__in=usable).annotate(at=Max("completed_at")).values("at")
    found = Connection.objects.select_related("workspace").annotate(
        waiting=count(edits, state__in=[*UNSENT, State.SENDING]),
        needs=count(edits, state__in=NEEDS_PERSON),
        failing=count(streams, failures__gt=0),
        paused=count(streams, paused=True),
        read_at=Subquery(latest),
    )
    connections = list(found.order_by("workspace", "name", "pk")[:MOST])
    pace = paces(connections)
    rows = [
        Row(each, each.waiting, each.needs, each.failing, each.paused, each.read_at, pace[each.pk])
        for each in connections
    ]
    held = Brake.objects.filter(state=Brake.State.HELD).count()
    return Everybody(nimble_health(), health.signs(), rows, held, quarantine.counted(Quarantined.objects.all()))
