"""The merge alone: every way in which base, ours and theirs can differ."""

from hypothesis import given
from hypothesis import strategies as st

from sync import merge

values = st.one_of(st.none(), st.sampled_from(["", "a", "b", "c"]))
sets = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


def identity(item: str) -> str:
    return item


def plan(base, ours, theirs, keys=None) -> merge.Plan:
    return merge.plan({"f": {"base": base, "new": ours}}, {"f": theirs}, keys or {})


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
    assert plan(["a"], ["a", "b"], ["a", "c"], {"f": identity}).send == {"f": ["a", "c", "b"]}


def test_set_removes_what_we_removed_only():
    assert plan(["a", "b"], ["b"], ["a", "b", "c"], {"f": identity}).send == {"f": ["b", "c"]}


def test_set_that_they_made_so_already_is_done():
    assert plan(["a"], ["a", "b"], ["a", "b"], {"f": identity}) == merge.Plan({}, {})


def test_set_in_a_new_order_is_sent_in_it():
    assert plan(["a", "b"], ["b", "a"], ["a", "b"], {"f": identity}).send == {"f": ["b", "a"]}


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
        assert merge.same(ours, theirs)


@given(sets, sets, sets)
def test_set_holds_every_addition_and_no_removal_of_either_side(base, ours, theirs):
    merged = merge.merge_set(base, ours, theirs, identity)
    assert len(merged) == len(set(merged))
    assert set(merged) == (set(theirs) - (set(base) - set(ours))) | (set(ours) - set(base))


@given(sets, sets, sets)
def test_sets_merge_to_the_same_whoever_comes_first(base, one, other):
    assert set(merge.merge_set(base, one, other, identity)) == set(merge.merge_set(base, other, one, identity))
