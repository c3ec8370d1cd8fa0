"""`manage.py alive NAME`: whether a kind of process gives signs of life. For health checks of containers and units."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from crmportal.watch import PATIENCE
from sync import health
from sync.clock import database_now


class Command(BaseCommand):
    help = "Ends with 0 where push, pull or beat gave a sign of life a moment ago, with 1 where not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(PATIENCE))

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            seen, now = health.seen(), database_now()
        except DatabaseError:
            # Restarting the process would not bring the database back.
            self.stdout.write("The database is not reachable, so nobody can say.")
            return
        last, beat = seen.get(name), seen.get("beat")
        late = last is None or (now - last).total_seconds() > PATIENCE[name]
        if late and name != "beat" and (beat is None or (now - beat).total_seconds() > PATIENCE["beat"]):
            self.stdout.write("Beat is silent, so that nobody hears anything.")
            return
        self.stdout.write(f"{name}: {f'{(now - last).total_seconds():.0f} s ago' if last else 'never'}")
        if late:
            sys.exit(1)
