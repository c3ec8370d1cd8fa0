"""Requests by the hour."""

from hypothesis import given
from hypothesis import strategies as st

from nimble.pace import usage
from nimble.pace.usage import HOUR, KEPT

NOW = 500_000 * HOUR + 1800.0


@given(st.lists(st.tuples(st.floats(0, 3 * HOUR), st.integers(0, 50)), max_size=80))
def test_day_never_counts_more_than_was_sent_and_little_is_kept(sent):
    now, counts, total = NOW, {}, 0
    for passed, requests in sent:
        now += passed
        counts = usage.counted(counts, now, requests)
        total += requests
    assert len(counts) <= KEPT + 1
    assert 0 <= usage.within(counts, now, 1) <= usage.within(counts, now, 24) + 1 <= total + 1


def test_last_hour_takes_its_share_of_the_hour_before():
    counts = usage.counted(usage.counted({}, NOW - HOUR, 100), NOW, 7)
    assert usage.within(counts, NOW, 1) == 7 + 50
    assert usage.within(counts, NOW, 24) == 107
    assert usage.within(counts, NOW + 25 * HOUR, 24) == 0
