"""Live events: numbered in the order of commits, the latest kept; who sees something new or no longer hears of it."""

import threading
import time
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from nimble.models import Connection, Workspace
from sync import events
from sync.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


def told(workspace: Workspace) -> list[tuple[int, str, list[int] | None]]:
    return list(Event.objects.filter(workspace=workspace).order_by("number").values_list("number", "kind", "ids"))


def number(workspace: Workspace) -> int:
    return Workspace.objects.values_list("event_number", flat=True).get(pk=workspace.pk)


def test_one_transaction_makes_one_event_of_a_kind(ada: Connection):
    with events.atomic():
        events.note(ada.workspace_id, "deal", [3, 1])
        with events.atomic():
            events.note(ada.workspace_id, "deal", [2, 3])
            events.note(ada.workspace_id, "contact", [7])
        assert told(ada.workspace) == []
    assert told(ada.workspace) == [(1, "deal", [1, 2, 3]), (2, "contact", [7])]
    assert number(ada.workspace) == 2


def test_nothing_noted_raises_no_number(ada: Connection):
    with events.atomic():
        events.note(ada.workspace_id, "deal", [])
        events.narrowed(ada.workspace_id, "deal", {})
    assert number(ada.workspace) == 0


def test_readers_of_what_is_narrowed_add_up(ada: Connection):
    with events.atomic():
        events.note(ada.workspace_id, "deal", [1, 2])
        events.narrowed(ada.workspace_id, "deal", {1: ["b"], 2: None})
        events.narrowed(ada.workspace_id, "deal", {1: ["a"], 2: ["a"]})
    assert Event.objects.get().readers == {"1": ["a", "b"], "2": None}


def test_what_is_rolled_back_is_no_event(ada: Connection):
    with events.atomic():
        events.note(ada.workspace_id, "deal", [1])
        transaction.set_rollback(True)
    assert (told(ada.workspace), number(ada.workspace)) == ([], 0)
    events.note(ada.workspace_id, "deal", [2])
    assert told(ada.workspace) == [(1, "deal", [2])]


def test_plain_transaction_around_it_has_its_events_after_its_commit(ada: Connection):
    with transaction.atomic():
        events.note(ada.workspace_id, "deal", [1])
        assert told(ada.workspace) == []
    assert told(ada.workspace) == [(1, "deal", [1])]


def test_too_many_records_are_any(ada: Connection):
    events.note(ada.workspace_id, "deal", range(events.MOST_IDS + 1))
    assert told(ada.workspace) == [(1, "deal", None)]


def test_only_the_latest_are_kept_and_older_ones_are_not_known(ada: Connection):
    total = events.KEPT + 2 * events.PRUNE_EVERY
    with transaction.atomic():
        for one in range(total):
            events._record({(ada.workspace_id, "deal"): events.Noted({one})})
    assert Event.objects.count() <= events.KEPT + events.PRUNE_EVERY
    assert events.since(ada.workspace_id, 5, total) is None
    assert events.since(ada.workspace_id, total + 1, total) is None
    assert events.since(ada.workspace_id, total, total) == []
    latest = events.since(ada.workspace_id, total - 3, total)
    assert latest is not None
    assert [one.number for one in latest] == [total - 2, total - 1, total]


def test_commit_order_is_number_order_however_many_write(ada: Connection):
    """Whoever has seen a number finds every event up to it: none is committed later."""
    workspace_id, writers, each = ada.workspace_id, 4, 40
    failed: list[BaseException] = []
    ended = threading.Event()

    def run(work: Any, *given: Any) -> None:
        try:
            work(*given)
        except BaseException as error:
            failed.append(error)
        finally:
            database.close()

    def write(writer: int) -> None:
        for one in range(each):
            with events.atomic():
                events.note(workspace_id, "deal", [writer * each + one])
                # A number drawn already would be committed late now.
                time.sleep(0.003 * (one % 3))

    def read() -> None:
        seen: list[int] = []
        while True:
            last = ended.is_set()
            upto = number(ada.workspace)
            after = seen[-1] if seen else 0
            found = events.since(workspace_id, after, upto)
            assert found is not None, f"not every event from {after} to {upto} was there"
            seen += [one.number for one in found]
            if last:
                assert seen == list(range(1, writers * each + 1))
                return

    reader = threading.Thread(target=run, args=(read,))
    threads = [threading.Thread(target=run, args=(write, writer)) for writer in range(writers)]
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    reader.join()
    assert not failed
    assert sorted(pk for one in Event.objects.all() for pk in one.ids or []) == list(range(writers * each))
