"""The merge alone: every way in which base, ours and theirs can differ; at random in `test_merge_random.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import merge
from sync.merge import set_of

values = st.one_of(st.none(), st.sampled_from(["", "a", "b", "c"]))
sets = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


SET = {"f": set_of()}


def plan(base, ours, theirs, rules=None) -> merge.Plan:
    return merge.plan({"f": {"base": base, "new": ours}}, {"f": theirs}, rules or {})


def test_scalar_that_they_left_alone_is_ours():
    assert plan("a", "b", "a") == merge.Plan({"f": "b"}, {})


def test_scalar_that_they_changed_to_ours_is_done():
    assert plan("a", "b", "b") == merge.Plan({}, {})


def test_scalar_that_both_changed_is_a_conflict_with_their_value():
    assert plan("a", "b", "c") == merge.Plan({}, {"f": "c"})


def test_empty_and_missing_are_the_same():
    assert plan(None, "b", "") == merge.Plan({"f": "b"}, {})
    assert plan("a", "", None) == merge.Plan({}, {})


def test_set_adds_ours_and_keeps_theirs():
    assert plan(["a"], ["a", "b"], ["a", "c"], SET).send == {"f": ["a", "c", "b"]}


def test_set_removes_what_we_removed_only():
    assert plan(["a", "b"], ["b"], ["a", "b", "c"], SET).send == {"f": ["b", "c"]}


def test_set_that_they_made_so_already_is_done():
    assert plan(["a"], ["a", "b"], ["a", "b"], SET) == merge.Plan({}, {})


def test_set_in_a_new_order_is_sent_in_it():
    assert plan(["a", "b"], ["b", "a"], ["a", "b"], SET).send == {"f": ["b", "a"]}


@given(values, values, values)
def test_scalar_ends_in_exactly_one_way(base, ours, theirs):
    result = plan(base, ours, theirs)
    assert not (result.send and result.conflicts)
    if result.conflicts:
        assert not merge.same(base, theirs)
        assert not merge.same(ours, theirs)
    elif result.send:
        assert result.send["f"] == ours
        assert merge.same(base, theirs)
    else:
        assert merge.same(ours, theirs) or merge.same(ours, base)


def test_order_that_we_left_alone_is_theirs():
    assert plan(["a", "b"], ["a", "b", "c"], ["b", "a"], SET).send == {"f": ["b", "a", "c"]}


def test_changed_item_stays_where_it_stood():
    assert plan(["a", "b"], ["x", "b"], ["a", "b", "c"], SET).send == {"f": ["x", "b", "c"]}


def test_one_of_two_equal_items_goes():
    assert plan(["a", "a"], ["a"], ["a", "a", "b"], SET).send == {"f": ["a", "b"]}


NOTES = {"f": merge.Rule(content=lambda item: item[1], key=lambda item: item[0])}


def test_contents_of_different_items_merge():
    base, ours, theirs = ["a1", "b1"], ["a2", "b1"], ["a1", "b2"]
    assert plan(base, ours, theirs, NOTES).send == {"f": ["a2", "b2"]}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(["a2"], ["a3"]), ([], ["a3"]), (["a2"], []), (["a1", "b1"], ["a1", "b2"])],
    ids=["both changed it", "we removed it", "they removed it", "both added it"],
)
def test_one_item_with_two_new_contents_is_a_conflict(ours, theirs):
    assert plan(["a1"], ours, theirs, NOTES) == merge.Plan({}, {"f": theirs})


def test_other_spelling_of_a_value_is_no_change():
    number = {"f": merge.Rule(content=lambda text: float(text))}
    assert plan("5", "6", "5.0", number).send == {"f": "6"}
    assert plan("5", "6", "6.00", number) == merge.Plan({}, {})
