"""A mirror, its records, and real workers beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contacts.models import Contact
from nimble.models import Connection
from sync.models import Edit, State
from tests.faults.crew import Worker
from tests.sandboxes import SandboxServer
from tests.sync.conftest import deal, other_stage

__all__ = ["deal", "other_stage"]


@pytest.fixture
def contact(mirror: Connection) -> Contact:
    """A person whom everybody may see."""
    return Contact.objects.filter(is_private=False, record_type="person").exclude(email="").order_by("pk")[0]


@pytest.fixture(scope="module")
def _crew(
    django_db_setup: None, sandbox_server: SandboxServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Worker]]:
    crew: dict[str, Worker] = {}

    def hire(queue: str) -> Worker:
        if queue not in crew:
            crew[queue] = Worker(queue, tmp_path_factory.mktemp(queue), sandbox_server.url)
        crew[queue].running()
        return crew[queue]

    yield hire
    for worker in crew.values():
        worker.end()


@pytest.fixture
def sender(_crew: Callable[[str], Worker], transactional_db: None) -> Worker:
    """The push worker, running."""
    return _crew("push")


@pytest.fixture
def reader(_crew: Callable[[str], Worker], transactional_db: None) -> Worker:
    """The pull worker, running."""
    return _crew("pull")


def state_of(edit: Edit) -> str:
    edit.refresh_from_db()
    return edit.state


def of_record(kind: str, row: Any) -> Edit:
    """The newest edit of a record."""
    return Edit.objects.filter(kind=kind, record_id=row.pk).latest("pk")


def settled() -> bool:
    """Nothing is on its way any more."""
    return not Edit.objects.filter(state__in=[State.PENDING, State.RETRYING, State.SENDING]).exists()


def notes_with(nimble: SandboxServer, text: str) -> list[dict[str, Any]]:
    """Nimble's notes in which this stands."""
    return [one for one in nimble.objects("note") if text in one["note"]]
