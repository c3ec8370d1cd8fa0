"""The command line: every option can also be given as `SANDBOX_<NAME>` in the environment."""

import argparse
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from sandbox import switches
from sandbox.control import NUMBERS
from sandbox.errors import Refused
from sandbox.oauth import LOOPBACK, Client
from sandbox.population import populate
from sandbox.record import Record
from sandbox.server import Sandbox, make_server
from sandbox.store import Store
from sandbox.world import World

DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 8770,
    "state": None,
    "seed": 7,
    "contacts": 300,
    "deals": 120,
    "data": None,
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "redirect_uri": [],
    "control_key": None,
    "token_lifetime": 599,
    "latency_ms": 0,
    "switch": [],
    "record": None,
    "reset": False,
}


def _default(name: str) -> Any:
    text = os.environ.get(f"SANDBOX_{name.upper()}")
    given = DEFAULTS[name]
    if text is None:
        return given
    if isinstance(given, bool):
        return text.lower() in ("1", "true", "yes", "on")
    if isinstance(given, int):
        return int(text)
    return text.split() if isinstance(given, list) else text or None


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A stand-in for Nimble on loopback.")
    add = parser.add_argument
    add("--host", help="loopback addresses only")
    add("--port", type=int, help="0 takes a free one")
    add("--state", type=Path, help="the SQLite file that holds the world; without it a temporary one")
    add("--seed", type=int)
    add("--contacts", type=int)
    add("--deals", type=int)
    add("--data", type=Path, help="a folder of CSV exports to make the world from")
    add("--client-id")
    add("--client-secret")
    add("--redirect-uri", action="append", help="may be repeated; without any, every loopback address is accepted")
    add("--control-key", help="without it, a random one is printed")
    add("--token-lifetime", type=int, help="seconds")
    add("--latency-ms", type=int, help="milliseconds before each API request")
    add("--switch", action="append", metavar="NAME=POSITION", help=", ".join(switches.POSITIONS))
    add("--record", type=Path, help="a file that gets each API exchange as a line of JSON")
    add("--reset", action="store_true", default=None, help="make the world anew")
    found = parser.parse_args(arguments)
    for name in DEFAULTS:
        if getattr(found, name) is None:
            setattr(found, name, _default(name))
    if found.host not in LOOPBACK:
        parser.error(f"{found.host} is not loopback: the sandbox holds no secrets worth more")
    if found.data and not (Path(found.data) / "sales_pipeline.csv").is_file():
        parser.error(f"no sales_pipeline.csv in {found.data}")
    return found


def _switches(given: list[str]) -> dict[str, str]:
    try:
        return {name: switches.checked(name, position) for name, _, position in (one.partition("=") for one in given)}
    except Refused as refused:
        raise SystemExit(f"--switch: {refused.body['errors']}") from refused


def open_world(found: argparse.Namespace, state: Path) -> tuple[World, Path]:
    """The world of this state file, made if it is not there yet, and the file that keeps it as it was made."""
    initial = state.with_name(state.name + ".initial")
    if found.reset:
        for path in (state, initial, Path(f"{state}-wal"), Path(f"{state}-shm")):
            path.unlink(missing_ok=True)
    store = Store(str(state))
    if store.is_empty():
        data = Path(found.data) if found.data else None
        populate(store, seed=found.seed, contacts=found.contacts, deals=found.deals, data=data)
    if not initial.exists():
        store.copy_to(str(initial))
    settings: dict[str, Any] = dict(NUMBERS)
    settings |= {"token_lifetime": found.token_lifetime, "latency_ms": found.latency_ms}
    settings["switches"] = _switches(found.switch)
    return World(store, settings), initial


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(arguments: list[str] | None = None) -> None:
    found = options(arguments)
    folder = None if found.state else Path(tempfile.mkdtemp(prefix="sandbox-"))
    state = Path(found.state) if found.state else folder / "state.sqlite3"  # type: ignore[operator]
    state.parent.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _stop)
    key = found.control_key or secrets.token_urlsafe(18)
    try:
        world, initial = open_world(found, state)
        client = Client(found.client_id, found.client_secret, tuple(found.redirect_uri))
        record = Record(Path(found.record)) if found.record else None
        server = make_server(found.host, found.port, Sandbox(world, client, key, initial, record))
        if not found.control_key:
            print(f"SANDBOX CONTROL KEY {key}", file=sys.stderr, flush=True)
        host = f"[{found.host}]" if ":" in found.host else found.host
        print(f"SANDBOX READY http://{host}:{server.server_address[1]}", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
