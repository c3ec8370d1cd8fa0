"""The one choke point for text on its way in: what a database refuses, and what a page must not run.

Note bodies are HTML from anybody's mail client. They are cleaned when they come in, never when they are shown; size and
nesting are capped first, for the cleaner is quadratic in nesting.
"""

import re
from typing import Any
from urllib.parse import unquote

import nh3

from sync.packing import pack

MAX_HTML = 200_000
MAX_DEPTH = 60
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,30})[^<>]{0,2000}?(/?)>")
VOID = {"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr"}
REFUSED = re.compile("[\x00\ud800-\udfff]")
ENCODED = re.compile(r"^\s*(?:%3[cC]|[^<%]*%3[cC][a-zA-Z/!])")
ALLOWED_TAGS = {
    "a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p",
    "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip


def text(value: str) -> str:
    """The string without NUL and lone surrogates (PostgreSQL refuses them), marked where one stood."""
    return REFUSED.sub("\N{REPLACEMENT CHARACTER}", value) if REFUSED.search(value) else value


def tree(value: Any) -> Any:
    """`text` applied to every string of a JSON value, keys included."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [tree(item) for item in value]
    if isinstance(value, dict):
        return {text(key) if isinstance(key, str) else key: tree(item) for key, item in value.items()}
    return value


def payload(value: Any) -> Any:
    """A JSON value fit for any database: itself in nearly every case, which one look at its text tells."""
    return value if storable(pack(value)) else tree(value)


def storable(packed: str) -> bool:
    """Whether a JSON text holds nothing that a database refuses; now and then wrong about one that does not."""
    if "\\u0000" in packed:
        return False
    try:
        packed.encode()
    except UnicodeEncodeError:
        return False
    return True


def depth(markup: str) -> int:
    """The deepest nesting of tags, counted in one pass without building anything."""
    deepest = level = 0
    for match in TAG.finditer(markup):
        if match[2].lower() in VOID or match[3]:
            continue
        level += -1 if match[1] else 1
        level = max(level, 0)
        deepest = max(deepest, level)
    return deepest


def plain(markup: str) -> str:
    """The text of some HTML without its tags, entities decoded; block ends become new lines."""
    broken = re.sub(r"(?i)<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]{0,500}>", "\n", markup)
    # Up to the next tag at most: thousands of unclosed ones must not each be followed for long.
    bare = re.sub(r"<[^<>]{0,2000}>", "", broken)
    for entity, char in (
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", '"'),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ):
        bare = bare.replace(entity, char)
    return re.sub(r"\n{3,}", "\n\n", bare).strip()


def decoded(markup: str) -> str:
    """The body with percent-encoding undone where the whole of it came encoded (`%3Cfont%20…`)."""
    return unquote(markup) if ENCODED.match(markup) else markup


def html(markup: str) -> str:
    """Safe HTML of a note's body; what is too large or too deep comes back as its plain text, shortened and escaped."""
    markup = text(decoded(markup))
    if len(markup) > MAX_HTML or depth(markup) > MAX_DEPTH:
        short = plain(markup[: 10 * MAX_HTML])
        return nh3.clean_text(short[:5000]).replace("&#10;", "<br>").replace("\n", "<br>")
    return nh3.clean(
        markup,
        tags=ALLOWED_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer",
        clean_content_tags={"script", "style", "iframe", "object", "template"},
    )
