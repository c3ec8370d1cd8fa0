"""The portal as a person runs it: real processes under their supervisor, in a folder of their own.

with Portal(tmp_path) as portal:
    portal.manage("pull")
    portal.stop("worker")
    …
    portal.start("worker")
    portal.kill("worker-push")          # SIGKILL; the supervisor brings it back
    wait_for(lambda: …, "the edit arrives")
"""

import atexit
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import requests

from crmportal.supervisor import Control
from tests.contract import spec
from tests.contract.checker import check_record
from tests.sandboxes import SandboxServer

ROOT = Path(__file__).resolve().parent.parent
# What the tests' own settings put into the environment, and no program of the portal's may inherit.
OURS = (
    "DJANGO_SECRET_KEY",
    "TOKEN_KEYS",
    "NIMBLE_CLIENT_ID",
    "NIMBLE_CLIENT_SECRET",
    "CRM_EXPORT_DIR",
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "TEST_DATABASE",
    "PUBLIC_URL",
    "DJANGO_ALLOWED_HOSTS",
    "EMAIL_URL",
)
T = TypeVar("T")
MakePortal = Callable[..., "Portal"]


class DemoSandbox(SandboxServer):
    """The control of a sandbox that runs under a portal's supervisor."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.session = requests.Session()
        self.session.trust_env = False
        self.users = {user["email"]: user for user in self.state()["users"]}


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], T], what: str, timeout: float = 30, every: float = 0.1) -> T:
    """Returns the first true value of `condition`; fails, naming `what`, when none comes in time."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {timeout} s in vain: {what}")
        time.sleep(every)
    return value


@functools.cache
def empty_database() -> Path:
    """An SQLite file with all tables and nothing in them, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="portal-database-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
        "DJANGO_SETTINGS_MODULE": "crmportal.settings",
        "DJANGO_SECRET_KEY": "x" * 50,
        "TOKEN_KEYS": "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU=",
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(folder),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True)
    return folder / "db.sqlite3"


class Portal:
    """Web, workers, beat and, unless `nimble` names another, a sandbox; stopped when the `with` ends.

    `arguments` are those of `./run` (`--contacts`, `"300"`, …); `environment` is set for every process, and
    `DATABASE_URL` or `CELERY_BROKER_URL` in it take the place of SQLite and the filesystem broker. `begun`: an SQLite
    database is there already, empty and of this version, as after a start and a stop; making its tables takes longer
    than all the rest of starting.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        nimble: str = "",
        environment: dict[str, str] | None = None,
        begun: bool = True,
    ) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.mode = "serve" if nimble else "demo"
        self.arguments = arguments
        self.environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
            "DJANGO_SETTINGS_MODULE": "crmportal.settings",
            "ENV_FILE": str(folder / "env"),
            "VAR_DIR": str(self.var),
            "PORT": str(free_port()),
            "NIMBLE_BASE_URL": nimble or f"http://127.0.0.1:{free_port()}",
            # Every exchange, held against the published specification at the end.
            "SANDBOX_RECORD": str(folder / "exchanges.jsonl"),
            **(environment or {}),
        }
        self.control = Control(self.var)
        self.output = folder / "output"
        if begun and "DATABASE_URL" not in self.environment:
            self.var.mkdir(parents=True, exist_ok=True)
            shutil.copy(empty_database(), self.var / "db.sqlite3")

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def launch(self) -> None:
        """Starts everything, and returns once the box is printed. What ran in this folder before goes on."""
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crmportal.prepare", self.mode, *self.arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: "└" in self.printed() or self.process.poll() is not None, "the portal starts", timeout=120)
        assert self.process.poll() is None, self.printed()
        # Ports that were taken meanwhile have moved.
        self.url = self.found(r"Open +(http://[^ ]+?)/ ")
        self.claim = self.found(r"Claim it +(http://[^ ]+)")
        self.nimble = self.found(r"Nimble .*?(https?://[^ ,]+)")
        if self.mode == "demo":
            self.sandbox = DemoSandbox(self.nimble, self.setting("SANDBOX_CONTROL_KEY"))
        self.environment |= {"PORT": self.url.rpartition(":")[2], "NIMBLE_BASE_URL": self.nimble}

    def check_exchanges(self) -> int:
        """Holds what the portal's processes said to the sandbox, and its answers, to the published specification."""
        return check_record(self.folder / "exchanges.jsonl") if spec.is_there() else 0

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends everything by a signal to what a person started; tells its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)

    def stop(self, name: str) -> None:
        """`./run stop NAME`."""
        self.control.stop(name)

    def start(self, name: str) -> None:
        """`./run start NAME`."""
        self.control.start(name)

    def pid(self, name: str) -> int:
        """The process of a program, 0 while it has none."""
        return next(int(each["pid"]) for each in self.control.processes() if each["name"] == name)

    def kill(self, name: str) -> None:
        """SIGKILL. Returns once the supervisor has started another in its place."""
        # Process 0 would mean this very process group.
        before = wait_for(lambda: self.pid(name), f"{name} runs")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.pid(name) not in (0, before), f"{name} comes back")

    def manage(self, *arguments: str, status: int = 0) -> str:
        """What `manage.py` prints, for the same database and Nimble; its exit status must be `status`."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """What a few lines of Python print in the portal's own Django: `from deals.models import Deal; print(…)`."""
        return self.manage("shell", "--no-imports", "--command", code).strip()

    def setting(self, name: str) -> str:
        """A value from the `.env` that starting wrote."""
        match = re.search(rf"^{name}=(.*)$", (self.folder / "env").read_text(), re.MULTILINE)
        assert match, f"{name} is not in .env"
        return match[1]

    def log(self, name: str) -> str:
        """What a program has written so far."""
        path = self.var / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def printed(self) -> str:
        """What a person saw in the terminal."""
        return self.output.read_text(errors="replace")

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.printed())
        return match[1] if match else ""


@pytest.fixture(scope="module")
def make_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakePortal]:
    """Starts a portal of real processes (see `Portal`), which lives until the module's tests are done."""
    running: list[Portal] = []

    def make(*arguments: str, **options: Any) -> Portal:
        portal = Portal(tmp_path_factory.mktemp("portal"), *arguments, **options)
        running.append(portal)
        portal.launch()
        return portal

    yield make
    for portal in running:
        portal.end()


@pytest.fixture(scope="module")
def portal(make_portal: MakePortal) -> Portal:
    """A portal of real processes with a small sandbox, shared by the module's tests."""
    return make_portal("--contacts", "60", "--deals", "40")
