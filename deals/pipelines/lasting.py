"""What nothing takes back once it is in Nimble."""

from typing import Any

from django.utils.translation import gettext as _

from deals.pipelines.parts import by_part
from sync.models import Edit


def reason(edit: Edit) -> str:
    """Why an edit of a pipeline cannot be taken back, in words; "" where it can."""
    if edit.operation == Edit.Operation.CREATE:
        return _("Delete the pipeline instead: its page says how many deals would go with it.")
    changes: dict[str, Any] = {name: change["new"] for name, change in edit.fields.items()}
    for part, about in by_part(changes).items():
        if "removed" in about:
            return _("Nimble cannot bring back what was deleted.")
        if part.kind == "stage" and "archived" in about:
            return _("Nimble's API has nothing that brings an archived stage back: do so in Nimble itself.")
        if part.is_new and part.kind == "reason":
            return _("Nimble's API has nothing that removes a lost reason.")
        if part.is_new and part.kind == "stage":
            return _("Nimble's API has nothing that removes a stage: archive it instead.")
        if part.is_new:
            return _("Delete it on the pipeline's page instead.")
    return ""
