"""OAuth as Nimble does it: a consent page, codes for one use, ten-minute tokens, refresh tokens that rotate."""

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sandbox.consent import consent_page, error_page
from sandbox.errors import Refused
from sandbox.exchange import Answer, Request
from sandbox.store import Document
from sandbox.world import World

GRANT_PATH = "/api/oauth/token"
CODE_LIFETIME = 600
PARAMETERS: tuple[str, ...] = ("client_id", "redirect_uri", "response_type", "scope", "state")
SCOPES = ("basic", "contacts", "deals")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Client:
    """The application registered with Nimble. Without redirect URIs, any on loopback is accepted."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()

    def accepts(self, redirect_uri: str) -> bool:
        if self.redirect_uris:
            return redirect_uri in self.redirect_uris
        parts = urlsplit(redirect_uri)
        return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK

    def is_authentic(self, client_id: str, secret: str) -> bool:
        known = hmac.compare_digest(client_id.encode(), self.client_id.encode())
        return hmac.compare_digest(secret.encode(), self.client_secret.encode()) and known


def _page(html: str, status: int, redirect_uri: str = "") -> Answer:
    parts = urlsplit(redirect_uri)
    target = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{target}; frame-ancestors 'none'"
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy + "; base-uri 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(html.encode(), status, headers)


def _redirect(redirect_uri: str, parameters: dict[str, str]) -> Answer:
    join = "&" if urlsplit(redirect_uri).query else "?"
    return Answer(b"", 302, {"Location": redirect_uri + join + urlencode(parameters), "Cache-Control": "no-store"})


def scopes(text: str) -> list[str]:
    """`basic,contacts deals`: joined by a comma, a plus (which arrives as a space) or a space."""
    return [part for part in re.split(r"[,+\s]+", text) if part]


def authorize(world: World, request: Request, client: Client) -> Answer:
    """GET shows the consent page; POST is its Allow or Deny."""
    sent = request.query if request.method == "GET" else parse_qs(request.body.decode("utf-8", "replace"))
    given = {name: values[0] for name, values in sent.items()}
    redirect_uri = given.get("redirect_uri", "")
    if given.get("client_id") != client.client_id:
        return _page(error_page("Unknown application", "No application has this client_id."), 400)
    if not client.accepts(redirect_uri):
        return _page(error_page("Wrong redirect address", "It is not the one registered for this application."), 400)
    state = {"state": given["state"]} if "state" in given else {}
    wanted = scopes(given.get("scope", ""))
    if given.get("response_type") != "code" or not wanted or set(wanted) - set(SCOPES):
        wrong = "Invalid response_type" if given.get("response_type") != "code" else "Invalid scope"
        return _redirect(redirect_uri, {"error": "invalid_request", "error_description": wrong} | state)
    if request.method == "GET":
        users = [user for user in world.store.all("user") if not user["disabled"]]
        kept = {name: given[name] for name in PARAMETERS if name in given}
        return _page(consent_page(users, kept, wanted), 200, redirect_uri)
    user = world.user(given.get("user_id"))
    if given.get("decision") != "allow":
        denied = {"error": "access_denied", "error_description": "User denied access"}
        return _redirect(redirect_uri, denied | state)
    if user is None or user["disabled"]:
        return _redirect(redirect_uri, {"error": "access_denied", "error_description": "Validation errors"} | state)
    code = secrets.token_urlsafe(12)
    expires = world.now() + CODE_LIFETIME * 1_000_000
    row = (code, user["user_id"], redirect_uri, ",".join(wanted), expires)
    world.store.db.execute("INSERT INTO codes VALUES (?, ?, ?, ?, ?)", row)
    return _redirect(redirect_uri, {"code": code} | state)


def _refuse(error: str, description: str, status: int = 400) -> Refused:
    return Refused(status, {"error": error, "error_description": description}, {"Cache-Control": "no-store"})


def issue(world: World, user_id: str, redirect_uri: str, scope: str, refresh: str | None = None) -> dict[str, Any]:
    """A new pair for this person; `refresh` keeps the refresh token where tokens do not rotate."""
    lifetime = world.settings["token_lifetime"]
    access, refresh = secrets.token_hex(16), refresh or secrets.token_hex(20)
    row = (access, refresh, user_id, redirect_uri, scope, world.now() + lifetime * 1_000_000, 1, 1)
    world.store.db.execute("INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return {"access_token": access, "expires_in": lifetime, "refresh_token": refresh}


def token(world: World, request: Request, client: Client) -> Answer:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise _refuse("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
    sent = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    for name in ("grant_type", "client_id", "client_secret", "redirect_uri"):
        if not sent.get(name):
            raise _refuse("invalid_request", f"Missing {name}")
    if not client.is_authentic(sent["client_id"], sent["client_secret"]):
        raise _refuse("invalid_client", "Unknown client or wrong secret", 401)
    if sent["grant_type"] == "authorization_code":
        body = _exchange_code(world, sent)
    elif sent["grant_type"] == "refresh_token":
        body = _refresh(world, sent)
    else:
        raise _refuse("unsupported_grant_type", "Use authorization_code or refresh_token")
    return Answer(body, 200, {"Cache-Control": "no-store"})


def _exchange_code(world: World, sent: dict[str, str]) -> dict[str, Any]:
    if "code" not in sent:
        raise _refuse("invalid_request", "Missing code")
    sql = "DELETE FROM codes WHERE code = ? RETURNING user_id, redirect_uri, scope, expires"
    rows = world.store.rows(sql, [sent["code"]])
    if not rows or rows[0][3] < world.now() or rows[0][1] != sent["redirect_uri"]:
        raise Spent(_refuse("invalid_grant", "The code is unknown, spent or expired"))
    user_id, redirect_uri, scope, _ = rows[0]
    return issue(world, user_id, redirect_uri, scope) | {"token_type": "bearer", "scope": scope}


class Spent(Exception):
    """Carries a refusal whose effect stays: a code tried with the wrong redirect is gone."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused)
        self.refused = refused


def _refresh(world: World, sent: dict[str, str]) -> dict[str, Any]:
    sql = "SELECT user_id, redirect_uri, scope FROM grants WHERE refresh = ? AND refresh_alive ORDER BY rowid DESC"
    rows = world.store.rows(sql + " LIMIT 1", [sent.get("refresh_token", "")])
    if not rows or rows[0][1] != sent["redirect_uri"]:
        raise _refuse("invalid_grant", "The refresh token is unknown or dead")
    user_id, redirect_uri, scope = rows[0]
    rotates = world.switch("rotation") == "on"
    if rotates:
        world.store.db.execute("UPDATE grants SET refresh_alive = 0 WHERE refresh = ?", (sent["refresh_token"],))
    return issue(world, user_id, redirect_uri, scope, None if rotates else sent["refresh_token"])


def authenticate(world: World, request: Request) -> tuple[Document, list[str]]:
    """The user behind the bearer token and the scopes granted. Never from the URL: URLs land in logs."""
    kind, _, access = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        access = request.headers.get("x-nimble-token", "")
    sql = "SELECT user_id, scope FROM grants WHERE access = ? AND access_alive AND expires > ?"
    rows = world.store.rows(sql, [access.strip(), world.now()])
    user = world.user(rows[0][0]) if rows else None
    if user is None or user["disabled"]:
        status = int(world.switch("dead_token"))
        raise Refused(status, {"message": "Can't authenticate request"})
    return user, scopes(rows[0][1])
