from django.apps import AppConfig


class Sync(AppConfig):
    name = "sync"
    verbose_name = "Sync"
