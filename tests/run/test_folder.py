"""The folder as a broker: whoever reads it meets whole files alone."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError, OperationalError

from crmportal import folder


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    folder.register()
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }
    return Connection("filesystem://", transport_options=options)


@pytest.fixture
def queue() -> Queue:
    """With a name of its own: kombu remembers in the process what was bound."""
    name = uuid4().hex
    return Queue(name, Exchange(name, "direct"), routing_key=name)


def take(connection: Connection, queue: Queue) -> Any:
    """One message's body; None where there is none."""
    message = queue(connection.channel()).get(no_ack=True)
    return message.payload if message else None


def test_message_that_is_being_written_is_no_message_yet(connection: Connection, queue: Queue):
    found: list[Any] = []

    class Peeking:
        """Somebody looks for messages at the moment when this one is put into text."""

        def __json__(self) -> str:
            found.append(take(connection, queue))
            return "seen"

    connection.Producer().publish({"n": 1}, exchange=queue.exchange, routing_key=queue.name, declare=[queue],
                                  headers={"peek": Peeking()})  # fmt: skip
    assert found
    assert set(found) == {None}
    assert take(connection, queue) == {"n": 1}


def test_many_writers_and_readers_lose_no_message_and_meet_no_broken_one(
    connection: Connection, queue: Queue, tmp_path: Path
):
    wanted, taken, failed = 4 * 100, [], []
    queue(connection.channel()).declare()

    def write(writer: int) -> None:
        producer = connection.clone().Producer()
        for number in range(100):
            producer.publish([writer, number], exchange=queue.exchange, routing_key=queue.name)

    def read() -> None:
        own = connection.clone()
        try:
            while len(taken) < wanted and not failed:
                if body := take(own, queue):
                    taken.append(tuple(body))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(each,)) for each in range(4)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(taken) == [(writer, number) for writer in range(4) for number in range(100)]
    assert list((tmp_path / "queue").iterdir()) == []


def test_queues_that_are_bound_at_the_same_moment_are_all_bound(connection: Connection):
    failed: list[BaseException] = []
    ready = threading.Barrier(8)
    everybody = Exchange(uuid4().hex, "fanout")

    def bind(number: int) -> None:
        own = connection.clone()
        queue = Queue(f"q{number}", everybody)
        ready.wait()
        try:
            queue(own.channel()).declare()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=bind, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    table = connection.channel().get_table(everybody.name)
    assert {row.queue for row in table} == {f"q{number}" for number in range(8)}


def test_folder_that_is_gone_is_a_broker_that_does_not_answer(connection: Connection, queue: Queue, tmp_path: Path):
    channel = connection.channel()
    queue(channel).declare()
    (tmp_path / "queue").rmdir()
    with pytest.raises((OperationalError, ChannelError)):
        connection.Producer(channel).publish({}, exchange=queue.exchange, routing_key=queue.name)
