"""Figures that the database knows, read when `/metrics` is asked. Labels are names of our own: few, and no record's."""

from collections.abc import Iterator

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nimble.models import Connection
from nimble.pace import status
from nimble.pace.breaker import State
from sync import health
from sync.clock import database_now
from sync.models import NEEDS_PERSON, OVERLAID, Edit, Quarantined, Stream


class Figures(Collector):
    """A collector that a registry asks once for each scrape."""

    def describe(self) -> Iterator[GaugeMetricFamily]:
        # Known without asking the database, which else would be asked twice.
        yield from ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = database_now()

        lag = GaugeMetricFamily(
            "crmportal_stream_lag_seconds",
            "Since a stream was last read to its end, of the usable connection that is furthest behind.",
            labels=["stream"],
        )
        usable = Stream.objects.filter(connection__in=Connection.objects.active(), paused=False)
        behind: dict[str, float] = {}
        for name, completed, began in usable.values_list("name", "completed_at", "connection__created_at"):
            behind[name] = max(behind.get(name, 0.0), (now - (completed or began)).total_seconds())
        for name, seconds in sorted(behind.items()):
            lag.add_metric([name], seconds)
        yield lag

        edits = GaugeMetricFamily("crmportal_edits", "Edits that wait or need somebody.", labels=["state"])
        oldest = GaugeMetricFamily("crmportal_edits_oldest_seconds", "Age of the oldest of them.", labels=["state"])
        states = {*OVERLAID, *NEEDS_PERSON}
        waiting = {
            state: (number, since)
            for state, number, since in Edit.objects.filter(state__in=states)
            .order_by()
            .values_list("state")
            .annotate(number=Count("pk"), since=Min("created_at"))
        }
        for state in sorted(state.value for state in states):
            number, since = waiting.get(state, (0, None))
            edits.add_metric([state], number)
            oldest.add_metric([state], (now - since).total_seconds() if since else 0.0)
        yield edits
        yield oldest

        connections = GaugeMetricFamily("crmportal_connections", "People's accounts.", labels=["state"])
        counted = dict(Connection.objects.order_by().values_list("state").annotate(number=Count("pk")))
        for state in Connection.State.values:
            connections.add_metric([state], counted.get(state, 0))
        yield connections

        answers = GaugeMetricFamily(
            "crmportal_nimble_breaker", "1 for the state of the breaker between here and Nimble.", labels=["state"]
        )
        state = status.health().state
        for each in State:
            answers.add_metric([each.value], each is state)
        yield answers

        yield GaugeMetricFamily(
            "crmportal_quarantined", "Records that could not be stored.", value=Quarantined.objects.count()
        )

        age = GaugeMetricFamily(
            "crmportal_heartbeat_age_seconds", "Since a kind of process gave a sign of life.", labels=["process"]
        )
        for name, seen in sorted(health.seen().items()):
            age.add_metric([name], (now - seen).total_seconds())
        yield age
