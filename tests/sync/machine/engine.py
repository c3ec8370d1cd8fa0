"""The machine as a whole, and running it."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sync.machine.here import Here
from tests.sync.machine.nimble import InNimble
from tests.sync.machine.rest import Rest


class Engine(Here, InNimble, Rest):
    """Over the world that its class attributes name: `world.pulled_by_two`."""


def run(machine: type[Engine], *, examples: int, steps: int) -> None:
    """So many sequences of at most so many steps; raises with the shortest one that breaks something."""
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
