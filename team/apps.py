from django.apps import AppConfig


class Team(AppConfig):
    name = "team"
    verbose_name = "Team"
