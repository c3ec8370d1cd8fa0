"""`manage.py edit NUMBER`: the story of one edit. Names of fields and ids only; values never."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sync.models import Attempt, Edit, State

SHOWN = (
    "event",
    "attempt",
    "operation",
    "method",
    "status",
    "ms",
    "nimble_request_id",
    "state",
    "reason",
    "path",
    "task",
)


class Command(BaseCommand):
    help = "Tell what became of an edit: who, when, each attempt with its request's id, and its lines in the logs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int)

    def handle(self, *args: Any, number: int, **options: Any) -> None:
        edit = Edit.objects.select_related("author", "connection").filter(pk=number).first()
        if edit is None:
            raise CommandError(f"There is no edit {number}.")
        for when, what in sorted([*story(edit), *lines(edit)], key=lambda line: line[0]):
            self.stdout.write(f"{when:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {what}")
        reason = f" ({edit.error['reason']})" if edit.error.get("reason") else ""
        # The edit's own count begins anew when it is mended or sent again.
        tried = Attempt.objects.filter(edit=edit).count()
        self.stdout.write(f"{State(edit.state).label}{reason}, after {tried} attempt{'' if tried == 1 else 's'}.")


def story(edit: Edit) -> Iterator[tuple[datetime, str]]:
    """What the database knows."""
    what = f"{edit.operation} {edit.kind} {edit.record_id}: {', '.join(sorted(edit.fields)) or 'no fields'}"
    where = f", in request {edit.origin}" if edit.origin else ""
    yield edit.created_at, f"{edit.author} recorded {what}, as {edit.connection.nimble_user_id} in Nimble{where}"
    for number, attempt in enumerate(Attempt.objects.filter(edit=edit).order_by("pk"), start=1):
        yield attempt.began_at, f"attempt {number} began"
        if attempt.ended_at:
            answer = f", {attempt.operation} answered {attempt.status or 'nothing'}" if attempt.operation else ""
            asked = f", request {attempt.request_id}" if attempt.request_id else ""
            why = f" ({attempt.reason})" if attempt.reason else ""
            yield attempt.ended_at, f"attempt {number} ended: {attempt.outcome}{why}{answer}{asked}"
    if edit.confirmed_at:
        yield edit.confirmed_at, "in Nimble"
    if edit.echoed_at:
        yield edit.echoed_at, "brought back by a read"


def lines(edit: Edit) -> Iterator[tuple[datetime, str]]:
    """Its lines in the logs under VAR_DIR, where they are JSON: by its number, or by the request it was made in."""
    marks = [f'"edit": {edit.pk}', *([f'"request_id": "{edit.origin}"'] if edit.origin else [])]
    for path in sorted((settings.VAR_DIR / "logs").glob("*.log*")):
        with path.open(errors="replace") as file:
            for line in file:
                if not any(mark in line for mark in marks):
                    continue
                try:
                    told = json.loads(line)
                    when = datetime.fromisoformat(told["timestamp"])
                except (ValueError, KeyError, TypeError):
                    continue
                if told.get("edit") == edit.pk or (edit.origin and told.get("request_id") == edit.origin):
                    words = " ".join(str(told[name]) for name in SHOWN if name in told)
                    yield when, f"{path.name.partition('.')[0]}: {words}"
