"""PostgreSQL, Redis and RabbitMQ for the tests: private ones, in a folder of their own, gone with this process.

The machine's own servers are never touched. Where Debian's packages are missing, `Missing` says what to install.
"""

import atexit
import ctypes
import functools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

T = TypeVar("T")


class Missing(Exception):
    """A server is not installed; the message says how to get it."""


@dataclass
class Server:
    """A server that can be stopped and started again: where it is, what it runs in, and when it is ready."""

    url: str
    folder: Path
    command: list[str]
    ready: Callable[[], bool]
    environment: dict[str, str] | None = None
    end: signal.Signals = signal.SIGINT
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts it, with what it has stored, and returns once it is ready."""
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
                **as_owner(self.folder),
            )
        deadline = time.monotonic() + 90
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it; what it has stored stays. Doing that again is fine."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.end)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def remove(self) -> None:
        """Ends it and removes all it wrote."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_database() -> str:
    """The URL of an empty database in this process's PostgreSQL. Raises Missing."""
    server = postgres()
    name = f"portal_{secrets.token_hex(4)}"
    with psycopg.connect(host=str(server.folder), user="portal", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.url.removesuffix("postgres") + name


def needed(find: Callable[[], T]) -> T:
    """What `find` returns; where that is missing the test is skipped."""
    try:
        return find()
    except Missing as reason:
        pytest.skip(str(reason))


def chromium() -> str:
    """Debian's browser. Raises Missing."""
    found = shutil.which("chromium")
    if not found:
        raise Missing("Chromium is not installed: apt-get install chromium")
    return found


def postgres_programs() -> Path:
    """The folder of the newest installed PostgreSQL's programs. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise Missing("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


def redis_program() -> str:
    """Redis, or Valkey, which took its place. Raises Missing."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if not found:
        raise Missing("Redis is not installed: apt-get install redis-server")
    return found


@functools.cache
def postgres() -> Server:
    """A PostgreSQL for this process, started when it is first asked for. Raises Missing."""
    return new_postgres()


def new_postgres() -> Server:
    """A PostgreSQL of the caller's own. Raises Missing."""
    programs = postgres_programs()
    folder = private_folder("postgres")
    data = folder / "data"
    initdb = ["--username=portal", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", str(data)]
    subprocess.run(
        [programs / "initdb", *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_owner(folder)
    )
    options = ["listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60"]
    return start(
        folder,
        f"postgres://portal@/{folder}/postgres",
        [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *(f"-c{option}" for option in options)],
        lambda: run_quietly(programs / "pg_isready", "-h", folder),
    )


def rabbitmq_program() -> str:
    """RabbitMQ's own script, not Debian's wrapper around it, which wants root. Raises Missing."""
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if not program.exists() or not shutil.which("epmd"):
        raise Missing("RabbitMQ is not installed: apt-get install rabbitmq-server")
    return str(program)


@functools.cache
def redis() -> Server:
    """A Redis for this process, as a broker's URL, started when it is first asked for. Raises Missing."""
    return new_redis()


def new_redis() -> Server:
    """A Redis of the caller's own, as a broker's URL. Raises Missing."""
    program = redis_program()
    folder = private_folder("redis")
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return start(folder, f"redis+socket://{path}", [program, *options], path.exists)


def new_rabbitmq() -> Server:
    """A RabbitMQ of the caller's own, with a node name, ports and folders of its own. Raises Missing."""
    program = rabbitmq_program()
    folder = private_folder("rabbitmq")
    port, distribution, mapper = free_port(), free_port(), free_port()
    environment = {
        "PATH": "/usr/lib/rabbitmq/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"{folder.name}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        # The script then becomes the server, instead of a shell that waits for it.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    # The port mapper that Erlang would else leave behind as a daemon.
    epmd = [str(shutil.which("epmd")), "-port", str(mapper)]
    start(folder, "", epmd, lambda: listens(mapper), environment)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    return start(folder, url, [program], lambda: listens(port), environment, signal.SIGTERM)


def start(
    folder: Path,
    url: str,
    command: list[str],
    ready: Callable[[], bool],
    environment: dict[str, str] | None = None,
    end: signal.Signals = signal.SIGINT,
) -> Server:
    """Starts a server in its folder and waits until it is ready; the signal `end` is what ends it in order."""
    server = Server(url, folder, command, ready, environment, end)
    atexit.register(server.remove)
    server.start()
    return server


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def private_folder(name: str) -> Path:
    """A new folder, of the user that the server will run as."""
    folder = Path(tempfile.mkdtemp(prefix=f"crmportal-{name}-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres" if name == "postgres" else "nobody")
    return folder


def as_owner(folder: Path) -> dict[str, Any]:
    """For `subprocess`: run as the folder's owner. PostgreSQL refuses to run as root, and nothing here needs to."""
    if os.getuid() != 0:
        return {}
    owner = pwd.getpwuid(folder.stat().st_uid)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def end_with_parent() -> None:
    """Asks the kernel to end the server with this process, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def run_quietly(*command: object) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0
