"""One request and its answer, and the table of operations."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.errors import Refused, invalid, invalid_at

if TYPE_CHECKING:
    from sandbox.world import World


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    origin: str
    user: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = parts.path
        self.query = parse_qs(parts.query, keep_blank_values=True, errors="replace")

    @property
    def user_id(self) -> str:
        return str(self.user["user_id"])

    @property
    def company_id(self) -> str:
        return str(self.user["company_id"])

    def text(self, name: str, default: str = "") -> str:
        return self.query[name][0] if name in self.query else default

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name)
        if value == "":
            return default
        if value.lower() not in ("true", "false", "1", "0"):
            raise invalid_at(f"/{name}", f"Can't parse value {value} as BOOLEAN")
        return value.lower() in ("true", "1")

    def number(self, name: str, default: int, least: int = 1, most: int = 1_000_000) -> int:
        """A whole number of the query, cut at `most`; 409 if it is none or below `least`."""
        value = self.text(name)
        if value == "":
            return default
        if not re.fullmatch(r"-?[0-9]{1,15}", value) or int(value) < least:
            raise invalid_at(f"/{name}", f"Can't parse value {value[:40]} as INTEGER of at least {least}")
        return min(int(value), most)

    def listed(self, name: str) -> list[str]:
        """The values of a list parameter, repeated or joined by commas; `\\,` is a comma within one."""
        values: list[str] = []
        for text in self.query.get(name, []):
            values += [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text)]
        return [value for value in values if value]

    def document(self) -> dict[str, Any]:
        """The JSON object of the body; 409 for anything else, as Nimble answers what it can't read."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise invalid(message="Can't parse request body as JSON") from error
        if not isinstance(document, dict):
            raise invalid_at("/", "expected an object")
        return document


@dataclass
class Answer:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Operation:
    method: str
    template: str
    scope: str
    pattern: re.Pattern[str]
    handler: Handler

    @property
    def writes(self) -> bool:
        return self.method != "GET"


OPERATIONS: list[Operation] = []


def operation(method: str, template: str, scope: str = "basic") -> Callable[[Handler], Handler]:
    """Registers a handler: `handler(world, request, **path parameters)`, run inside one transaction."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + r"\Z")
        OPERATIONS.append(Operation(method, template, scope, pattern, handler))
        # A literal path wins over one with parameters: /contacts/notes before /contacts/{contact_id}.
        OPERATIONS.sort(key=lambda one: one.template.count("{"))
        return handler

    return register


def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    allowed: set[str] = set()
    for one in OPERATIONS:
        if found := one.pattern.match(path):
            if one.method == method:
                return one, {name: unquote(value) for name, value in found.groupdict().items()}
            allowed.add(one.method)
    if allowed:
        raise Refused(405, {"message": "Method not allowed"}, {"Allow": ", ".join(sorted(allowed))})
    raise Refused(404, {"object_type": "operation", "object_id": path})


def run(one: Operation, world: "World", request: Request, parameters: dict[str, str]) -> Answer:
    return one.handler(world, request, **parameters)
