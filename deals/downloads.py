"""The short-lived link of a file that Nimble keeps: asked for when somebody opens it, handed on, and kept nowhere.

This is the one answer of Nimble's that a request waits for, five seconds at most: the link is good for minutes, and
whoever stored it would store a key to the file.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections as databases

from deals import files
from deals.models import Deal
from nimble import errors
from nimble.client import Client
from nimble.models import Connection
from sync import edits

PATIENCE_SECONDS = 5.0
# Of the one request; to renew a token first may take longer than anybody waits.
TIMEOUT = (1.5, 3.0)

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="download")


def link(user: Any, deal: Deal, file_id: str) -> str:
    """Where the file's bytes are for the next minutes. Raises `NimbleError`, and `CannotEdit` without a connection."""
    connection = edits.connection_of(user, deal)
    asked = _threads.submit(_ask, connection, deal.known_id, file_id)
    try:
        answer = asked.result(PATIENCE_SECONDS)
    except TimeoutError:
        asked.cancel()
        raise errors.NoAnswer from None
    found = answer.get("url")
    if not isinstance(found, str) or not _is_safe(found):
        raise errors.BadAnswer
    return found


def _ask(connection: Connection, deal_id: str, file_id: str) -> dict[str, Any]:
    """On a thread of its own, which ends by itself where nobody waits for it any more."""
    try:
        return Client(connection, timeout=TIMEOUT).deal_file_url(deal_id, file_id)
    finally:
        databases.close_all()


def _is_safe(url: str) -> bool:
    """https to wherever Nimble keeps files; http only where Nimble itself is spoken to so, on this machine."""
    return files.is_web_address(url, ["https", urlsplit(settings.NIMBLE_BASE_URL).scheme])
