"""`manage.py deliver`: in the foreground what the sending worker does."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from sync import outbox
from sync.models import NEEDS_PERSON, UNSENT, Edit, State


class Command(BaseCommand):
    help = (
        "Send the edits that are due to Nimble now. Exit status: 0 all well, 3 with edits that need someone, 1 if some "
        "could not be sent yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="no line for each edit, only the summary")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        confirmed: list[Edit] = []

        def report(edit: Edit) -> None:
            if edit.state == State.CONFIRMED:
                confirmed.append(edit)
            if not options["quiet"]:
                names = ", ".join(edit.fields)
                what = f"{edit.kind} {edit.record_id}: {edit.operation} {names}"
                self.stdout.write(f"{what} → {State(edit.state).label}")

        tried = outbox.deliver(report)
        waiting = Edit.objects.filter(state__in=[*UNSENT, State.SENDING]).count()
        needing = Edit.objects.filter(state__in=NEEDS_PERSON).count()
        seconds = time.monotonic() - started
        self.stdout.write(
            f"Delivered {len(confirmed)} of {tried} edits in {seconds:.1f} s; {waiting} still waiting, "
            f"{needing} need someone."
        )
        if needing:
            sys.exit(3)
        if waiting:
            sys.exit(1)
