"""E-mails about what needs a person: several things in one, never an e-mail an edit, and none where none is wanted.

An e-mail that cannot be sent changes nothing of the notification: it stays in the app, and is sent later. It names a
record by the title that its reader sees, and says nothing else of what records hold.
"""

from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, get_connection
from django.db.models import Exists, Max, OuterRef, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import ngettext

from nimble.models import Connection, ConnectionState
from sync.clock import database_now
from team import notices
from team.models import Notification, Profile

log = structlog.get_logger(__name__)

CONSOLE = "django.core.mail.backends.console.EmailBackend"
# What settles itself at once is not worth an e-mail.
SETTLES = timedelta(minutes=2)
# At most one e-mail a person in this time, and one try.
BETWEEN = timedelta(minutes=30)
AGAIN = timedelta(minutes=10)
MOST_LINES = 10


def is_set_up() -> bool:
    """Whether `EMAIL_URL` names a way to send."""
    return settings.EMAIL_BACKEND != CONSOLE


def send_due() -> int:
    """Send each person their digest, where one is due; returns how many went out. For one process at a time."""
    if not is_set_up():
        return 0
    sent = 0
    for user in _due():
        rows = list(_fresh().filter(user=user).order_by("pk"))
        address = _address(user)
        if not rows or not address:
            continue
        pks = [row.pk for row in rows]
        try:
            _message(user, address, rows).send()
        except (SMTPException, OSError, ValueError) as error:
            # Neither the address nor what the server said of it belongs in a log.
            log.warning("an e-mail could not be sent", user=user.pk, error=type(error).__name__)
            Notification.objects.filter(pk__in=pks).update(mail_tried_at=database_now())
            # A server that does not answer costs a worker one timeout a round, however many people there are.
            break
        else:
            Notification.objects.filter(pk__in=pks).update(mailed_at=database_now())
            sent += 1
    return sent


def _fresh() -> Any:
    """What nobody has read, been mailed, or seen settled."""
    return Notification.objects.unread().filter(mailed_at=None, created_at__lt=database_now() - SETTLES)


def _due() -> list[Any]:
    """Who has something to be mailed, wants e-mails, and has not just got one, or just not got one."""
    now = database_now()
    refuses = Profile.objects.filter(user=OuterRef("pk"), emails=False)
    latest = (
        get_user_model()
        .objects.filter(is_active=True)
        .filter(Exists(_fresh().filter(user=OuterRef("pk"))), ~Exists(refuses))
        .annotate(mailed=Max("notifications__mailed_at"), tried=Max("notifications__mail_tried_at"))
    )
    rested = Q(mailed=None) | Q(mailed__lt=now - BETWEEN)
    return list(latest.filter(rested, Q(tried=None) | Q(tried__lt=now - AGAIN)).order_by("pk"))


def _address(user: Any) -> str:
    """Where a person is written to: as Nimble names them, or the operator's own address."""
    known = Connection.objects.for_user(user).exclude(state=ConnectionState.LEFT).exclude(email="")
    latest = known.latest_first().values_list("email", flat=True)
    return latest.first() or user.email


def _message(user: Any, address: str, rows: list[Notification]) -> EmailMessage:
    profile = Profile.objects.of(user)
    with translation.override(profile.language or settings.LANGUAGE_CODE):
        found = notices.of(rows, user)
        subject = ngettext("%(n)d thing needs you in crmportal", "%(n)d things need you in crmportal", len(found)) % {
            "n": len(found)
        }
        body = render_to_string(
            "team/digest.txt",
            {
                "notices": found[:MOST_LINES],
                "more": max(len(found) - MOST_LINES, 0),
                "site": settings.PUBLIC_URL,
                "all": settings.PUBLIC_URL + reverse("team:notifications"),
                "profile": settings.PUBLIC_URL + reverse("team:profile"),
            },
        )
    headers = {"Auto-Submitted": "auto-generated"}
    return EmailMessage(subject, body, to=[address], headers=headers, connection=get_connection())
