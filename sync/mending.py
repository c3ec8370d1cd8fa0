"""Sending an edit again with other values, after Nimble refused it."""

from typing import Any

from sync import edits, events, twins
from sync.models import Edit, State


def mend(edit: Edit, values: dict[str, Any]) -> bool:
    """Put a refused edit back into the line with these values, field → value; False when it has moved on.

    What Nimble had when the person began stays the base: whoever changed the field since is noticed as a conflict.
    """
    with events.atomic():
        # The row before its edit, as everywhere: one order of locks.
        twins.locked(edit)
        current = Edit.objects.select_for_update(no_key=True).get(pk=edit.pk)
        if current.state not in (State.REJECTED, State.FAILED):
            return False
        current.fields = {
            name: {**change, "new": values.get(name, change["new"])} for name, change in current.fields.items()
        }
        current.save(update_fields=["fields"])
        return edits.retry(current)
