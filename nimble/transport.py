"""One exchange with Nimble over HTTP: what may be asked, how it is sent, and how its answer is read.

Nothing here knows a contact, a deal or a connection. Nothing here repeats a request.
"""

import json
import logging
import os
import ssl
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests
import structlog
import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter

from nimble.answers import failure
from nimble.errors import AnswerTooLarge, BadAnswer, Exchange, NimbleError, NoAnswer, Unreachable
from nimble.metrics import REQUESTS
from nimble.nesting import shallow
from nimble.retry import READS

LARGEST_ANSWER = 20 * 1024 * 1024
BEGINNING = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Operations that reach far beyond one record: without parameters the first deletes every contact, and the second tags
# whatever its query happens to match.
DENIED = frozenset({("DELETE", "contacts"), ("POST", "deals/tags")})

log = structlog.get_logger(__name__)
_local = threading.local()


class Denied(ValueError):
    """A mistake of ours: a request that this product never sends."""


def origin(base_url: str) -> str:
    """The origin that everything is sent to: https unless loopback, without user info, path or query."""
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise Denied("NIMBLE_BASE_URL must not contain a user or a password")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise Denied("NIMBLE_BASE_URL must be https, except on loopback")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Denied("NIMBLE_BASE_URL must be an origin like https://app.nimble.com")
    return f"{parts.scheme}://{parts.netloc}"


def segment(value: str) -> str:
    """An id as one segment of a path, whatever it contains."""
    value = str(value)
    if value.strip(". ") == "" or "/" in value or "\\" in value:
        raise Denied("not an id")
    return quote(value, safe="")


def refuse_denied(method: str, path: str) -> None:
    """Raise for a path that is not plainly one of the API's, and for what is on the deny-list."""
    bare = path.partition("?")[0]
    plain = unquote(bare)
    # A tag's name is a part of its path: a quoted blank is fine.
    if not path.startswith("/api/") or "\\" in plain or " " in bare or any(ord(c) < 32 for c in plain):
        raise Denied("not a path of Nimble's API")
    parts = plain.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Denied("not a plain path")
    if (method.upper(), "/".join(parts[2:])) in DENIED:
        raise Denied(f"{method} {plain} is never sent")


@dataclass(frozen=True)
class Answer:
    """An answer as it came, judged by nobody yet. `content` is the parsed JSON; None where it could not be read."""

    status: int
    headers: Mapping[str, str]
    content: Any
    exchange: Exchange


def exchange(
    method: str,
    path: str,
    *,
    operation: str,
    token: str | None = None,
    params: Mapping[str, Any] | None = None,
    body: Any = None,
    form: Mapping[str, str] | None = None,
    timeout: tuple[float, float] | None = None,
) -> Answer:
    """Send one request and read its answer, whatever its status.

    Raises a `NimbleError` where there is no whole answer. The timeouts together bound the whole exchange, not only each
    packet. The error never carries its cause, which may hold the headers or the form that were sent.
    """
    refuse_denied(method, path)
    url = origin(settings.NIMBLE_BASE_URL) + path
    connect, read = timeout or settings.NIMBLE_TIMEOUT
    request_id = uuid.uuid4().hex
    headers = {"X-Request-ID": request_id}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    known: dict[str, Any] = {"operation": operation, "request_id": request_id}
    started = time.monotonic()
    status, size = 0, 0
    failed: NimbleError | None = None
    try:
        with _session().request(
            method,
            url,
            params={k: v for k, v in (params or {}).items() if v is not None},
            data=json.dumps(body, allow_nan=False) if body is not None else form,
            headers=headers,
            timeout=(connect, read),
            allow_redirects=False,
            stream=True,
        ) as response:
            status = response.status_code
            content = _content(response, started + connect + read)
        size = len(content)
    except _TooLarge as cause:
        failed = AnswerTooLarge(status=status or None, **known)
        failed.beginning = cause.beginning
    except requests.exceptions.ConnectTimeout:
        failed = Unreachable(**known)
    except requests.exceptions.ConnectionError as cause:
        failed = Unreachable(**known) if _never_connected(cause) else NoAnswer(status=status or None, **known)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
        failed = NoAnswer(status=status or None, **known)
    done = Exchange(operation, method, request_id, status or None, time.monotonic() - started, size)
    REQUESTS.labels(operation, done.status or "none").observe(done.seconds)
    # What a person's edit caused is told always, what a pull reads only to who looks closely.
    log.log(
        logging.INFO if "edit" in structlog.contextvars.get_contextvars() else logging.DEBUG,
        "nimble",
        operation=operation,
        nimble_request_id=request_id,
        method=method,
        status=done.status,
        ms=round(done.seconds * 1000),
        bytes=size,
    )
    if failed:
        raise settled(failed, done) from None
    return Answer(status, response.headers, _parsed(content), done)


def send(method: str, path: str, *, operation: str, **request: Any) -> tuple[dict[str, Any], Exchange]:
    """Send one request and return the object it was answered with, `{}` for an empty answer.

    Raises a `NimbleError` for every failure that is not a mistake of ours.
    """
    answer = exchange(method, path, operation=operation, **request)
    known: dict[str, Any] = {"operation": operation, "request_id": answer.exchange.request_id}
    failed = failure(answer.status, answer.headers, answer.content, **known)
    if failed is None and not isinstance(answer.content, dict):
        failed = BadAnswer(status=answer.status, **known)
    if failed:
        raise settled(failed, answer.exchange)
    return answer.content, answer.exchange


def settled(error: NimbleError, exchange: Exchange) -> NimbleError:
    """The error with its exchange, and without the doubt whether it was applied if it only read."""
    error.exchange = exchange
    if exchange.method in READS:
        error.ambiguous = False
    return error


class _TooLarge(Exception):
    def __init__(self, beginning: bytes) -> None:
        self.beginning = beginning


def _content(response: requests.Response, deadline: float) -> bytes:
    """The decompressed body, read no further than `LARGEST_ANSWER` and no longer than the deadline."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(65536, decode_content=True):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise _TooLarge(b"".join(chunks[:2])[:BEGINNING])
        if time.monotonic() > deadline:
            raise TimeoutError
        chunks.append(chunk)
    return b"".join(chunks)


def _parsed(content: bytes) -> Any:
    """The JSON in a body: an empty object if there is nothing in it, None if it cannot be read."""
    if not content.strip():
        return {}
    try:
        try:
            return json.loads(content, parse_constant=_no_constant)
        except RecursionError:
            # One record's depth must not cost the others of its page their place: whoever stores it finds it too deep.
            return json.loads(shallow(content), parse_constant=_no_constant)
    except ValueError:
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether nothing was sent: a refused connection, an unknown host, or a certificate that is not to be trusted."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    untrusted = any(isinstance(arg, ssl.SSLCertVerificationError) for arg in getattr(reason, "args", ()))
    return untrusted or isinstance(reason, urllib3.exceptions.NewConnectionError)


class _Adapter(HTTPAdapter):
    """Never repeats a request by itself: urllib3 would, for some failures, even a POST."""

    def __init__(self) -> None:
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=urllib3.Retry(0, read=False))


def _session() -> requests.Session:
    """One session for each thread of each process: pooled connections do not survive a fork, nor sharing."""
    session, pid = getattr(_local, "session", (None, None))
    if session is None or pid != os.getpid():
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update(
            {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "crmportal"}
        )
        adapter = _Adapter()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        _local.session = (session, os.getpid())
    return session
