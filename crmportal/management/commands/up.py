"""`manage.py up`: start everything and stay until it is to stop. `./run` calls it once keys and ports are settled."""

import http.client
import io
import ipaddress
import json
import os
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from crmportal.backups import told
from crmportal.prepare import free
from crmportal.supervisor import Control, Supervisor, programs
from crmportal.watch import Watch
from sync.restored import settle_if_behind

# Filling a large sandbox takes its time; a program that fails is told much earlier.
START_SECONDS = 300
FAILING_SECONDS = 10
# What granian logs once the port is its own; an answer alone might be another portal's.
LISTENING = "Listening at"
BIND = os.environ.get("BIND") or "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(Exception):
    """Somebody wants it to end."""


class NotStarted(CommandError):
    """A program does not run."""


class Command(BaseCommand):
    help = "Starts web, workers, beat and the sandbox under a supervisor, and stops them with Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--serve", action="store_true", help="for a real Nimble: without the sandbox")
        parser.add_argument(
            "--data",
            metavar="FOLDER",
            default=os.environ.get("CRM_EXPORT_DIR"),
            help="fill the sandbox from CSV exports (CRM_EXPORT_DIR)",
        )
        parser.add_argument("--contacts", type=int, help="how many contacts the sandbox makes up")
        parser.add_argument("--deals", type=int, help="how many deals the sandbox makes up")
        parser.add_argument("--seed", type=int, help="another seed is another world")

    def handle(self, *args: object, **options: Any) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, stop)
        if Control(settings.VAR_DIR).running():
            raise CommandError("It is running already: ./run status shows it, ./run stop ends it.")
        try:
            self.prepare()
            self.run(options)
        except Stop:
            self.say("Stopped.")
        except NotStarted:
            if options["serve"] or all(map(free, (settings.PORT, sandbox_port()))):
                raise
            self.say("Somebody took a port meanwhile; once more, with others.")
            os.execv(sys.executable, [sys.executable, "-m", "crmportal.prepare", "demo", *sys.argv[2:]])

    def prepare(self) -> None:
        """Brings database and static files up to this version; empties the broker's folders."""
        self.say("Preparing the database and the static files ...")
        call_command("migrate", interactive=False, verbosity=0)
        if done := settle_if_behind():
            self.say(told(done))
        # Pages load htmx from static/; the package's own copies name modules that are not there.
        call_command("collectstatic", interactive=False, verbosity=0)
        # Messages only say "look at the table"; what a former run left says nothing new.
        for folder in settings.BROKER_DIR.glob("*"):
            shutil.rmtree(folder)
            folder.mkdir()

    def run(self, options: dict[str, Any]) -> None:
        sandbox = () if options["serve"] else sandbox_arguments(options)
        wanted = programs(BIND, settings.PORT, sandbox)
        self.say(f"Starting {', '.join(program.name for program in wanted)} ...")
        with Supervisor(settings.VAR_DIR, wanted) as supervisor:
            try:
                wait(supervisor, {program.name for program in wanted})
                self.say(self.box(demo=bool(sandbox)))
                with Watch(supervisor.control):
                    while not supervisor.ended():
                        time.sleep(0.5)
            except Stop:
                self.say("\nStopping ...")
                # From here on nothing cuts the orderly stop short.
                for each in STOP_SIGNALS:
                    signal.signal(each, signal.SIG_IGN)
                raise
        # `./run stop` asked supervisord itself, which then ends with 0.
        if supervisor.process.returncode:
            raise CommandError(f"The supervisor ended. {supervisor.output} may say why.")
        raise Stop

    def box(self, *, demo: bool) -> str:
        """What a person needs to know now."""
        rows = [("Open", f"{settings.PUBLIC_URL}/")]
        claim = claim_link()
        if claim:
            rows.append(("Claim it", claim))
            rows.append(("", "works once: whoever signs in through it makes this their company's portal"))
        if demo:
            rows.append(("Nimble", f"a sandbox at {settings.NIMBLE_BASE_URL}, nothing leaves this machine"))
            rows.append(("", "for a real one: ./run stop, ./run reset; in .env take NIMBLE_BASE_URL out and set"))
            rows.append(("", "NIMBLE_CLIENT_ID and NIMBLE_CLIENT_SECRET to your Nimble app's; then ./run serve"))
        else:
            rows.append(("Nimble", settings.NIMBLE_BASE_URL))
        rows.append(("Stop", "Ctrl-C here, or ./run stop elsewhere; ./run help lists the rest"))
        return boxed("crmportal is ready", [f"{label:9} {text}" for label, text in rows])

    def say(self, text: str) -> None:
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:
            # The terminal hung up. What has to end still does, in silence.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def sandbox_arguments(options: dict[str, Any]) -> tuple[str, ...]:
    """How the sandbox is started for these settings. Raises CommandError when it holds another world already."""
    os.environ |= {
        "SANDBOX_CLIENT_ID": settings.NIMBLE_CLIENT_ID,
        "SANDBOX_CLIENT_SECRET": settings.NIMBLE_CLIENT_SECRET,
    }
    asked = {name: options[name] for name in ("data", "contacts", "deals", "seed") if options[name] is not None}
    if "data" in asked:
        asked["data"] = str(Path(os.environ.get("CALLED_FROM", "."), asked["data"]).resolve())
        if not Path(asked["data"], "sales_pipeline.csv").is_file():
            raise CommandError(f"There is no sales_pipeline.csv in {asked['data']}.")
    folder = settings.VAR_DIR / "sandbox"
    made = folder / "made-from.json"
    if not made.exists():
        folder.mkdir(exist_ok=True)
        made.write_text(json.dumps(asked))
    elif asked and asked != json.loads(made.read_text()):
        raise CommandError("The sandbox holds another world already. ./run reset empties it, and the portal's mirror.")
    world = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
    return ("--port", str(sandbox_port()), "--state", str(folder / "state.sqlite3"), *world)


def sandbox_port() -> int:
    return urlsplit(settings.NIMBLE_BASE_URL).port or 80


def wait(supervisor: Supervisor, names: set[str]) -> None:
    """Returns once every program runs and answers. Raises NotStarted, with the end of a log, when one does not."""
    began = time.monotonic()
    while (lasted := time.monotonic() - began) < START_SECONDS:
        if supervisor.ended():
            if supervisor.process.returncode == 0:
                raise Stop
            raise NotStarted(supervisor.output.read_text(errors="replace"))
        states = supervisor.states()
        down = sorted(name for name in names if states.get(name) != "RUNNING")
        if (
            not down
            and LISTENING in supervisor.said("web")
            and web_answers()
            and ("sandbox" not in names or sandbox_answers())
        ):
            return
        if lasted > FAILING_SECONDS and down:
            break
        time.sleep(0.1)
    culprits = down or sorted(names & {"web", "sandbox"})
    tails = ["\n".join([f"--- {name} ---", *supervisor.said(name).splitlines()[-15:]]) for name in culprits]
    raise NotStarted("\n".join([*tails, f"Did not start: {', '.join(culprits)}."]))


def web_answers() -> bool:
    """Whether the web is as healthy as it should be."""
    host = "localhost" if ipaddress.ip_address(BIND).is_unspecified else BIND
    return answers(host, settings.PORT, "/healthz", {"Host": urlsplit(settings.PUBLIC_URL).netloc})


def sandbox_answers() -> bool:
    """Whether the sandbox is there, and ours: another does not know our key."""
    key = os.environ.get("SANDBOX_CONTROL_KEY", "")
    return answers("127.0.0.1", sandbox_port(), "/_sandbox/state", {"X-Sandbox-Key": key})


def answers(host: str, port: int, path: str, headers: dict[str, str]) -> bool:
    """Whether a GET there is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def claim_link() -> str:
    """The one-time link, or nothing where it has been used."""
    out = io.StringIO()
    try:
        call_command("claim", stdout=out)
    except CommandError:
        return ""
    return next((word for word in out.getvalue().split() if word.startswith("http")), "")


def boxed(title: str, lines: list[str]) -> str:
    """A frame around some lines."""
    width = max(map(len, [title, *lines]))
    body = [f"│ {line:{width}} │" for line in [title, "", *lines]]
    return "\n".join(["", f"┌{'─' * (width + 2)}┐", *body, f"└{'─' * (width + 2)}┘", ""])
