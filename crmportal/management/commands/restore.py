"""`manage.py restore FILE`: a backup takes the database's place; what was sent since is not sent twice."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from crmportal import backups
from crmportal.supervisor import Control
from sync import restored


class Command(BaseCommand):
    help = "Replace the database by a file that `backup` wrote. Everything must be stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if Control(settings.VAR_DIR).running():
            raise CommandError("It is running: ./run stop first.")
        try:
            kept = backups.put_back(file)
        except backups.Failed as reason:
            raise CommandError(str(reason)) from None
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(backups.told(restored.settle()))
        self.stdout.write(f"The database that was there is kept as {kept}.")
