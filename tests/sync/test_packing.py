"""JSON as the text that is stored: the same values come out again, whatever the fast writer refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.packing import pack

STRINGS = st.text(st.characters(exclude_categories=()), max_size=10)  # lone surrogates, too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
)


@given(VALUES)
def test_text_says_what_the_value_says(value: object):
    assert json.loads(pack(value)) == value


@given(st.dictionaries(STRINGS, VALUES))
def test_order_of_keys_is_kept_or_sorted(value: dict[str, object]):
    assert list(json.loads(pack(value))) == list(value)
    backwards = dict(reversed(value.items()))
    assert pack(value, sort=True) == pack(backwards, sort=True)


@pytest.mark.parametrize("value", [2**64, -(2**80), "\ud800", ["\udfff\x00"], {"\ud800": 1}])
def test_what_the_fast_writer_refuses_is_written_all_the_same(value: object):
    assert json.loads(pack(value)) == value


def test_three_hundred_levels_are_written():
    value: list[object] = []
    for _ in range(300):
        value = [value]
    assert json.loads(pack(value)) == value
