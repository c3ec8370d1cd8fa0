"""`manage.py pull`: in the foreground, with a bar, what the pulling worker does."""

import logging
import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection as database

from nimble import pace
from nimble.models import Connection
from sync import flows, leases, registry
from sync import pull as pulling
from sync.models import NEEDS_PERSON, Edit, Quarantined, Run
from sync.runs import lease_name

BAR = 28


class Command(BaseCommand):
    help = (
        "Mirror every connected account (or one) now. Exit status: 0 all well, 3 with quarantined records or edits "
        "that need someone, 1 failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="read everything anew, not only what changed")
        parser.add_argument("--connection", type=int, help="the number of one connection; all of them otherwise")
        parser.add_argument("--quiet", action="store_true", help="no bar, only the summary")

    def handle(self, *args: Any, **options: Any) -> None:
        connections = Connection.objects.active().select_related("workspace")
        if options["connection"]:
            connections = connections.filter(pk=options["connection"])
        if not connections:
            raise CommandError("No account is connected: sign in through Nimble first.")
        started = time.monotonic()
        runs: list[Run] = []
        for connection in connections:
            runs += self.pull(connection, full=options["full"], quiet=options["quiet"])
        self.summary(runs, time.monotonic() - started)

    def pull(self, connection: Connection, *, full: bool, quiet: bool) -> list[Run]:
        """Pull one connection under a bar; beside a running pull, show that one first, then do our own."""
        stop = threading.Event()
        bar = threading.Thread(target=self.draw, args=(connection, stop), daemon=True)
        level = logging.root.level
        if not quiet:
            # What is logged meanwhile would stand in the middle of the bar.
            logging.root.setLevel(max(level, logging.WARNING))
            bar.start()
        try:
            while leases.held(lease_name(connection)):
                time.sleep(0.5)
            if not full:
                pulling.sync_now(connection)
            runs = {run.pk: run for run in pulling.pull(connection, full=full) or []}
            while seconds := pace.held(connection):
                # What a worker does with a later message: the runs go on from where they are.
                self.stderr.write(f"\rNimble wants to be left alone, or does not answer: going on in {seconds:.0f} s.")
                time.sleep(seconds + 1)
                runs |= {run.pk: run for run in pulling.pull(connection) or []}
            return list(runs.values())
        finally:
            stop.set()
            if not quiet:
                bar.join()
                logging.root.setLevel(level)
                self.stderr.write("\r" + " " * 78 + "\r", ending="")

    def draw(self, connection: Connection, stop: threading.Event) -> None:
        tty = sys.stderr.isatty()
        try:
            while not stop.wait(0.3 if tty else 2.0):
                for progress in flows.progress(connection)[:1]:
                    line = bar_line(progress)
                    self.stderr.write(f"\r{line:<78}" if tty else line, ending="" if tty else "\n")
                    self.stderr.flush()
        finally:
            database.close()

    def summary(self, runs: list[Run], seconds: float) -> None:
        failed = [run for run in runs if run.state in (Run.State.FAILED, Run.State.BRAKED)]
        total = {name: sum(getattr(run, name) for run in runs) for name in ("done", "created", "changed", "gone")}
        kept_out = Quarantined.objects.count()
        needing = Edit.objects.filter(state__in=NEEDS_PERSON).count()
        self.stdout.write(
            f"Pulled {total['done']:,} records in {seconds:.1f} s: {total['created']:,} new, "
            f"{total['changed']:,} changed, {total['gone']:,} gone, {kept_out:,} quarantined, "
            f"{len(failed)} of {len(runs)} runs failed."
        )
        for run in failed:
            self.stderr.write(f"{registry.stream(run.stream.name).label}: {run.error}")
        if failed:
            sys.exit(1)
        if kept_out or needing:
            sys.exit(3)


def bar_line(progress: flows.Progress) -> str:
    """One line: label, bar, n of total, rate, time left."""
    share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    filled = int(share * BAR)
    left = "" if progress.seconds_left is None else f", {progress.seconds_left} s left"
    total = f"{progress.total:,}" if progress.total is not None else "?"
    blocks = "█" * filled + "░" * (BAR - filled)
    return f"{progress.label!s:<22.22} {blocks} {progress.done:,} of {total} ({progress.rate:,.0f}/s{left})"
