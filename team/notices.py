"""Telling people: rows that come and go with their causes, and what each says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crmportal.formats import number
from sync import entries, health, registry
from sync.clock import database_now
from sync.models import Edit
from team import causes
from team.models import Cause, Notification

log = structlog.get_logger(__name__)

KEPT = timedelta(days=90)
BATCH = 500
GLYPHS = {
    Cause.EDIT: "pencil",
    Cause.QUOTA: "ban",
    Cause.RECONNECT: "unlink",
    Cause.BRAKE: "triangle-alert",
    Cause.FIGURES: "chart-column",
    Cause.PROCESS: "cloud-off",
}


def refresh() -> int:
    """Tell what is new, settle what is over; returns how many rows were new. For one process at a time."""
    now = database_now()
    wanted = causes.current()
    known = {
        causes.Told(user_id, cause, key): pk
        for pk, user_id, cause, key in Notification.objects.filter(settled_at=None).values_list(
            "pk", "user_id", "cause", "key"
        )
    }
    new = [
        Notification(user_id=told.user_id, cause=told.cause, key=told.key, about=about, created_at=now)
        for told, about in wanted.items()
        if told not in known
    ]
    over = [pk for told, pk in known.items() if told not in wanted]
    with transaction.atomic():
        Notification.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
        for start in range(0, len(over), BATCH):
            Notification.objects.filter(pk__in=over[start : start + BATCH]).update(settled_at=now)
        Notification.objects.filter(settled_at__lt=now - KEPT).delete()
    if new or over:
        log.info("people told", new=len(new), settled=len(over))
    return len(new)


@dataclass(frozen=True)
class Notice:
    """One notification in the reader's words. `url`: where it is mended."""

    row: Notification
    glyph: str
    title: str
    text: str
    url: str

    @property
    def is_open(self) -> bool:
        return self.row.settled_at is None


def of(rows: Iterable[Notification], user: Any) -> list[Notice]:
    """What these say to this person; records are called what they may see. A statement for each kind of record."""
    rows = list(rows)
    ids = [row.about["edit"] for row in rows if row.cause == Cause.EDIT]
    edits = Edit.objects.filter(pk__in=ids, author=user).select_related("connection", "author") if ids else []
    found = {entry.edit.pk: entry for entry in entries.of(edits, user)}
    return [_notice(row, found.get(row.about.get("edit"))) for row in rows]


def _notice(row: Notification, entry: entries.Entry | None) -> Notice:
    title, text, url = _words(row, entry)
    return Notice(row, GLYPHS[Cause(row.cause)], title, text, url)


def _words(row: Notification, entry: entries.Entry | None) -> tuple[str, str, str]:
    index = reverse("sync:index")
    about = row.about
    match row.cause:
        case Cause.EDIT:
            name = entry.title if entry else ""
            title = _("Your edit of %(name)s needs you") % {"name": name} if name else _("An edit of yours needs you")
            why = entry.reason.text if entry and entry.reason else ""
            return title, str(why), reverse("sync:edit", args=[about["edit"]])
        case Cause.QUOTA:
            return (
                _("Your Nimble plan's limit is reached"),
                _("New records wait here. Make room in Nimble or extend the plan: they are tried again each hour."),
                index,
            )
        case Cause.RECONNECT:
            return (
                _("Nimble no longer accepts your sign-in here"),
                _("Nothing is read or sent in your name until you reconnect. Your edits are kept."),
                index,
            )
        case Cause.BRAKE:
            return (
                ngettext(
                    "%(n)s of %(known)s records vanished at once",
                    "%(n)s of %(known)s records vanished at once",
                    about["missing"],
                )
                % {"n": number(about["missing"]), "known": number(about["known"])},
                _("%(stream)s: nothing was removed here. Say whether they are gone, or keep them.")
                % {"stream": _label(about["stream"])},
                index,
            )
        case Cause.FIGURES:
            return (
                ngettext(
                    "%(n)s of Nimble's figures differs from ours",
                    "%(n)s of Nimble's figures differ from ours",
                    about["count"],
                )
                % {"n": number(about["count"])},
                _("%(stream)s: it has differed for more than one listing. It can be repaired.")
                % {"stream": _label(about["stream"])},
                reverse("sync:figures"),
            )
    sign = health.sign(about["process"], row.created_at, database_now())
    return _("A process is silent"), sign.text, index


def _label(stream: str) -> str:
    return next((str(spec.label) for spec in registry.streams() if spec.name == stream), stream)


def listed(user: Any, *, most: int) -> Sequence[Notification]:
    """A person's notifications: what is open first, then what is settled, each the newest first."""
    rows = Notification.objects.filter(user=user)
    open_ones = list(rows.filter(settled_at=None).order_by("-pk")[:most])
    return [*open_ones, *rows.filter(settled_at__isnull=False).order_by("-pk")[: most - len(open_ones)]]


def read(user: Any, *pks: int) -> None:
    """These, or all of theirs, were read."""
    mine = Notification.objects.filter(user=user, read_at=None)
    (mine.filter(pk__in=pks) if pks else mine).update(read_at=database_now())
