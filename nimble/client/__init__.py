"""Nimble's API as the product uses it: one method an operation, in the name of one connected person."""

from nimble.client.contacts import ContactCalls
from nimble.client.deals import DealCalls
from nimble.client.people import PeopleCalls
from nimble.client.pipelines import PipelineCalls
from nimble.client.tasks import TaskCalls

__all__ = ["Client"]


class Client(PeopleCalls, ContactCalls, DealCalls, PipelineCalls, TaskCalls):
    """Talks to Nimble as one person.

    Every method returns the parsed JSON, or raises a `NimbleError`. Writes are sent once and never repeated, except
    after a dead token, when nothing was done. Reads are repeated once if no answer came. `last` describes the last
    exchange. Not for use by several threads at once.

    Every request keeps to the connection's pace (`nimble.pace`): a method may wait for its turn for about a second, or
    raise `Paced`, when nothing was sent. As a context manager (`with Client(connection) as client`) it keeps its place
    from one request to the next, which is cheaper for several in a row. `give_way` makes it a background reader: a
    callable that says whether a person's write of this connection waits, which then goes first.
    """
