"""What a person has set for themselves, and what they are told."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from crmportal import statements


class Theme(models.TextChoices):
    SYSTEM = "system", _("Like my system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class ProfileManager(models.Manager["Profile"]):
    def of(self, user: Any) -> "Profile":
        """The person's settings, with how many notifications are `unread`; the defaults, unsaved, for who has changed
        none. One statement.
        """
        names = [field.attname for field in self.model._meta.concrete_fields]

        def composed() -> models.QuerySet[Any, Any]:
            unread = Notification.objects.unread().filter(user=OuterRef("pk")).order_by().values("user")
            counted = Subquery(unread.annotate(n=Count("pk")).values("n"), output_field=models.IntegerField())
            columns = (f"profile__{name}" for name in names)
            return get_user_model().objects.filter(pk=user.pk).values_list(Coalesce(counted, 0), *columns)

        [(count, *values)] = statements.rows(("profile", user.pk), composed) or [(0, None)]
        stored = values[0] is not None
        profile = self.model.from_db(self.db, names, values) if stored else Profile(user=user)
        profile.unread = count
        return profile


class Profile(models.Model):
    """Theme, language, keys and e-mails of one person."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    keys = models.BooleanField(_("single-key shortcuts"), default=True)
    emails = models.BooleanField(_("e-mails"), default=True)

    objects = ProfileManager()
    # How many notifications wait for the person, where `of` has counted them.
    unread = 0

    def __str__(self) -> str:
        return str(self.user)


class Cause(models.TextChoices):
    """Why somebody is told something; `team.causes` says when each is true, `team.notices` what it says."""

    EDIT = "edit", _("An edit needs you")
    QUOTA = "quota", _("The Nimble plan's limit is reached")
    RECONNECT = "reconnect", _("Nimble wants you to reconnect")
    BRAKE = "brake", _("Records vanished at once")
    FIGURES = "figures", _("Figures differ from Nimble's")
    PROCESS = "process", _("A process is silent")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> "NotificationQuerySet":
        """What still waits for its person: neither read nor settled."""
        return self.filter(read_at=None, settled_at=None)


class Notification(models.Model):
    """One thing that one person is told, once for as long as it lasts.

    `key` tells occurrences of a cause apart: the edit, the brake, the connection. `about` holds ids and counts, never
    what a record says. It is settled when its cause is over, whoever saw to that.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    key = models.CharField(max_length=40)
    about = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    mail_tried_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "cause", "key"], name="told_once", condition=models.Q(settled_at=None)
            )
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_latest"),
            models.Index(
                fields=["user"], name="notification_unread", condition=models.Q(read_at=None, settled_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} {self.key}"
