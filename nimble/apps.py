"""The only door to Nimble: its API, its sign-in, and who is connected."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NimbleConfig(AppConfig):
    name = "nimble"
    verbose_name = _("Nimble")

    def ready(self) -> None:
        # Both need the models, which are not there when this module is imported.
        from nimble import checks, encryption

        encryption.install()
        checks.install()
