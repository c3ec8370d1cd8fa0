"""`manage.py ensure_app`: what the environment says of client id and secret becomes the SocialApp, if none is there."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nimble.encryption import TooLong
from nimble.registration import differs_from_environment, social_app


class Command(BaseCommand):
    help = "Create the SocialApp from NIMBLE_CLIENT_ID and NIMBLE_CLIENT_SECRET if there is none yet."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            app = social_app()
        except TooLong as error:
            raise CommandError(f"NIMBLE_CLIENT_SECRET: {error}") from None
        if app is None:
            raise CommandError("Set NIMBLE_CLIENT_ID and NIMBLE_CLIENT_SECRET, or add the application in the admin.")
        if differs_from_environment(app):
            self.stderr.write("The environment names another client id or secret than the admin site, which counts.")
        self.stdout.write(f"Nimble knows this installation as {app.client_id}.")
