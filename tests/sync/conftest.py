"""Records of the mirror that most tests change, and what Nimble has been asked."""

from collections.abc import Callable
from typing import Any

import pytest

from deals.models import Deal, Stage
from nimble.models import Connection
from tests.sandboxes import SandboxServer
from tests.sync.viewers import Asked


@pytest.fixture
def deal(mirror: Connection) -> Deal:
    """An open deal with an amount, that everybody may see."""
    stages = Stage.objects.filter(role="open", archived_at=None).values("nimble_id")
    return Deal.objects.filter(stage_nimble_id__in=stages, is_private=False).exclude(amount=None).order_by("pk")[0]


@pytest.fixture
def other_stage(deal: Deal) -> Stage:
    """Another open stage of the deal's pipeline."""
    stages = Stage.objects.filter(pipeline__nimble_id=deal.pipeline_nimble_id, role="open", archived_at=None)
    return stages.exclude(nimble_id=deal.stage_nimble_id)[0]


@pytest.fixture
def requests_since(nimble: SandboxServer) -> Callable[[], list[dict[str, Any]]]:
    """What the sandbox's log has since the last time, tokens aside."""
    since = [nimble.state()["log"]["last"]]

    def entries() -> list[dict[str, Any]]:
        found = nimble.log(since[0])
        since[0] = max((one["n"] for one in found), default=since[0])
        return [one for one in found if "/oauth/" not in one["path"]]

    return entries


@pytest.fixture
def asked(requests_since: Callable[[], list[dict[str, Any]]]) -> Asked:
    """What Nimble has been asked since the last time, tokens aside: the paths without the query, `/…/` for an id."""
    return lambda: [one["path"].split("?")[0] for one in requests_since()]
