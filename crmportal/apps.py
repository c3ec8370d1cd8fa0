"""The project's own app (management commands, template tags) and its admin site."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.apps import StaticFilesConfig

from crmportal.slots import count_in


class Portal(AppConfig):
    name = "crmportal"
    verbose_name = "crmportal"

    def ready(self) -> None:
        count_in(settings.METRICS_DIR)


class StaticFiles(StaticFilesConfig):
    """Without django_htmx's own scripts: ours are vendored, and theirs name files that they do not bring."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "django_htmx"]


class Admin(AdminConfig):
    """Django's admin, with sign-in handed to allauth so that MFA applies (see `crmportal.admin`)."""

    default_site = "crmportal.admin.Site"
