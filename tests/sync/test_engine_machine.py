"""The whole engine under everything at once (`tests.sync.machine`), in several parts that run beside each other."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import seed, settings

from sync import lines
from tests.people import Connect
from tests.sandboxes import SandboxServer
from tests.sync.machine import engine as machines
from tests.sync.machine import points, world

PARTS = 4
EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "320"))
LONG_EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "1000"))


@pytest.fixture(scope="module")
def small_world() -> Iterator[SandboxServer]:
    server = SandboxServer(contacts=12, deals=12)
    yield server
    server.close()


@pytest.fixture
def sandbox(small_world: SandboxServer) -> SandboxServer:
    """In place of the large one: it is reset for every example."""
    small_world.reset()
    return small_world


@pytest.fixture(params=range(PARTS))
def engine(
    request: pytest.FixtureRequest, monkeypatch, transactional_db: None, connect: Connect, nimble: SandboxServer
) -> Iterator[type[machines.Engine]]:
    """One part's machine. Where a seed is asked for, each has its own of it; so it has with `CI=true`, where Hypothesis
    would take the same examples for all of them.
    """
    # A reader that steps aside for somebody's edit only waits here: nobody would send it meanwhile.
    monkeypatch.setattr(lines, "watch", lambda _connection: lambda: False)
    machine = type("Engine", (machines.Engine,), world.pulled_by_two(connect, nimble))
    asked = request.config.getoption("--hypothesis-seed")
    if asked or settings.default.derandomize:  # type: ignore[union-attr]
        machine = seed(f"{asked}/{request.param}")(machine)
    with world.listening(machine.logged), points.watched():
        yield machine


@pytest.mark.broken_answers
def test_engine_under_everything_at_once(engine: type[machines.Engine]):
    machines.run(engine, examples=EXAMPLES // PARTS, steps=20)


@pytest.mark.soak
@pytest.mark.broken_answers
def test_engine_under_everything_at_once_for_long(engine: type[machines.Engine]):
    machines.run(engine, examples=LONG_EXAMPLES // PARTS, steps=50)
