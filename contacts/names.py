"""What the fields in edits of a company's contacts are called and what their ids stand for, each table read once."""

from functools import cached_property

from contacts.models import ContactField
from nimble.models import Member


class Names:
    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id

    @cached_property
    def _fields(self) -> dict[str, list[ContactField]]:
        found: dict[str, list[ContactField]] = {}
        for field in ContactField.objects.filter(workspace_id=self.workspace_id).order_by("position"):
            found.setdefault(field.name, []).append(field)
        return found

    def fields(self, name: str) -> list[ContactField]:
        """What Nimble says of a field, under each of its modifiers."""
        return self._fields.get(name, [])

    @cached_property
    def members(self) -> dict[str, str]:
        return {one.nimble_user_id: str(one) for one in Member.objects.filter(workspace_id=self.workspace_id)}
