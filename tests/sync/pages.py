"""What the tests of sync's pages share."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

from nimble.models import Connection
from sync.clock import database_now
from sync.models import Heartbeat


def signed_in(connection: Connection) -> Client:
    client = Client()
    client.force_login(connection.user)
    return client


def workers_alive() -> None:
    for name in ("push", "pull"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": database_now()})


def text(answer: Any) -> str:
    """What a person reads of a page, with single spaces."""
    reader = _Reader()
    reader.feed(answer.content.decode())
    return " ".join(" ".join(reader.found).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.silent += tag in ("script", "style", "template")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "template")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)
