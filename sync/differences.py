"""What two texts differ in, word by word."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Comparing takes as long as one times the other; what is longer is told as a whole.
LONGEST = 2_000


class Piece(NamedTuple):
    """A stretch of text: `same`, `ins` or `del`."""

    kind: str
    text: str


def marked(before: str, after: str) -> list[Piece]:
    """How one text becomes the other, where that helps a person; empty where both are better read as they are.

    Both must be texts of several words, and have at least half of the longer one in common.
    """
    if before == after or any(len(text.split()) < 3 for text in (before, after)):
        return []
    found = pieces(before, after)
    common = sum(_letters(piece.text) for piece in found if piece.kind == "same")
    return found if 2 * common >= max(_letters(before), _letters(after)) else []


def _letters(text: str) -> int:
    return sum(map(len, text.split()))


def pieces(before: str, after: str) -> list[Piece]:
    """How one text becomes the other."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    found = [Piece("same", "".join(old[:start]))]
    found += _middle(old[start : len(old) - end], new[start : len(new) - end])
    found.append(Piece("same", "".join(old[len(old) - end :])))
    return [piece for piece in found if piece.text]


def _middle(old: list[str], new: list[str]) -> list[Piece]:
    if max(len(old), len(new)) > LONGEST:
        return [Piece("del", "".join(old)), Piece("ins", "".join(new))]
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", "".join(old[a:b])))
        else:
            found += [Piece("del", "".join(old[a:b])), Piece("ins", "".join(new[c:d]))]
    return found
