"""The only door to Nimble: its API, its sign-in, and who is connected."""

from django.apps import AppConfig


class NimbleConfig(AppConfig):
    name = "nimble"
    verbose_name = "Nimble"
