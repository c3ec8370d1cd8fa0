"""The engine's own tables."""

from sync.models.changes import Change, Event
from sync.models.checks import ALARMING_WALKS, Brake, Check, Vanished
from sync.models.edits import IN_LINE, NEEDS_PERSON, OVERLAID, UNSENT, Attempt, Batch, Edit, Export, State
from sync.models.processes import Heartbeat, Lease, Line
from sync.models.streams import Brought, Interest, Quarantined, Run, Stream

__all__ = [
    "ALARMING_WALKS",
    "IN_LINE",
    "NEEDS_PERSON",
    "OVERLAID",
    "UNSENT",
    "Attempt",
    "Batch",
    "Brake",
    "Brought",
    "Change",
    "Check",
    "Edit",
    "Event",
    "Export",
    "Heartbeat",
    "Interest",
    "Lease",
    "Line",
    "Quarantined",
    "Run",
    "State",
    "Stream",
    "Vanished",
]
