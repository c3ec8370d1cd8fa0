"""When to come back: all pure."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nimble import errors, retry

NOW = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 30 ", 30.0),
        ("86400", 900.0),
        ("99999999999999999999", 900.0),
        ("Sun, 29 Mar 2026 01:00:00 GMT", 30.0),
        ("Sun, 29 Mar 2026 01:00:00", 30.0),
        ("Sun, 29 Mar 2026 09:00:00 GMT", 900.0),
        ("Sat, 28 Mar 2026 09:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value, seconds):
    assert retry.retry_after(value, now=NOW) == seconds


@given(st.text())
def test_retry_after_survives_garbage(value):
    seconds = retry.retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds <= retry.LONGEST


def test_delay_doubles_and_is_capped():
    assert [retry.delay(n) for n in (0, 1, 2, 3, 10, 11, 5000)] == [1.0, 1.0, 2.0, 4.0, 512.0, 900.0, 900.0]


def test_delay_is_never_less_than_asked_for():
    assert retry.delay(1, 60.0) == 60.0
    assert retry.delay(8, 60.0) == 128.0
    assert retry.delay(1, 86400.0) == 900.0


def test_jitter_only_adds():
    assert all(8.0 <= retry.jittered(8.0) <= 10.0 for _ in range(100))


@pytest.mark.parametrize(
    ("error", "method", "attempt", "repeat"),
    [
        (errors.NoAnswer(), "GET", 1, True),
        (errors.Unreachable(), "GET", 1, True),
        (errors.NoAnswer(), "GET", 2, False),
        (errors.NoAnswer(), "POST", 1, False),
        (errors.Unreachable(), "PUT", 1, False),
        (errors.ServerError(), "GET", 1, False),
        (errors.RateLimited(), "GET", 1, False),
    ],
)
def test_repeat_at_once(error, method, attempt, repeat):
    assert retry.repeat_at_once(error, method=method, attempt=attempt) is repeat
