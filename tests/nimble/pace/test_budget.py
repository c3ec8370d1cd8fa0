"""The arithmetic of a budget, for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nimble.pace import budget as budgets
from nimble.pace.budget import BURST, CEILING, FARTHEST, FLOOR, INCREASE, Budget
from nimble.pace.slots import LIMIT
from nimble.retry import LONGEST

RATES = st.floats(FLOOR, CEILING)
TIMES = st.floats(1.7e9, 1.9e9)
COUNTS = st.integers(0, 5000)
ASKED = st.none() | st.floats(0, LONGEST)
BUDGETS = st.builds(
    Budget, rate=RATES, due=TIMES, paused_until=TIMES, slowed_at=TIMES, strikes=st.integers(0, 30)
)  # fmt: skip


@given(RATES, COUNTS)
def test_success_raises_the_rate_up_to_the_ceiling(rate, succeeded):
    raised = budgets.raised(Budget(rate=rate), succeeded).rate
    assert rate <= raised <= CEILING


@given(RATES, COUNTS, COUNTS)
def test_successes_count_the_same_in_one_go_and_in_two(rate, one, other):
    together = budgets.raised(Budget(rate=rate), one + other).rate
    apart = budgets.raised(budgets.raised(Budget(rate=rate), one), other).rate
    assert together == pytest.approx(apart)


@given(st.floats(FLOOR, CEILING - 2 * INCREASE))
def test_second_of_full_use_adds_the_increase(rate):
    raised = budgets.raised(Budget(rate=rate), 1).rate
    assert (raised - rate) * rate == pytest.approx(INCREASE, rel=INCREASE / rate**2)


@given(BUDGETS, TIMES, ASKED)
def test_slowing_down_halves_the_rate_down_to_the_floor(budget, now, asked):
    slowed = budgets.slowed(budget, now, asked=asked, seen=budget.slowed_at)
    assert slowed.rate == max(budget.rate / 2, FLOOR)


@given(BUDGETS, TIMES, ASKED, st.floats(0, 1000))
def test_half_of_what_was_used_is_never_more_than_half_of_what_was_allowed(budget, now, asked, used):
    slowed = budgets.slowed(budget, now, asked=asked, seen=budget.slowed_at, used=used)
    assert FLOOR <= slowed.rate <= max(budget.rate / 2, FLOOR)
    assert slowed.rate == max(min(budget.rate, used) / 2, FLOOR)


@given(BUDGETS, TIMES, ASKED, ASKED)
def test_requests_that_were_under_way_together_slow_down_once(budget, now, asked, asked_too):
    first = budgets.slowed(budget, max(now, budget.slowed_at + 1), asked=asked, seen=budget.slowed_at)
    second = budgets.slowed(first, max(now, budget.slowed_at + 1), asked=asked_too, seen=budget.slowed_at)
    assert (second.rate, second.strikes) == (first.rate, first.strikes)
    assert second.paused_until >= first.paused_until


@given(BUDGETS, TIMES, ASKED)
def test_pause_lasts_as_long_as_asked_and_is_capped(budget, now, asked):
    slowed = budgets.slowed(Budget(rate=budget.rate, strikes=budget.strikes), now, asked=asked, seen=0.0)
    wait = budgets.wait(slowed, now)
    assert (asked or 0.0) <= wait + 1e-3
    assert 1.0 - 1e-3 <= wait <= LONGEST + 1e-3


@given(BUDGETS, TIMES, ASKED)
def test_pause_never_becomes_shorter(budget, now, asked):
    slowed = budgets.slowed(budget, now, asked=asked, seen=budget.slowed_at)
    assert slowed.paused_until >= budget.paused_until


def test_pause_without_a_time_doubles_each_time_in_a_row():
    budget, now, pauses = Budget(), 1.8e9, []
    for _ in range(12):
        budget = budgets.slowed(budget, now, asked=None, seen=budget.slowed_at)
        pauses.append(budget.paused_until - now)
        now = budget.paused_until
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    again = budgets.slowed(budgets.raised(budget, 1), now, asked=None, seen=budget.slowed_at)
    assert again.paused_until - now == 1


@given(RATES, st.integers(1, 300))
def test_requests_are_spaced_by_the_rate_beyond_a_short_burst(rate, requests):
    budget, now, begin = Budget(rate=rate), 1000.0, 1000.0
    for _ in range(requests):
        now += budgets.wait(budget, now)
        budget = budgets.spent(budget, now)
    assert requests <= rate * (now - begin + BURST) + 1 + 1e-3


@given(RATES, st.integers(2, 100))
def test_two_sharers_together_keep_to_the_rate(rate, requests):
    one = other = Budget(rate=rate)
    now = begin = 1000.0
    sent = 0
    while sent < requests:
        now += min(budgets.wait(one, now), budgets.wait(other, now))
        if budgets.wait(one, now) <= budgets.wait(other, now):
            one = budgets.spent(one, now, sharers=2)
        else:
            other = budgets.spent(other, now, sharers=2)
        sent += 1
    assert sent <= rate * (now - begin + BURST) + 2 + 1e-3


@given(st.lists(st.floats(0, 5), min_size=1, max_size=30), RATES, st.integers(1, LIMIT), st.floats(0.001, 1e6))
def test_spacing_holds_until_the_clock_is_set_back_and_begins_anew_then(pauses, rate, sharers, back):
    budget, now = Budget(rate=rate), 1.8e9
    for pause in pauses:
        now += max(pause, budgets.wait(budget, now))
        budget = budgets.spent(budget, now, sharers)
        assert budgets.timely(budget, now) == budget
    earlier = now - FARTHEST - back
    assert budgets.wait(budgets.timely(budget, earlier), earlier) == 0
