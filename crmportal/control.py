"""`./run stop`, `start`, `status`, `logs` and `reset`: what reaches a portal that another terminal started."""

import argparse
import http.client
import os
import shutil
import sys
import xmlrpc.client

from supervisor.xmlrpc import Faults

from crmportal import envfile
from crmportal.supervisor import Control

NOT_RUNNING = "Nothing is running here. ./run starts it."


def stop(control: Control, options: argparse.Namespace) -> None:
    if options.name:
        print("Stopped:", ", ".join(control.stop(options.name)))
    else:
        control.shutdown(meanwhile=lambda: print("It is ending already ...", flush=True))
        print("Stopped.")


def start(control: Control, options: argparse.Namespace) -> None:
    down = [options.name] if options.name else [name for name, state in control.states().items() if state != "RUNNING"]
    started = [each for name in down for each in control.start(name)]
    print("Started:", ", ".join(started)) if started else print("Everything is running.")


def status(control: Control, options: argparse.Namespace) -> None:
    for process in control.processes():
        print(f"{process['name']:12} {process['statename']:9} {process['description']}")


def logs(control: Control, options: argparse.Namespace) -> None:
    files = sorted((envfile.var_dir() / "logs").glob(f"{options.name or ''}*.log"))
    if not files:
        sys.exit(f"There is no log {options.name or ''}.".replace(" .", "."))
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, files)])


def reset(control: Control, options: argparse.Namespace) -> None:
    var = envfile.var_dir()
    if control.running():
        sys.exit("It is running: ./run stop first.")
    if not options.yes and input(f"Empty {var}, with its database? [y/N] ").strip().lower() not in ("y", "yes"):
        sys.exit("Left as it was.")
    for each in var.iterdir() if var.exists() else []:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    print(f"Emptied {var}; the keys in {envfile.path().name} stay.")
    if os.environ.get("DATABASE_URL"):
        print("DATABASE_URL names another database, which was left alone.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run")
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (stop, start, status, logs, reset):
        command = commands.add_parser(function.__name__)
        command.set_defaults(function=function)
        if function in (stop, start, logs):
            command.add_argument("name", nargs="?")
        if function is reset:
            command.add_argument("--yes", action="store_true")
    options = parser.parse_args()
    envfile.load()
    control = Control(envfile.var_dir())
    if options.command in ("stop", "start", "status") and not control.running():
        sys.exit(NOT_RUNNING)
    try:
        options.function(control, options)
    except LookupError as error:
        sys.exit(error.args[0])
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == Faults.SHUTDOWN_STATE:
            sys.exit("Everything is ending. Once it has, ./run starts it again.")
        sys.exit(f"That did not work: {fault.faultString}. ./run logs tells more.")
    except (OSError, http.client.HTTPException):
        if control.running():
            raise
        # It ended between two looks.
        sys.exit(NOT_RUNNING)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        sys.exit("")
