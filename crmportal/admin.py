"""The admin site: signed in through allauth, so that its MFA and rate limits apply."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode


class Site(admin.AdminSite):
    site_header = "crmportal"
    site_title = "crmportal"
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff who signed in with a second factor (without one only while debugging on loopback)."""
        if not super().has_permission(request):
            return False
        return settings.DEBUG or self.has_second_factor(request)

    def has_second_factor(self, request: HttpRequest) -> bool:
        from allauth.mfa.utils import is_mfa_enabled

        return is_mfa_enabled(request.user)

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        target = request.GET.get("next", reverse("admin:index"))
        if request.user.is_authenticated and request.user.is_staff:
            return redirect(f"{reverse('mfa_activate_totp')}?{urlencode({'next': target})}")
        if request.user.is_authenticated:
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")
