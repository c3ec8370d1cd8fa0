"""The control API under `/_sandbox/`: what a test may see and do that no Nimble user can."""
# ruff: noqa: S608 - what is put into SQL here are names and conditions of this package; values are bound.

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox import oauth, privacy, switches
from sandbox.deal_fields import STANDARD_IDS
from sandbox.deal_views import standard_values
from sandbox.errors import invalid_at, not_found
from sandbox.exchange import Answer, Request
from sandbox.ids import microseconds, parse_moment
from sandbox.pipelines import the_stage
from sandbox.population.people import new_contact
from sandbox.population.pipelines import new_deal
from sandbox.store import KINDS, Document
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.server import Sandbox

NUMBERS = {"contact_limit": 0, "latency_ms": 0, "clock_offset": 0.0, "token_lifetime": 599}
TIMES = ("created", "updated")


Action = Callable[..., Any]


def handle(sandbox: "Sandbox", request: Request) -> Answer:
    path = request.path.removeprefix("/_sandbox/").strip("/")
    for (method, pattern), action in ACTIONS.items():
        if method == request.method and (found := re.fullmatch(pattern, path)):
            return Answer(action(sandbox, request, *found.groups()))
    raise not_found("control", path)


def _the_user(world: World, name: Any) -> Document:
    """A user by id or e-mail."""
    for user in world.store.all("user"):
        if name in (user["user_id"], user["email"]):
            return user
    raise invalid_at("/user", f"no such user: {name}")


def _state(sandbox: "Sandbox", request: Request) -> Any:
    world = sandbox.world
    counts = {kind: world.store.scalar(f"SELECT count(*) FROM {how.table}") for kind, how in KINDS.items()}
    log = sandbox.log.since(0)
    return {
        "counts": counts,
        "users": world.store.all("user"),
        "settings": {name: world.settings[name] for name in NUMBERS},
        "switches": switches.DEFAULTS | world.settings["switches"],
        "seed": world.store.setting("seed"),
        "log": {"last": sandbox.log.last, "requests": len(log), "failed": sum(one["status"] >= 400 for one in log)},
    }


def shown(world: World, kind: str, doc: Document) -> Document:
    """A stored document, with the names that a test would rather compare than ids."""
    if kind != "deal":
        return doc
    pipeline = world.store.get("pipeline", doc["pipeline_id"])
    stage = the_stage(pipeline, doc["stage_id"]) if pipeline else None
    return doc | {"stage_name": stage["name"] if stage else None, "values": standard_values(doc)}


def _objects(sandbox: "Sandbox", request: Request, kind: str) -> Any:
    world, how = sandbox.world, _kind(kind)
    limit, offset = request.number("limit", 100, most=100_000), request.number("offset", 0, least=0)
    where, values = "1", []
    for column in ("company_id", "stage_id", "pipeline_id", "deal_id", "owner_id"):
        if column in request.query and column in how.columns:
            where += f" AND {column} = ?"
            values.append(request.text(column))
    sql = f"{where} AND rowid IN (SELECT rowid FROM {how.table} WHERE {where} ORDER BY rowid LIMIT ? OFFSET ?)"
    found = world.store.all(kind, sql, [*values, *values, limit, offset])
    total = world.store.scalar(f"SELECT count(*) FROM {how.table} WHERE {where}", values)
    return {"total": total, "objects": [shown(world, kind, doc) for doc in found]}


def _kind(kind: str) -> Any:
    if kind not in KINDS:
        raise not_found("kind", kind)
    return KINDS[kind]


def _object(sandbox: "Sandbox", request: Request, kind: str, one: str) -> Any:
    _kind(kind)
    doc = sandbox.world.store.get(kind, one)
    if doc is None:
        raise not_found(kind, one)
    return shown(sandbox.world, kind, doc)


def _log(sandbox: "Sandbox", request: Request) -> Any:
    return {"last": sandbox.log.last, "entries": sandbox.log.since(request.number("since", 0, least=0))}


def _clear_log(sandbox: "Sandbox", request: Request) -> Any:
    sandbox.log.entries.clear()
    return {"last": sandbox.log.last}


def _edit(sandbox: "Sandbox", request: Request) -> Any:
    """Changes, creates, deletes or hides one object as someone in Nimble. Unchecked: a test may want it wrong."""
    world, sent = sandbox.world, request.document()
    kind, one, user = str(sent.get("kind")), sent.get("id"), _the_user(sandbox.world, sent.get("as"))
    _kind(kind)
    with world.transaction(True):
        doc = world.store.get(kind, one) if one else None
        if sent.get("delete"):
            if doc is None:
                raise not_found(kind, str(one))
            world.store.delete(kind, doc["id"])
            return {"deleted": doc["id"]}
        fresh = doc is None
        if doc is None:
            doc = _fresh(world, kind, one, user, sent.get("set", {}))
        if "hide_from" in sent:
            doc["hidden_from"] = [_the_user(world, name)["user_id"] for name in sent["hide_from"]]
        _set(world, doc, kind, user, dict(sent.get("set", {})))
        if "raw" in sent:
            doc["raw"], doc["raw_without"] = sent["raw"], sent.get("raw_without", [])
        kept = {name: doc[name] for name in TIMES if not fresh and sent.get("silent")}
        times = {name: sent["set"][name] for name in TIMES if name in sent.get("set", {})}
        world.save(kind, doc, user["user_id"], fresh)
        if kind == "user":
            _regroup(world, user["company_id"])
        if times or kept:
            doc |= kept | {name: _moment(text) for name, text in times.items()}
            world.store.put(kind, doc)
        return shown(world, kind, doc)


def _regroup(world: World, company_id: str) -> None:
    """Who may read what, anew: somebody's groups may have changed."""
    world.forget()
    users = list(world.users(company_id).values())
    for kind in ("contact", "deal"):
        for doc in world.store.all(kind, "company_id = ? AND readers IS NOT NULL", [company_id]):
            world.store.put(kind, doc | {"readers": privacy.readers(doc, users)})


def _moment(text: Any) -> int:
    if isinstance(text, int):
        return text
    when = parse_moment(text)
    if when is None:
        raise invalid_at("/set", f"not a moment: {text}")
    return microseconds(when)


def _fresh(world: World, kind: str, one: Any, user: Document, values: dict[str, Any]) -> Document:
    one = one or world.new_id(kind)
    company_id, user_id = user["company_id"], user["user_id"]
    if kind == "contact":
        return new_contact(one, company_id, values.get("record_type", "person"), user_id, 0, 0)
    if kind == "deal":
        pipelines = world.pipelines(company_id)
        pipeline = pipelines.get(values.get("pipeline_id", "")) or next(iter(pipelines.values()))
        number = world.store.scalar("SELECT coalesce(max(number), 0) FROM deals") + 1
        doc = new_deal(one, pipeline, user_id, 0, 0, number)
        return doc | {"name": "New deal", "stage_id": ""}
    if kind == "note":
        return {
            "id": one,
            "company_id": company_id,
            "owner_id": user_id,
            "note": "",
            "note_preview": "",
            "contact_ids": [],
        }
    raise invalid_at("/kind", "contact, deal and note can be created")


def _set(world: World, doc: Document, kind: str, user: Document, values: dict[str, Any]) -> None:
    """Puts values into the document; a deal's by the names of its standard fields, its stage with a transition."""
    for name in TIMES:
        values.pop(name, None)
    if kind == "deal":
        pipeline = world.pipelines(doc["company_id"])[str(values.get("pipeline_id", doc["pipeline_id"]))]
        stage_id = values.pop("stage_id", None) or doc["stage_id"] or pipeline["stages"][0]["id"]
        if stage_id != doc["stage_id"]:
            move = {"from": doc["stage_id"] or None, "to": stage_id, "who": user["user_id"]}
            doc["transitions"].append(move | {"when": world.next_stamp(), "notes": None})
            doc["stage_id"] = stage_id
        for name in list(values):
            if name not in doc and name not in STANDARD_IDS:
                doc["custom"][name] = values.pop(name)
    if kind == "contact" and "fields" in values:
        doc["fields"] = doc["fields"] | values.pop("fields")
    doc |= values


def _add_fault(sandbox: "Sandbox", request: Request) -> Any:
    with sandbox.world.lock:
        sent = request.document()
        if sent.get("user"):
            sent["user"] = _the_user(sandbox.world, sent["user"])["user_id"]
        return sandbox.faults.add(sent, sandbox.world.store).shown()


def _faults(sandbox: "Sandbox", request: Request) -> Any:
    return {"faults": [rule.shown() for rule in sandbox.faults.rules]}


def _clear_faults(sandbox: "Sandbox", request: Request, number: str | None = None) -> Any:
    sandbox.faults.clear(int(number) if number else None)
    return {}


def _switch(sandbox: "Sandbox", request: Request) -> Any:
    world = sandbox.world
    changed = {name: switches.checked(name, position) for name, position in request.document().items()}
    with world.transaction(True):
        world.settings["switches"] |= changed
        world.store.set("switches", world.settings["switches"])
    return switches.DEFAULTS | world.settings["switches"]


def _settings(sandbox: "Sandbox", request: Request) -> Any:
    for name, number in request.document().items():
        if name not in NUMBERS or isinstance(number, bool) or not isinstance(number, int | float):
            raise invalid_at(f"/{name}", f"numbers are {', '.join(NUMBERS)}")
        sandbox.world.settings[name] = number
    return {name: sandbox.world.settings[name] for name in NUMBERS}


def _tokens(sandbox: "Sandbox", request: Request) -> Any:
    """`action`: issue (a pair, as after consent), revoke or expire; the last two for `access`, `refresh` or both."""
    world, sent = sandbox.world, request.document()
    user_id = _the_user(world, sent.get("user"))["user_id"]
    action, what = sent.get("action", "issue"), sent.get("what", "both")
    with world.transaction(True):
        if action == "issue":
            redirect = str(sent.get("redirect_uri", "http://127.0.0.1/callback"))
            scope = ",".join(oauth.scopes(str(sent.get("scope", "basic,contacts,deals"))))
            return oauth.issue(world, user_id, redirect, scope) | {"token_type": "bearer", "scope": scope}
        if action == "expire":
            changes = "expires = 0"
        elif action == "revoke" and what in ("access", "refresh", "both"):
            names = ("access", "refresh") if what == "both" else (what,)
            changes = ", ".join(f"{name}_alive = 0" for name in names)
        else:
            raise invalid_at("/action", "issue, revoke or expire; what: access, refresh or both")
        changed = world.store.db.execute(f"UPDATE grants SET {changes} WHERE user_id = ?", (user_id,)).rowcount
        return {"changed": changed}


def _reset(sandbox: "Sandbox", request: Request) -> Any:
    sandbox.reset()
    return {}


ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "state"): _state,
    ("GET", r"objects/(\w+)"): _objects,
    ("GET", r"objects/(\w+)/(\w+)"): _object,
    ("GET", "log"): _log,
    ("DELETE", "log"): _clear_log,
    ("POST", "edit"): _edit,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("DELETE", r"faults/(\d+)"): _clear_faults,
    ("POST", "switches"): _switch,
    ("POST", "settings"): _settings,
    ("POST", "tokens"): _tokens,
    ("POST", "reset"): _reset,
}
