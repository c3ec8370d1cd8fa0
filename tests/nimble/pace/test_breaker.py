"""The breaker's states, for any order of what can happen."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nimble.pace import breaker as breakers
from nimble.pace.breaker import FIRST, LONGEST, RELAPSE, SUSPECTS, Breaker, State

NOW = 1.8e9


def opened(now: float = NOW, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker()
    for number in range(SUSPECTS):
        breaker = breakers.failed(breaker, f"GET /{number}", now)
    return breaker


def probed(breaker: Breaker, now: float, *, healthy: bool | None) -> Breaker:
    going = breakers.probing(breaker, "p", now, 30)
    assert going
    return breakers.probed(going, "p", now, healthy=healthy)


def test_failures_of_different_things_in_a_row_open_it():
    breaker = opened()
    assert breakers.state(breaker, NOW) is State.OPEN
    assert breakers.wait(breaker, NOW) == FIRST


@given(st.lists(st.sampled_from(["PUT /bad", "GET /bad"]), max_size=100))
def test_one_record_that_always_fails_does_not(failures):
    breaker = Breaker()
    for what in failures:
        breaker = breakers.failed(breaker, what, NOW)
    assert breakers.state(breaker, NOW) is State.CLOSED


@given(st.lists(st.integers(0, 99), max_size=100))
def test_an_answer_in_between_keeps_it_closed(failures):
    breaker = Breaker()
    for what in failures:
        breaker = breakers.answered(breakers.failed(breaker, f"GET /{what}", NOW))
    assert breakers.state(breaker, NOW) is State.CLOSED


def test_probe_goes_to_one():
    breaker = opened()
    assert breakers.probing(breaker, "early", NOW, 30) is None
    due = NOW + FIRST
    going = breakers.probing(breaker, "first", due, 30)
    assert going
    assert breakers.state(going, due) is State.PROBING
    assert breakers.probing(going, "second", due + 29, 30) is None
    assert breakers.probing(going, "third", due + 31, 30), "the first one was lost"


def test_late_probe_changes_nothing():
    due = NOW + FIRST
    lost = breakers.probing(opened(), "lost", due, 30)
    assert lost
    going = breakers.probing(lost, "next", due + 31, 30)
    assert going
    assert breakers.probed(going, "lost", due + 32, healthy=True) == going


def test_intervals_double_up_to_a_minute_and_ten_minutes_take_few_probes():
    breaker, now, waits = opened(), NOW, []
    while now < NOW + 600:
        waits.append(breakers.wait(breaker, now))
        now += waits[-1]
        breaker = probed(breaker, now, healthy=False)
    assert waits[:6] == [2, 4, 8, 16, 32, 60]
    assert max(waits) == LONGEST
    assert len(waits) <= 16


def test_success_closes_it_and_forgets_the_suspects():
    breaker = probed(opened(), NOW + FIRST, healthy=True)
    assert breakers.state(breaker, NOW + FIRST) is State.CLOSED
    assert breaker.suspects == ()


def test_probe_that_could_not_be_sent_leaves_the_next_one_due():
    breaker = probed(opened(), NOW + FIRST, healthy=None)
    assert breakers.wait(breaker, NOW + FIRST) == 0
    assert breakers.state(breaker, NOW + FIRST) is State.OPEN


def test_relapse_waits_as_long_as_if_the_probe_had_failed():
    well = probed(opened(), NOW + FIRST, healthy=True)
    assert opened(NOW + FIRST + 1, well).interval == 2 * FIRST
    assert opened(NOW + FIRST + RELAPSE + 1, well).interval == FIRST


class Outages(RuleBasedStateMachine):
    """Several workers, any order: requests, failures, answers, probes that come back late or never."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = NOW
        self.probes: dict[str, float] = {}
        self.made = 0

    @rule(seconds=st.floats(0.01, 90))
    def pass_time(self, seconds):
        self.now += seconds

    @rule(what=st.integers(0, 5))
    def fail(self, what):
        before = self.breaker
        self.breaker = breakers.failed(before, f"GET /{what}", self.now)
        assert not before.is_open or self.breaker == before

    @rule()
    def answer(self):
        before = self.breaker
        self.breaker = breakers.answered(before)
        assert self.breaker.is_open == before.is_open

    @rule()
    def probe(self):
        self.made += 1
        going = breakers.probing(self.breaker, str(self.made), self.now, 30)
        if going:
            assert not [until for until in self.probes.values() if until > self.now], "two probes at once"
            self.breaker = going
            self.probes[str(self.made)] = self.now + 30

    @precondition(lambda self: self.probes)
    @rule(data=st.data(), healthy=st.sampled_from([True, False, None]))
    def come_back(self, data, healthy):
        token = data.draw(st.sampled_from(sorted(self.probes)))
        del self.probes[token]
        self.breaker = breakers.probed(self.breaker, token, self.now, healthy=healthy)

    @invariant()
    def never_waits_for_long(self):
        assert 0 <= breakers.wait(self.breaker, self.now) <= LONGEST

    @invariant()
    def closed_lets_everything_through(self):
        if breakers.state(self.breaker, self.now) is State.CLOSED:
            assert breakers.wait(self.breaker, self.now) == 0
            assert len(self.breaker.suspects) < SUSPECTS

    def teardown(self):
        """Whatever happened, Nimble's being well again ends it."""
        if self.breaker.is_open:
            now = self.now + breakers.wait(self.breaker, self.now)
            assert not probed(self.breaker, now, healthy=True).is_open


Outages.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestOutages = Outages.TestCase
