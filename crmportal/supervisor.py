"""The processes that make up the portal, and supervisord, which keeps them running.

`up` starts a `Supervisor`; `./run stop` and its like reach it over a `Control`. Nothing here needs Django.
"""

import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from supervisor.xmlrpc import Faults, SupervisorTransport

BASE_DIR = Path(__file__).resolve().parent.parent
CELERY = ("-m", "celery", "--app", "crmportal.celery:app", "--quiet")
WORKER = ("--pool", "threads", "--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat")
# Longer than granian and Celery need to end by themselves; a pull that is cut off goes on where it was.
STOP_SECONDS = 8
START_SECONDS = 10
GROUP = "portal"
DOWN = {"STOPPED", "EXITED", "FATAL"}


@dataclass(frozen=True)
class Program:
    """A process to keep running; `arguments` go to this Python."""

    name: str
    arguments: tuple[str, ...]

    def section(self, logs: Path) -> str:
        """The program's section in supervisord's configuration."""
        command = [*bound_to_parent(), sys.executable, *self.arguments]
        return "\n".join(
            [
                f"[program:{self.name}]",
                f"command={escaped(shlex.join(command))}",
                f"directory={escaped(BASE_DIR)}",
                # Expanded twice, unlike all others.
                f"stdout_logfile={escaped(escaped(logs / self.name))}.log",
                "stdout_logfile_maxbytes=5MB",
                "stdout_logfile_backups=2",
                "redirect_stderr=true",
                "autorestart=true",
                "startretries=100",
                "killasgroup=true",
                f"stopwaitsecs={STOP_SECONDS}",
            ]
        )


def worker(queue: str, threads: int) -> Program:
    """A Celery worker for one queue. Threads: it waits more than it computes, and a killed one leaves nobody behind."""
    name = f"worker-{queue}"
    return Program(
        name,
        (*CELERY, "worker", "--queues", queue, "--hostname", f"{queue}@%h", "--concurrency", str(threads), *WORKER),
    )


def programs(host: str, port: int, sandbox: tuple[str, ...] = ()) -> list[Program]:
    """What runs; `sandbox` are the sandbox's own arguments, none where there is a real Nimble."""
    return [
        *([Program("sandbox", ("-m", "sandbox", *sandbox))] if sandbox else []),
        Program("web", ("-m", "crmportal.web", host, str(port))),
        worker("push", 4),
        worker("pull", 2),
        Program("beat", (*CELERY, "beat", "--loglevel", "WARNING", "--pidfile=")),
    ]


def bound_to_parent() -> list[str]:
    """A prefix that has the kernel end a command when its parent dies, even by SIGKILL; empty where there is none."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def escaped(value: object) -> str:
    """supervisord expands % in its configuration."""
    return str(value).replace("%", "%%")


def socket_path(var: Path) -> Path:
    """Where supervisord listens: under `var`, or in a folder of ours when that path is too long for a Unix socket."""
    path = var / "run" / "supervisor.sock"
    if len(os.fsencode(path)) < 90:
        return path
    folder = Path(tempfile.gettempdir(), f"crmportal-{os.getuid()}-{hashlib.sha256(os.fsencode(var)).hexdigest()[:12]}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to someone else")
    return folder / path.name


class Control:
    """A running supervisord, reached over its Unix socket."""

    def __init__(self, var: Path) -> None:
        self.socket = socket_path(var)

    def running(self) -> bool:
        """Whether a supervisord answers."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def call(self, method: str, *arguments: object) -> Any:
        """One call of supervisord's XML-RPC interface."""
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport, allow_none=True) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def processes(self) -> list[dict[str, Any]]:
        """Every program as supervisord describes it: name, statename, pid, description."""
        return list(self.call("getAllProcessInfo"))

    def named(self, name: str) -> list[str]:
        """The programs that a name means: `worker` is both workers. Raises LookupError."""
        known = [process["name"] for process in self.processes()]
        found = [each for each in known if each == name or each.startswith(f"{name}-")]
        if not found:
            raise LookupError(f"There is no {name!r} here, only: {', '.join(sorted(known))}.")
        return found

    def stop(self, name: str) -> list[str]:
        """Stops the programs that `name` means, and returns once they ended. Stopping what is stopped is fine."""
        names = self.named(name)
        self._each("stopProcess", names, Faults.NOT_RUNNING)
        deadline = time.monotonic() + STOP_SECONDS * 2
        while time.monotonic() < deadline and not all(self.states()[each] in DOWN for each in names):
            time.sleep(0.1)
        return names

    def start(self, name: str) -> list[str]:
        """Starts the programs that `name` means, and returns once they run. Starting what runs is fine."""
        names = self.named(name)
        self._each("startProcess", names, Faults.ALREADY_STARTED)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not all(self.states()[each] == "RUNNING" for each in names):
            time.sleep(0.1)
        return names

    def states(self) -> dict[str, str]:
        """What state each program is in."""
        return {process["name"]: process["statename"] for process in self.processes()}

    def _each(self, method: str, names: list[str], fine: int) -> None:
        for name in names:
            try:
                self.call(method, f"{GROUP}:{name}", False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != fine:
                    raise

    def shutdown(self, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Ends supervisord with all its programs, and returns once it is gone. Where somebody else is ending it
        already, `meanwhile` is called before that is waited for.
        """
        try:
            self.call("shutdown")
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.SHUTDOWN_STATE:
                raise
            meanwhile()
        deadline = time.monotonic() + STOP_SECONDS * 2
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.1)


class Supervisor:
    """Runs supervisord over some programs for as long as the `with` lasts."""

    def __init__(self, var: Path, wanted: list[Program]) -> None:
        self.control = Control(var)
        self.programs = wanted
        self.logs = var / "logs"
        self.run = var / "run"
        # What supervisord says of itself; its children write to their logs.
        self.output = self.run / "supervisord.out"

    def configuration(self) -> str:
        """supervisord's configuration. It holds no secret: programs inherit the environment."""
        head = [
            "[unix_http_server]",
            f"file={escaped(self.control.socket)}",
            "chmod=0700",
            "[supervisord]",
            "logfile=/dev/null",
            "logfile_maxbytes=0",
            f"pidfile={escaped(self.run / 'supervisord.pid')}",
            f"childlogdir={escaped(self.logs)}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            # In one group, for groups are stopped one after the other.
            f"[group:{GROUP}]",
            f"programs={','.join(program.name for program in self.programs)}",
        ]
        return "\n".join([*head, *(program.section(self.logs) for program in self.programs), ""])

    def __enter__(self) -> Self:
        for folder in (self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.logged = {program.name: self.size(program.name) for program in self.programs}
        path = self.run / "supervisord.conf"
        path.write_text(self.configuration())
        with self.output.open("wb") as output:
            # A session of its own: a terminal's Ctrl-C and hang-up reach `up` alone, which then stops things in order.
            self.process = subprocess.Popen(
                [*bound_to_parent(), sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS * 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
        end_session(self.process.pid)

    def size(self, name: str) -> int:
        """How long a program's log is."""
        path = self.logs / f"{name}.log"
        return path.stat().st_size if path.exists() else 0

    def said(self, name: str) -> str:
        """What a program has logged since this start."""
        path = self.logs / f"{name}.log"
        if not path.exists():
            return ""
        with path.open("rb") as log:
            # Shorter than it was, the log has been put aside and begun anew.
            log.seek(self.logged[name] if self.size(name) >= self.logged[name] else 0)
            return log.read().decode(errors="replace")

    def ended(self) -> bool:
        """Whether supervisord is gone, by `./run stop` or by accident."""
        return self.process.poll() is not None

    def states(self) -> dict[str, str]:
        """What state each program is in; nothing while supervisord is coming up."""
        try:
            return self.control.states()
        except (OSError, xmlrpc.client.Error):
            return {}


def end_session(leader: int) -> None:
    """Kills what is left of a session: the last resort after an orderly stop."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group, session.
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except (OSError, IndexError):
            continue
