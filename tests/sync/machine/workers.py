"""What the workers do, and what becomes of them."""

from datetime import timedelta

from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from nimble.models import Breaker, Connection, Pace
from sync import ids, lines, outbox, pull, push
from sync.clock import database_now
from sync.models import Edit, Lease, State, Stream
from tests.sync.machine.here import WHO
from tests.sync.machine.known import Known
from tests.sync.machine.points import BETWEEN, SENDING, STORING, Standing, killed_at

# What is pulled: these streams, or everything.
STREAMS = [["deals"], ["contacts"], ["listing"], ["notes"], ["deals", "contacts", "listing", "notes"], []]
WHAT = st.sampled_from(STREAMS)
ANEW = st.sampled_from([False, False, True])


class Workers(Known):
    @rule(times=st.integers(1, 3))
    def the_bell_rings(self, times: int) -> None:
        self.send(times)

    @rule(point=st.sampled_from(SENDING), restarted=st.booleans())
    def a_worker_is_killed(self, point: str, restarted: bool) -> None:
        self.stirred = True
        holder = ids.become("push@there")
        with killed_at(point):
            outbox.deliver()
        if restarted:
            lines.take_over(holder)
        ids.become("push@here")
        self.listen()

    @rule()
    def a_worker_claims_and_stands_still(self) -> None:
        ids.become("push@slow")
        edit = lines.claim()
        ids.become("push@here")
        if edit:
            self.held.append(edit)

    @precondition(lambda self: self.held)
    @rule()
    def the_slow_worker_goes_on(self) -> None:
        self.stirred = True
        push.push(self.held.pop(0))
        self.listen()

    @rule()
    def time_goes_by(self) -> None:
        """Leases lapse, what waits is due, pauses are over, and what was under way has had its effect or none."""
        past, minute = database_now() - timedelta(seconds=1), timedelta(minutes=1)
        Edit.objects.filter(state=State.SENDING).update(lease_until=past)
        Edit.objects.filter(state__in=[State.RETRYING, State.PENDING]).update(
            not_before=None, sent_at=F("sent_at") - minute
        )
        Lease.objects.update(until=past)
        Pace.objects.update(version=F("version") + 1, slots=[], held_until=None, budget={})
        Breaker.objects.update(version=F("version") + 1, state={})

    @rule(who=WHO, what=WHAT, anew=ANEW)
    def a_pull(self, who: int, what: list[str], anew: bool) -> None:
        self.stirred = True
        if connection := self.due(who, what, anew):
            pull.pull(connection)

    @rule(who=WHO, what=WHAT, anew=ANEW, point=st.sampled_from(STORING))
    def a_pull_is_killed(self, who: int, what: list[str], anew: bool, point: str) -> None:
        with killed_at(point):
            self.a_pull(who, what, anew)

    @rule(who=WHO, where=st.sampled_from(BETWEEN), anew=ANEW)
    def a_pull_stands_still(self, who: int, where: tuple[str, list[str]], anew: bool) -> None:
        """With what it has read in its hands, for as many steps as come before it goes on."""
        point, what = where
        if who not in self.standing and (connection := self.due(who, what, anew)):
            self.stirred = True
            self.standing[who] = Standing(point, lambda: pull.pull(connection))

    @precondition(lambda self: self.standing)
    @rule(who=WHO)
    def the_pull_that_stood_goes_on(self, who: int) -> None:
        if standing := self.standing.pop(who, None):
            self.stirred = True
            standing.go_on()

    def due(self, who: int, what: list[str], anew: bool) -> Connection | None:
        """Nothing but this is due, whatever the clock says; None for somebody who must reconnect."""
        connection = Connection.objects.select_related("workspace").get(pk=self.connections[who].pk)
        if not connection.is_usable:
            return None
        never = database_now() + timedelta(days=1)
        Stream.objects.filter(connection=connection).update(next_run_at=never, settled_at=None)
        (pull.sync_again if anew else pull.sync_now)(connection, *what)
        return connection
