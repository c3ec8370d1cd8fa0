"""What the apps tell the engine about their records. The engine names none of them.

Each app registers its resources, streams and panels in `AppConfig.ready()`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync.mirror import Mirrored
from sync.resource import Resource, User
from sync.rhythm import Rhythm

if TYPE_CHECKING:
    from nimble.models import Connection
    from sync.reader import Reader
    from sync.runs import Pull


@dataclass(frozen=True)
class StreamSpec:
    """A stream: `run(pull)` reads everything that is due and says how far it is; lower `order` goes first.

    `pages`: the names (of `urls.py`) of the pages that show its records: it goes first while somebody looks at one.
    `usable`: the pages make sense once this stream has completed. `repair(connection, keys)`: begin anew what mends
    these figures, where its runs compare any (`sync.checks`).
    """

    name: str
    label: Any
    order: int
    rhythm: Rhythm
    run: Callable[["Pull"], None]
    usable: bool = False
    repair: Callable[["Connection", Sequence[str]], None] | None = None
    pages: frozenset[str] = frozenset()


_resources: dict[str, Resource] = {}
_streams: dict[str, StreamSpec] = {}
_panels: dict[str, list[Callable[[Any, User], Any]]] = {}
_beside: dict[str, Callable[["Reader", Any], None]] = {}


def add_resource(resource: Resource) -> None:
    """Register a kind of record."""
    _resources[resource.kind] = resource


def resource(kind: str) -> Resource:
    """The registered resource of a kind."""
    return _resources[kind]


def resources() -> list[Resource]:
    """Every registered resource."""
    return list(_resources.values())


def add_stream(spec: StreamSpec) -> None:
    """Register a stream of the pull."""
    _streams[spec.name] = spec


def streams() -> list[StreamSpec]:
    """Every stream, in the order in which they are pulled."""
    return sorted(_streams.values(), key=lambda spec: spec.order)


def stream(name: str) -> StreamSpec:
    """One stream by its name."""
    return _streams[name]


def add_beside(kind: str, read: Callable[["Reader", Any], None]) -> None:
    """Register what else is read when somebody opens a record: `read(reader, row)` may raise what Nimble does."""
    _beside[kind] = read


def beside(kind: str) -> Callable[["Reader", Any], None] | None:
    """What else is read when somebody opens such a record."""
    return _beside.get(kind)


def add_panel(kind: str, panel: Callable[[Any, User], Any]) -> None:
    """Register a panel that one app shows on the page of another app's record."""
    _panels.setdefault(kind, []).append(panel)


def panels(record: Mirrored, user: User) -> list[Any]:
    """The panels of a record's page, each made by the queries of the app that owns it."""
    made = (panel(record, user) for panel in _panels.get(record.kind, []))
    return [panel for panel in made if panel is not None]
