"""`manage.py backup FILE`: a copy of the database, while everything runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crmportal import backups


class Command(BaseCommand):
    help = "Write a copy of the database to a new file, while everything runs. Keep .env, with its keys, elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            backups.make(file)
        except backups.Failed as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes.")
