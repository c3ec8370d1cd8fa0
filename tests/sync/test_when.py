from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import when

AFTERNOON = datetime(2012, 9, 7, 13, 49, 56, tzinfo=UTC)


SHAPES = [
    ("2012-09-07T16:49:56+0300", AFTERNOON),
    ("2012-09-07T16:49:56+03:00", AFTERNOON),
    ("2012-09-07T13:49:56Z", AFTERNOON),
    ("2012-09-07T13:49:56.123456+00:00", AFTERNOON.replace(microsecond=123456)),
    ("2012-09-07 13:49:56", AFTERNOON),
    ("2012-09-07", datetime(2012, 9, 7, tzinfo=UTC)),
    ("", None),
    (None, None),
    (12, None),
    ("tomorrow", None),
    ("0001-01-01T00:00:00+0300", None),
    ("9999-12-31T23:59:59-0300", None),
]


@pytest.mark.parametrize(("text", "moment"), SHAPES)
def test_moment_of_every_published_shape(text, moment):
    assert when.moment(text) == moment


def test_day_is_not_moved_between_zones():
    assert when.day("2012-09-07T23:30:00-0800") == date(2012, 9, 7)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())))
def test_nothing_raises(value):
    when.moment(value)
    when.day(value)
