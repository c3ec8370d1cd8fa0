"""What can be wrong with an installation: each check yields what it found, and what to type where it is wrong."""

from collections.abc import Callable, Iterator

from django.db import DatabaseError

from crmportal.doctor import engine, secrets, surroundings
from crmportal.doctor.finding import Finding, first_line

__all__ = ["Finding", "examine"]

Check = Callable[[], Iterator[Finding]]

# What needs the database comes last, and is left out when that is not there.
WITHOUT_DATABASE: list[Check] = [
    surroundings.configuration,
    surroundings.mail,
    surroundings.disk,
    surroundings.doorbell,
    surroundings.nimble,
    surroundings.database,
]
WITH_DATABASE: list[Check] = [
    engine.backup,
    secrets.keys,
    secrets.application,
    secrets.tokens,
    engine.processes,
    engine.outage,
    engine.waiting,
    engine.streams,
    engine.people,
]


def examine() -> Iterator[Finding]:
    """Everything that there is to say, good or bad."""
    sound = True
    for check in WITHOUT_DATABASE:
        for finding in check():
            sound = sound and not (check is surroundings.database and finding.todo)
            yield finding
    if sound:
        for check in WITH_DATABASE:
            try:
                yield from check()
            except DatabaseError as error:
                yield Finding(f"the database refused: {first_line(error)}", "./run logs")
