"""HTTP/1.1 on loopback: connections that stay open, each request in one transaction, faults around it."""

import hmac
import json
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox import (
    contacts,
    control,
    deal_field_edit,
    deal_files,
    deal_notes,
    deal_tags,
    deals,
    notes,
    oauth,
    pipelines,
    tasks,
    team,
)
from sandbox.effects import shift, spoiled
from sandbox.errors import Refused, forbidden
from sandbox.exchange import Answer, Request, find, run
from sandbox.faults import Faults, Rule
from sandbox.log import Log
from sandbox.record import Record
from sandbox.world import World

# Importing these registers their operations.
OPERATION_MODULES = (
    contacts,
    deal_field_edit,
    deal_files,
    deal_notes,
    deal_tags,
    deals,
    notes,
    pipelines,
    tasks,
    team,
)
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
LOGIN_PAGE = b"<!doctype html><html><head><title>Nimble - Log in</title></head><body><form>Log in</form></body></html>"
LARGEST_BODY = 64 * 1024 * 1024


ENCODE = json.JSONEncoder(check_circular=False).encode


class Cut(Exception):
    """The connection ends here, without an answer."""


class Sandbox:
    """What every connection shares."""

    def __init__(
        self, world: World, client: oauth.Client, key: str, initial: Path, record: Record | None = None
    ) -> None:
        self.world = world
        self.record = record
        self.client = client
        self.key = key
        self.initial = initial
        self.first_settings = json.dumps(world.settings)
        # What was switched at run time outlives a restart, though not a reset.
        world.settings["switches"] |= world.store.setting("switches", {})
        self.log = Log()
        self.faults = Faults()

    def reset(self) -> None:
        """Back to the world as it was made, with no fault, no log and the switches of the command line."""
        with self.world.lock:
            self.world.store.copy_from(str(self.initial))
            self.world.settings = json.loads(self.first_settings)
            self.world.forget()
            self.faults.clear()
            self.log.entries.clear()

    def answer(self, request: Request) -> Answer:
        if request.headers.get("host", "").rsplit(":", 1)[0] not in LOOPBACK_HOSTS:
            raise forbidden("This server answers on loopback only")
        if request.path.startswith("/_sandbox/"):
            return self._control(request)
        if request.path == "/oauth/authorize" and request.method in ("GET", "POST"):
            with self.world.transaction(request.method == "POST"):
                return oauth.authorize(self.world, request, self.client)
        if request.path == "/" and request.method == "GET":
            return Answer({"sandbox": "nimble", "operations": "/api/v1, /api/v2"})
        return self._api(request)

    def _control(self, request: Request) -> Answer:
        if not hmac.compare_digest(request.headers.get("x-sandbox-key", "").encode(), self.key.encode()):
            raise forbidden("The control API wants its key in X-Sandbox-Key")
        with self.world.lock:
            return control.handle(self, request)

    def _api(self, request: Request) -> Answer:
        entry = self.log.open(request)
        user_id = self._who(request)
        rule = self.faults.due(request.method, request.target, user_id)
        action = rule.action if rule else {}
        entry["fault"], entry["user_id"] = rule.number if rule else None, user_id
        time.sleep((self.world.settings["latency_ms"] + action.get("delay_ms", 0)) / 1000)
        try:
            answer = self._with_fault(request, entry, rule, action)
        except Refused as refused:
            answer = Answer(refused.body, refused.status, refused.headers)
        entry["status"] = answer.status
        if self.record and rule is None and request.path != oauth.GRANT_PATH:
            self.record.add(request, answer)
        return answer

    def _with_fault(self, request: Request, entry: dict[str, Any], rule: Rule | None, action: dict[str, Any]) -> Answer:
        if action.get("cut") == "before":
            raise Cut
        if action.get("html"):
            return Answer(LOGIN_PAGE, 200, {"Content-Type": "text/html; charset=utf-8"})
        if "status" in action and not action.get("apply"):
            return _failure(action)
        stale = rule.stale if rule and request.method == "GET" else None
        answer = self._apply(request, entry, self.world.at(stale) if stale else self.world)
        time.sleep(action.get("hang_ms", 0) / 1000)
        if action.get("cut") == "after":
            raise Cut
        if "status" in action:
            return _failure(action)
        if "shift" in action:
            shift(self.world, answer.body, action["shift"])
        return spoiled(answer, action)

    def _who(self, request: Request) -> str | None:
        try:
            with self.world.lock:
                return str(oauth.authenticate(self.world, request)[0]["user_id"])
        except Refused:
            return None

    def _apply(self, request: Request, entry: dict[str, Any], world: World) -> Answer:
        if request.path == oauth.GRANT_PATH:
            return self._token(request, entry)
        with world.lock:
            user, granted = oauth.authenticate(self.world, request)
            request.user = user
            operation, parameters = find(request.method, request.path)
            if operation.scope not in granted:
                raise forbidden(f"The application has no access to {operation.scope}")
            with world.transaction(operation.writes):
                answer = run(operation, world, request, parameters)
            entry["applied"] = operation.writes
            return answer

    def _token(self, request: Request, entry: dict[str, Any]) -> Answer:
        if request.method != "POST":
            raise Refused(405, {"message": "Method not allowed"}, {"Allow": "POST"})
        spent = None
        with self.world.transaction(True):
            try:
                answer = oauth.token(self.world, request, self.client)
            except oauth.Spent as error:
                spent = error
        if spent:
            raise spent.refused
        entry["applied"] = True
        return answer


def _failure(action: dict[str, Any]) -> Answer:
    headers = {name: str(value) for name, value in action.get("headers", {}).items()}
    body = action.get("body", {"message": "Internal error handling request", "code": 107})
    return Answer(body, action["status"], headers)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "NimbleSandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300
    sandbox: Sandbox

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if length < 0 or length > LARGEST_BODY or "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.close_connection = True
            return self._send(Answer({"message": "Send a Content-Length"}, 411))
        headers = {name.lower(): value for name, value in self.headers.items()}
        origin = f"http://{headers.get('host', '')}"
        request = Request(self.command, self.path, headers, self.rfile.read(length), origin)
        try:
            answer = self.sandbox.answer(request)
        except Refused as refused:
            answer = Answer(refused.body, refused.status, refused.headers)
        except Cut:
            return self._cut()
        except Exception:
            self.log_error("%s %s failed", self.command, self.path)
            self._send(Answer({"message": "Internal error handling request", "code": 107}, 500))
            raise
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _serve

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The answers' `Date`, by this world's clock."""
        return super().date_time_string(self.sandbox.world.now() / 1_000_000 if timestamp is None else timestamp)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no HTTP that we know: an unknown method is one that nothing here allows."""
        self.close_connection = True
        self._send(Answer({"message": message or "Bad request"}, 405 if code == 501 else code))

    def _send(self, answer: Answer) -> None:
        raw = answer.body if isinstance(answer.body, bytes) else b""
        headers = dict(answer.headers)
        if answer.body is not None and not isinstance(answer.body, bytes):
            raw = ENCODE(answer.body).encode()
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
        self.wfile.flush()

    def _cut(self) -> None:
        """Resets the connection, as when a line breaks."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Silent: what was asked is in the control API's log, and a URL may hold what no log should."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError | ValueError):
            super().handle_error(request, client_address)


def make_server(host: str, port: int, sandbox: Sandbox) -> Server:
    handler = type("SandboxConnection", (Connection,), {"sandbox": sandbox})
    return Server((host, port), handler)
