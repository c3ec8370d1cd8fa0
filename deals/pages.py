"""The addresses of a stage's pages, made smaller where an answer is too large, and larger again behind that.

Nimble gives the address of the next page and says nothing of how it is made. Where it names a `limit` and perhaps a
`page`, other sizes of the same place can be asked for; pages of the one size are whole pages of the other.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

PAGE = 100
SIZES = (PAGE, 25, 5, 1)
DEAL_ID = re.compile(rb'"deal_id"\s*:\s*"([^"\\]{1,64})"')


def first(pipeline: str, stage: str) -> str:
    """A stage's own first page."""
    query = urlencode({"sort": "created:asc", "limit": PAGE, "stage_id": stage})
    return f"/api/v2/deals/pipelines/{quote(pipeline, safe='')}/deals?{query}"


def smaller(url: str) -> str | None:
    """The first of the smaller pages in this one's place; None where it is of one record, or does not say its size."""
    query = _query(url)
    size, page = _number(query, "limit"), _number(query, "page", 1)
    less = next((each for each in SIZES if each < size and size % each == 0), None)
    return None if less is None else _with(url, less, (page - 1) * size // less + 1)


def larger(url: str) -> str:
    """The largest page that begins where this one does."""
    query = _query(url)
    size, page = _number(query, "limit"), _number(query, "page")
    if not size or not page:
        return url
    before = (page - 1) * size
    more = next((each for each in SIZES if each > size and before % each == 0), size)
    return _with(url, more, before // more + 1)


def after(url: str) -> str | None:
    """The page that follows, where the answer could not be read that says so; None where that cannot be known."""
    query = _query(url)
    size, page = _number(query, "limit"), _number(query, "page", 1)
    known = "page" in query or not query.keys() - {"sort", "limit", "stage_id"}
    return larger(_with(url, size, page + 1)) if size and known else None


def deal_id(beginning: bytes) -> str | None:
    """The id in the beginning of an answer that holds a single deal."""
    found = DEAL_ID.search(beginning)
    return found[1].decode(errors="replace") if found else None


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _number(query: dict[str, str], name: str, otherwise: int = 0) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() and 0 < len(text) < 10 else otherwise


def _with(url: str, size: int, page: int) -> str:
    query: dict[str, Any] = {**_query(url), "limit": size, "page": page}
    if page == 1:
        del query["page"]
    return urlsplit(url)._replace(query=urlencode(query)).geturl()
