"""What two texts differ in, word by word."""

from hypothesis import given
from hypothesis import strategies as st

from sync.differences import LONGEST, Piece, pieces, worth


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


def test_short_values_are_not_worth_a_comparison():
    assert not worth("100", "250")
    assert not worth("New name", "Old name")
    assert worth("A text of some words", "A text of other words")
