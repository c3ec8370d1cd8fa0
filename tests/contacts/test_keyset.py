"""Places in a list, as addresses carry them."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import keyset
from contacts.models import Contact


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sort_name", "émile \x1f 王"),
        ("sort_name", ""),
        ("updated_in_nimble", datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("updated_in_nimble", None),
    ],
)
def test_place_comes_back_as_it_was(column: str, value):
    row = Contact(pk=7, **{column: value})
    assert keyset.decode(keyset.encode(row, column), Contact, column) == (value, 7)


@pytest.mark.parametrize("place", ["", "W10", "bnVsbA", "WzEsMl0", "WyJ4IiwgdHJ1ZV0", "!!!", "WyJ4IiwxZTk5XQ"])
def test_nonsense_is_no_place(place: str):
    assert keyset.decode(place, Contact, "sort_name") is None


@pytest.mark.parametrize(
    ("column", "value"), [("sort_name", "\ud800"), ("updated_in_nimble", "9999-12-31T23:59:59-23:59")]
)
def test_value_that_no_database_takes_is_no_place(column: str, value: str):
    place = base64.urlsafe_b64encode(json.dumps([value, 5]).encode()).decode()
    assert keyset.decode(place, Contact, column) is None


@given(st.text())
def test_any_text_is_a_place_or_none(text: str):
    for column in ("sort_name", "updated_in_nimble"):
        assert keyset.decode(text, Contact, column) is None or isinstance(keyset.decode(text, Contact, column), tuple)
