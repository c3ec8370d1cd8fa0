"""Who is connected: companies, the people's accounts in them, and their team."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Workspace(models.Model):
    """A Nimble company. `event_number` is the counter of its live events, raised by whoever records one."""

    company_id = models.CharField(_("company id"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    event_number = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")

    def __str__(self) -> str:
        return self.name or self.company_id


class ConnectionState(models.TextChoices):
    ACTIVE = "active", _("Connected")
    RECONNECT = "reconnect", _("Needs to be reconnected")
    DISCONNECTED = "disconnected", _("Disconnected")
    LEFT = "left", _("Left the company")


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def active(self) -> "ConnectionQuerySet":
        """Those that Nimble has not refused, and that have an account whose tokens can be used."""
        return self.filter(state=ConnectionState.ACTIVE, account__isnull=False)

    def for_user(self, user: Any) -> "ConnectionQuerySet":
        """A person's own connections; none for a stranger."""
        if isinstance(user, AnonymousUser) or user.pk is None:
            return self.none()
        return self.filter(user=user)

    def latest_first(self) -> "ConnectionQuerySet":
        """The latest signed in first; last those that nobody signed in to, whatever a database makes of nulls."""
        return self.order_by(F("last_seen_at").desc(nulls_last=True), "-pk")


class Connection(models.Model):
    """One person's Nimble account in a workspace.

    The tokens are allauth's, found through `account`. `generation` counts the pairs of tokens that were stored here:
    whoever writes one does so `WHERE generation = seen`. The lease says who is refreshing at the moment.
    """

    State = ConnectionState

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="connections")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections")
    account = models.ForeignKey(
        "socialaccount.SocialAccount", on_delete=models.SET_NULL, null=True, blank=True, related_name="connections"
    )
    nimble_user_id = models.CharField(_("Nimble's user id"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=320, blank=True)
    avatar_url = models.CharField(max_length=2000, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.ACTIVE)
    state_reason = models.CharField(_("reason"), max_length=200, blank=True)
    generation = models.IntegerField(default=0, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    redirect_uri = models.CharField(max_length=500, blank=True, editable=False)
    token_refreshed_at = models.DateTimeField(_("token refreshed"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_seen_at = models.DateTimeField(_("last signed in"), null=True, blank=True, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "nimble_user_id"], name="nimble_connection_once"),
        ]

    def __str__(self) -> str:
        return self.name or self.nimble_user_id

    @property
    def is_usable(self) -> bool:
        """Whether Nimble may be asked, and its records be shown, in this person's name."""
        return self.state == ConnectionState.ACTIVE and self.account_id is not None

    def leave(self) -> None:
        """The person's account belongs to another company now: nothing more of this one is read or shown."""
        Connection.objects.filter(pk=self.pk, state=ConnectionState.ACTIVE).update(state=ConnectionState.LEFT)
        self.refresh_from_db(fields=["state"])


class Pace(models.Model):
    """How fast one connection may ask Nimble: see `nimble.pace`, which alone writes it, `WHERE version = seen`."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True, related_name="pace")
    version = models.BigIntegerField(default=0)
    budget = models.JSONField(default=dict)
    slots = models.JSONField(default=list)
    usage = models.JSONField(default=dict)
    # Until when nothing of a person's can be sent: Nimble asked for a pause, or both slots are taken.
    held_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Pace of {self.connection_id}"


class Breaker(models.Model):
    """The one row that says whether Nimble as a whole answers: see `nimble.pace`, which alone writes it."""

    version = models.BigIntegerField(default=0)
    state = models.JSONField(default=dict)

    def __str__(self) -> str:
        return "Breaker"


class MemberManager(models.Manager["Member"]):
    def remember(self, workspace: Workspace, people: Iterable[Mapping[str, Any] | None]) -> None:
        """Store what Nimble says of team members; takes any of its shapes of a user.

        Nimble sends people in many places and never with all there is to know, so an empty value never replaces one
        that is already known.
        """
        seen = {}
        for person in people:
            member = _member(workspace, person)
            if member:
                seen[member.nimble_user_id] = member
        if not seen:
            return
        known = {m.nimble_user_id: m for m in self.filter(workspace=workspace, nimble_user_id__in=seen)}
        changed = []
        for user_id, member in seen.items():
            before = known.get(user_id)
            if before is None:
                changed.append(member)
                continue
            for field in ("name", "email", "avatar_url"):
                if not getattr(member, field):
                    setattr(member, field, getattr(before, field))
            if (member.name, member.email, member.avatar_url) != (before.name, before.email, before.avatar_url):
                changed.append(member)
        self.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["workspace", "nimble_user_id"],
            update_fields=["name", "email", "avatar_url", "updated_at"],
        )


class Member(models.Model):
    """A member of the company's team, with or without an account here."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="members")
    nimble_user_id = models.CharField(_("Nimble's user id"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=320, blank=True)
    avatar_url = models.CharField(max_length=2000, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MemberManager()

    class Meta:
        verbose_name = _("team member")
        verbose_name_plural = _("team members")
        constraints = [models.UniqueConstraint(fields=["workspace", "nimble_user_id"], name="nimble_member_once")]

    def __str__(self) -> str:
        return self.name or self.nimble_user_id


def _member(workspace: Workspace, person: Mapping[str, Any] | None) -> Member | None:
    if not isinstance(person, Mapping):
        return None
    user_id = _text(person, "user_id", "id")[:64]
    if not user_id:
        return None
    name = _text(person, "name", "full_name", "display_name")
    if not name:
        name = f"{_text(person, 'first_name')} {_text(person, 'last_name')}".strip()
    return Member(
        workspace=workspace,
        nimble_user_id=user_id,
        name=name[:200],
        email=_text(person, "email")[:320],
        avatar_url=_text(person, "avatar_url", "avatar")[:2000],
    )


def _text(person: Mapping[str, Any], *keys: str) -> str:
    for key in keys:
        value = person.get(key)
        if isinstance(value, str) and value:
            return value.replace("\x00", "")
    return ""


class ClaimManager(models.Manager["Claim"]):
    def issue(self) -> str:
        """A new one-time token; only its hash is stored, and older unused ones stop working."""
        self.filter(used_at__isnull=True).delete()
        token = secrets.token_urlsafe(32)
        self.create(token_hash=Claim.hash(token), expires_at=timezone.now() + Claim.LIFETIME)
        return token

    def open(self, token_hash: str) -> "Claim | None":
        """The claim that still may be used, if there is one."""
        return self.filter(token_hash=token_hash, used_at__isnull=True, expires_at__gt=timezone.now()).first()

    def use(self, token_hash: str, user: Any) -> bool:
        """Use it up; false when somebody else was faster."""
        open_claims = self.filter(token_hash=token_hash, used_at__isnull=True, expires_at__gt=timezone.now())
        return open_claims.update(used_at=timezone.now(), used_by=user) == 1


class Claim(models.Model):
    """The one-time link with which the first company takes an installation."""

    LIFETIME = timedelta(hours=24)

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)

    objects = ClaimManager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")

    def __str__(self) -> str:
        return f"Claim {self.pk}"

    @staticmethod
    def hash(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()
