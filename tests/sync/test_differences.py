"""What two texts differ in, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from sync.differences import LONGEST, Piece, marked, pieces


def test_pieces_name_the_words_that_changed():
    assert pieces("Call them on Monday, please.", "Call her on Monday, please.") == [
        Piece("same", "Call "),
        Piece("del", "them"),
        Piece("ins", "her"),
        Piece("same", " on Monday, please."),
    ]


def test_pieces_of_what_was_added_at_the_end():
    assert pieces("One two", "One two three") == [Piece("same", "One two"), Piece("ins", " three")]


@given(st.text(max_size=60), st.text(max_size=60))
def test_pieces_make_up_both_texts(before: str, after: str):
    found = pieces(before, after)
    assert "".join(piece.text for piece in found if piece.kind != "ins") == before
    assert "".join(piece.text for piece in found if piece.kind != "del") == after


def test_pieces_of_what_is_too_long_are_told_as_a_whole():
    before, after = "a " * LONGEST, "b " * LONGEST
    assert [piece.kind for piece in pieces(f"Same {before}end", f"Same {after}end")] == ["same", "del", "ins", "same"]


def test_short_values_are_not_marked():
    assert not marked("100", "250")
    assert not marked("New name", "Old name")
    assert marked("A text of some words", "A text of other words")


def test_texts_with_little_in_common_are_not_marked():
    assert not marked("Call them on Monday, please.", "We met on the fair and talked, of all things, of boats.")
    assert not marked("Ring twice.", "Ring twice. " + "Then wait for somebody to open the door. " * 3)
    assert marked("Call them on Monday about the offer.", "Call them on Tuesday about the offer.")


def test_same_texts_are_not_marked():
    assert not marked("A text of some words", "A text of some words")
