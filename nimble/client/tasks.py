"""Tasks: they can be created; what is open is read through the activities of a record."""

from collections.abc import Mapping
from typing import Any

from nimble.client.calls import Calls


class TaskCalls(Calls):
    # post-task
    def create_task(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.call("post-task", "POST", "/api/v1/tasks", body=body)
