"""What the ids in edits of a company's deals stand for, as far as a person was shown it: each table read once, and only
when it is asked for.
"""

from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet

from deals.models import DealField, Pipeline, PipelineSight, Stage
from nimble.models import Member


class Names:
    def __init__(self, workspace_id: int, user: Any) -> None:
        self.workspace_id = workspace_id
        self.user = user

    @property
    def _shown(self) -> QuerySet[Pipeline]:
        """The pipelines that Nimble listed to this person, also where it accepts their connection no longer."""
        sights = PipelineSight.objects.filter(connection__user=self.user, seen_at__isnull=False, hidden_at=None)
        return Pipeline.objects.filter(workspace_id=self.workspace_id, pk__in=sights.values("record_id"))

    @cached_property
    def stages(self) -> dict[str, str]:
        found = Stage.objects.filter(pipeline__in=self._shown.order_by())
        return dict(found.values_list("nimble_id", "name"))

    @cached_property
    def pipelines(self) -> dict[str, str]:
        return {nimble_id or "": name for nimble_id, name in self._shown.values_list("nimble_id", "name")}

    @cached_property
    def members(self) -> dict[str, str]:
        return {one.nimble_user_id: str(one) for one in Member.objects.filter(workspace_id=self.workspace_id)}

    @cached_property
    def fields(self) -> dict[str, DealField]:
        """Those of every deal, and those of these pipelines."""
        own = Q(pipeline_nimble_id__in=self._shown.order_by().values("nimble_id"))
        found = DealField.objects.filter(own | Q(pipeline_nimble_id=""), workspace_id=self.workspace_id)
        return {one.field_id: one for one in found}
