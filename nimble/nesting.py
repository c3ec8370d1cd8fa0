"""JSON that nests more deeply than Python takes it apart: read all the same, without what lies deepest."""

import re

# More levels than anybody stores of one record, so that each is still told by its depth; and few enough to be read
# from within any call.
DEEPEST = 400
# What lies in a string opens nothing.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


def shallow(content: bytes) -> bytes:
    """The same JSON with `null` in place of every list and object that lies below `DEEPEST` others."""
    kept = []
    level = begin = 0
    for match in _TOKEN.finditer(content):
        token = match[0]
        if token in b"[{":
            level += 1
            if level == DEEPEST + 1:
                kept += [content[begin : match.start()], b"null"]
        elif token in b"]}":
            level -= 1
            if level == DEEPEST:
                begin = match.end()
    if level <= DEEPEST:
        kept.append(content[begin:])
    return b"".join(kept)
