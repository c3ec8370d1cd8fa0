"""Structured logs with request and task ids; tokens, codes, secrets and note text never get in."""

import logging
import re
import time
import traceback
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|cookie|^code$|^note$|note_preview|^body$|^text$", re.IGNORECASE
)
# Values that travel inside longer strings: OAuth parameters of a URL or a form, and bearer headers.
SECRET_VALUES = re.compile(
    r"((?:access_token|refresh_token|client_secret|code|password|token)[\"']?\s*[=:]\s*[\"']?|Bearer\s+)[^\s&\"',}]+",
    re.IGNORECASE,
)
CLAIM_PATH = re.compile(r"(/claim/)[^/\s]+")
HIDDEN = "[hidden]"


def hide(value: Any) -> Any:
    """The same value without what must not be logged; follows dicts and lists."""
    if isinstance(value, dict):
        return {k: HIDDEN if SECRET_KEYS.search(str(k)) else hide(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide(item) for item in value]
    if isinstance(value, str):
        return CLAIM_PATH.sub(r"\1" + HIDDEN, SECRET_VALUES.sub(r"\1" + HIDDEN, value))
    return value


def redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor: redacts every key and every string of an event."""
    for key, value in event.items():
        if key.startswith("_"):
            continue
        event[key] = HIDDEN if SECRET_KEYS.search(key) else hide(value)
    return event


def quotes(error: BaseException) -> bool:
    """Whether its text may quote what people wrote: a database's does, and that of a value that could not be read."""
    databases = ("django.db", "sqlite3", "psycopg")
    return isinstance(error, (ValueError, ArithmeticError)) or any(
        kind.__module__.startswith(databases) for kind in type(error).__mro__
    )


def formatted(exc_info: Any) -> str:
    """An exception and what it came of, without the texts that may quote a record."""
    parts, error, seen = [], exc_info[1], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        text = HIDDEN if quotes(error) else str(error)
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        parts.append(f"{''.join(traceback.format_tb(error.__traceback__))}{kind}: {text}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich came of\n".join(parts)


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(level: str, *, json: bool) -> dict:
    """Django's `LOGGING`: everything, also from libraries, goes through structlog's formatter to stderr."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.ExceptionRenderer(formatted),
                    redact,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # Two lines for every bell, every two seconds.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            # urllib3 logs whole URLs at DEBUG.
            "urllib3": {"level": "INFO"},
        },
    }


class RequestLog:
    """Gives each request an id (`X-Request-ID` on the answer, quoted on error pages) and logs it once."""

    log = structlog.get_logger("crmportal.request")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex[:12]
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        quiet = request.path.startswith(("/static/", "/healthz", "/readyz", "/metrics"))
        # A poll of an open page for which nothing happened.
        quiet = quiet or (response.status_code == 204 and "HTTP_AFTER_EVENT" in request.META)
        level = logging.DEBUG if quiet else logging.INFO
        self.log.log(
            level,
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
