"""What has to be settled before Django reads its settings: keys and ports. Then it hands over to `manage.py`.

`python -m crmportal.prepare demo|serve|manage …`
"""

import os
import secrets
import socket
import sys
from urllib.parse import urlsplit

from crmportal import envfile
from crmportal.supervisor import Control

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
WEB_PORT = 8000
SANDBOX_PORT = 8770
SANDBOX = {
    "NIMBLE_BASE_URL": lambda: f"http://127.0.0.1:{SANDBOX_PORT}",
    "NIMBLE_CLIENT_ID": lambda: f"sandbox-{secrets.token_hex(8)}",
    "NIMBLE_CLIENT_SECRET": lambda: secrets.token_urlsafe(24),
    "SANDBOX_CONTROL_KEY": lambda: secrets.token_urlsafe(24),
}


def free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Without SO_REUSEPORT only listening tells on another socket that has it.
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(wanted: int, taken: int = 0) -> int:
    """The wanted port, or the next free one that is not `taken` either."""
    return next(port for port in range(wanted, 65536) if port != taken and free(port))


def port_wanted(default: int) -> int:
    """`PORT`, as a number."""
    text = os.environ.get("PORT") or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def check_not_running() -> None:
    if Control(envfile.var_dir()).running():
        sys.exit("It is running already, in this folder: ./run status shows it, ./run stop ends it.")


def demo() -> None:
    """The sandbox takes Nimble's place; ports that are taken give way to free ones, which `.env` then names."""
    own = os.environ.get("NIMBLE_BASE_URL", "")
    if (own and urlsplit(own).hostname not in LOOPBACK) or (not own and envfile.given("NIMBLE_CLIENT_ID")):
        sys.exit(
            "The settings name a real Nimble, and plain ./run is the demo, with a sandbox in its place.\n"
            "    ./run serve    starts the portal for the real one."
        )
    made = envfile.complete(envfile.KEYS | SANDBOX)
    if made:
        print(f"Wrote {envfile.path().name} with fresh keys.")
    port = free_port(port_wanted(WEB_PORT))
    nimble = free_port(urlsplit(os.environ["NIMBLE_BASE_URL"]).port or SANDBOX_PORT, taken=port)
    move("PORT", WEB_PORT, port, str(port))
    move("NIMBLE_BASE_URL", SANDBOX_PORT, nimble, f"http://127.0.0.1:{nimble}")
    if urlsplit(os.environ.get("PUBLIC_URL", "")).hostname in LOOPBACK:
        os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"


def move(name: str, default: int, port: int, value: str) -> None:
    """Keeps a port that had to change, so that `manage.py` and the next start use it too."""
    before = os.environ.get(name, str(default))
    if not before.endswith(str(port)):
        print(f"Port {before.rpartition(':')[2]} is taken: using {port}.")
        envfile.store(name, value)


def serve() -> None:
    """A real Nimble, and exactly the port that was asked for."""
    made = envfile.complete(envfile.KEYS)
    if made:
        print(f"Wrote {' and '.join(made)} to {envfile.path()}.")
    port = port_wanted(WEB_PORT)
    if not free(port, os.environ.get("BIND") or "127.0.0.1"):
        sys.exit(f"Port {port} is taken. End what listens there, or set PORT to another.")


def main(mode: str, *arguments: str) -> None:
    envfile.load()
    if mode == "manage":
        envfile.complete(envfile.KEYS)
        command = list(arguments)
    else:
        check_not_running()
        {"demo": demo, "serve": serve}[mode]()
        command = ["up", *(["--serve"] if mode == "serve" else []), *arguments]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(envfile.BASE_DIR / "manage.py"), *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
