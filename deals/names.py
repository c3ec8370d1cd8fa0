"""What the ids in edits of a company's deals stand for, each table read once, and only when it is asked for."""

from functools import cached_property

from deals.models import DealField, Pipeline, Stage
from nimble.models import Member


class Names:
    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id

    @cached_property
    def stages(self) -> dict[str, str]:
        found = Stage.objects.filter(pipeline__workspace_id=self.workspace_id)
        return dict(found.values_list("nimble_id", "name"))

    @cached_property
    def pipelines(self) -> dict[str, str]:
        found = Pipeline.objects.filter(workspace_id=self.workspace_id)
        return {nimble_id or "": name for nimble_id, name in found.values_list("nimble_id", "name")}

    @cached_property
    def members(self) -> dict[str, str]:
        return {one.nimble_user_id: str(one) for one in Member.objects.filter(workspace_id=self.workspace_id)}

    @cached_property
    def fields(self) -> dict[str, DealField]:
        return {one.field_id: one for one in DealField.objects.filter(workspace_id=self.workspace_id)}
