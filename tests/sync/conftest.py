"""Records of the mirror that most tests change."""

import pytest

from deals.models import Deal, Stage
from nimble.models import Connection


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
