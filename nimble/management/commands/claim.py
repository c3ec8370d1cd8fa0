"""`manage.py claim`: the one-time link with which the first company takes this installation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from nimble.models import Claim, Workspace


class Command(BaseCommand):
    help = "Print a one-time link, good for a day, that lets a Nimble company in. An older unused link stops working."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="let another company in beside the present one")

    def handle(self, *args: Any, force: bool = False, **options: Any) -> None:
        if Workspace.objects.exists() and not force:
            raise CommandError("This installation is claimed. With --force another company may come in, too.")
        self.stdout.write(settings.PUBLIC_URL + reverse("nimble:claim", args=[Claim.objects.issue()]))
