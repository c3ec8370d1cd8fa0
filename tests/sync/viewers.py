"""What several people are shown, here and by Nimble itself."""

from collections.abc import Callable
from datetime import timedelta

from contacts import queries as contact_queries
from deals import queries
from nimble.models import Connection
from sync import pull, when
from sync.models import Run, Stream
from tests.sandboxes import SandboxServer

HOUR = timedelta(hours=1, minutes=1)
Asked = Callable[[], list[str]]


def again(connection: Connection, *names: str, walk: bool = False) -> dict[str, Run]:
    """One more run of these streams, or of all."""
    if walk:
        Stream.objects.filter(connection=connection, name="deals").update(cursor={})
    pull.sync_now(connection, *names)
    return {run.stream.name: run for run in pull.pull(connection) or []}


def earlier(by: timedelta, *connections: Connection) -> None:
    """Let so much time pass for the last walk and the last comparison of these connections."""
    for stream in Stream.objects.filter(connection__in=connections, name="deals"):
        for name in ("walked", "checked"):
            if text := stream.cursor.get(name):
                stream.cursor[name] = (when.moment(text) - by).isoformat()
        stream.save(update_fields=["cursor"])


def cursor(connection: Connection) -> dict[str, str]:
    """What the last run of this person's deals left for the next."""
    found: dict[str, str] = Stream.objects.get(connection=connection, name="deals").cursor
    return found


def shown(connection: Connection, kind: str) -> set[str]:
    where = queries if kind == "deal" else contact_queries
    return set(where.for_user(connection.user).values_list("nimble_id", flat=True))


def theirs(nimble: SandboxServer, email: str, kind: str) -> set[str]:
    """What Nimble itself shows this person."""
    if kind == "contact":
        return set(nimble.request("GET", "/api/v1/contacts/ids?per_page=1000", email).json()["resources"])
    listed = nimble.request("GET", "/api/v2/deals?sort=updated:desc&limit=1000", email).json()["resources"]
    return {one["deal_id"] for one in listed}


def exact(nimble: SandboxServer, connection: Connection) -> None:
    """They are shown here what Nimble shows them, no more and no less."""
    for kind in ("contact", "deal"):
        assert shown(connection, kind) == theirs(nimble, connection.email, kind), kind
