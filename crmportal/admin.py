"""The admin site: signed in through allauth, so that its MFA and rate limits apply."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _


class Site(admin.AdminSite):
    site_header = _("Administration of crmportal")
    site_title = "crmportal"
    index_title = _("What runs here")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff who signed in with a second factor (without one only while debugging on loopback)."""
        if not super().has_permission(request):
            return False
        return settings.DEBUG or is_mfa_enabled(request.user)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """To allauth's own sign-in; staff without a second factor are led to set one up."""
        if request.user.is_authenticated and request.user.is_staff:
            return redirect("mfa_activate_totp")
        if request.user.is_authenticated:
            raise PermissionDenied(_("The administration is for operators."))
        target = request.GET.get("next", reverse("admin:index"))
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")
