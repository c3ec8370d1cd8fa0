"""`manage.py restored`: for whoever has restored a backup by other means."""

from typing import Any

from django.core.management.base import BaseCommand

from crmportal import backups
from sync import restored


class Command(BaseCommand):
    help = "Say that the database was restored from a backup: nothing that was sent since is sent twice."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(backups.told(restored.settle()))
