"""The admin site: people's second factors, without the secrets behind them."""

from typing import Any

import allauth.mfa.admin  # noqa: F401 - it registers what is replaced here
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.http import HttpRequest

from nimble.admin import ReadOnly

admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """Removing one lets a person who lost their phone set up another."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
