"""Why deals were lost: Nimble keeps no reason on a deal, so the note that tells it there keeps it here, too."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from deals.models import Deal, DealNote, Role, Stage, StageMove


def with_reason(deals: QuerySet[Deal]) -> QuerySet[Any]:
    """The deals with `lost_because`: the reason that was given for where they stand now, or None.

    Not one whose move was taken back, nor one of a loss that the deal has come back from since.
    """
    lost = Stage.objects.filter(role=Role.LOST).values("nimble_id")
    back = StageMove.objects.filter(deal=OuterRef("deal"), from_stage_nimble_id__in=lost, at__gt=OuterRef("written_at"))
    told = DealNote.objects.filter(
        ~Exists(back), deal=OuterRef("pk"), deal__stage_nimble_id__in=lost, gone_at=None, removed=False
    )
    latest = told.exclude(lost_reason="").order_by("-written_at", "-pk")
    return deals.annotate(lost_because=Subquery(latest.values("lost_reason")[:1]))
