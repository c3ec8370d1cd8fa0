"""What a person has set for themselves."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Theme(models.TextChoices):
    SYSTEM = "system", _("Like my system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class ProfileManager(models.Manager["Profile"]):
    def of(self, user: Any) -> "Profile":
        """The person's settings; the defaults, unsaved, for who has changed none."""
        return self.filter(user=user).first() or Profile(user=user)


class Profile(models.Model):
    """Theme, language and keys of one person."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    keys = models.BooleanField(_("single-key shortcuts"), default=True)

    objects = ProfileManager()

    def __str__(self) -> str:
        return str(self.user)
