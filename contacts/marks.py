"""Marking in a text what a search found: forgiving case and accents, as the search itself does."""

from collections.abc import Sequence

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from sync import terms


def words(query: str) -> list[str]:
    """The words of a search as it compares them."""
    return terms.fold(query).split()[:8]


def hits(text: str, wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Where these folded words stand in a text, as ranges of its own characters, joined where they touch."""
    folded, origin = "", []
    for position, char in enumerate(text):
        part = terms.fold(char)
        folded += part
        origin += [position] * len(part)
    found = []
    for word in filter(None, wanted):
        start = folded.find(word)
        while start >= 0:
            found.append((origin[start], origin[start + len(word) - 1] + 1))
            start = folded.find(word, start + len(word))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def marked(text: str, wanted: Sequence[str]) -> SafeString:
    """The text, escaped, with its hits in `<mark>`."""
    parts, last = [], 0
    for start, end in hits(text, wanted) if wanted else []:
        parts += [conditional_escape(text[last:start]), format_html("<mark>{}</mark>", text[start:end])]
        last = end
    return mark_safe("".join([*parts, conditional_escape(text[last:])]))  # noqa: S308 every part is escaped
