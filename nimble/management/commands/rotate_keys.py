"""`manage.py rotate_keys`: after a new key was put first in TOKEN_KEYS, encrypt everything with it."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand
from django.db import transaction

from nimble import mfa
from nimble.encryption import ENCRYPTED


class Command(BaseCommand):
    help = "Encrypt all secrets in the database with the first key in TOKEN_KEYS; older keys can go afterwards."

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        for model, names in ENCRYPTED.items():
            for pk in model._default_manager.values_list("pk", flat=True):
                # One row at a time: a renewal that happens meanwhile is neither held up nor undone.
                with transaction.atomic():
                    row = model._default_manager.select_for_update(no_key=True).filter(pk=pk).first()
                    if row is not None:
                        row.save(update_fields=names)
                        done += 1
        for pk in Authenticator.objects.values_list("pk", flat=True):
            with transaction.atomic():
                authenticator = Authenticator.objects.select_for_update(no_key=True).filter(pk=pk).first()
                if authenticator is not None:
                    mfa.reseal(authenticator)
                    done += 1
        self.stdout.write(f"{done} rows encrypted with the first key.")
