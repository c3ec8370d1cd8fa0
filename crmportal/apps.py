"""The project's own app (management commands, template tags) and its admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class Portal(AppConfig):
    name = "crmportal"
    verbose_name = "crmportal"


class Admin(AdminConfig):
    """Django's admin, with sign-in handed to allauth so that MFA applies (see `crmportal.admin`)."""

    default_site = "crmportal.admin.Site"
