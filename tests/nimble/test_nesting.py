"""JSON too deep for Python's reader: what lies above is read as it came."""

import json

import pytest

from nimble.nesting import DEEPEST, shallow


def test_what_lies_deepest_gives_way_to_null_and_all_else_is_kept():
    deep = '{"a":[' * 5000 + "1" + "]}" * 5000
    before = {"text": 'brackets [[[{ and \\ " in "words', "flat": [[1.50, 12345678901234567890]], "é": None}
    read = json.loads(shallow(f'[{json.dumps(before)}, {{"deep": {deep}, "after": [2]}}, 3]'.encode()))
    assert (read[0], read[1]["after"], read[2]) == (before, [2], 3)
    one, levels = read[1], 1
    while one is not None:
        one = one[next(iter(one))] if isinstance(one, dict) else one[0]
        levels += 1
    assert levels == DEEPEST


@pytest.mark.parametrize("content", [b"[" * 5000, b"[" * 5000 + b"]" * 4000, b'{"a":' * 900 + b'"' + b"}" * 900])
def test_what_is_cut_off_stays_unreadable(content: bytes):
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(shallow(content))
