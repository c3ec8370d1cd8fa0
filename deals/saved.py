"""Views that people keep of a board: their own ones and those that somebody shares with the team."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from deals import queries
from deals.models import Pipeline, SavedView


def for_user(user: Any) -> QuerySet[SavedView]:
    """The views that this person may use: own ones and shared ones, of pipelines that they see. With `is_default`."""
    mine = SavedView.default_of.through.objects.filter(savedview=OuterRef("pk"), user=user)
    seen = SavedView.objects.filter(Q(owner=user) | Q(is_shared=True), pipeline__in=queries.pipelines(user).order_by())
    return seen.select_related("pipeline").annotate(is_default=Exists(mine))


def of(user: Any, pipeline: Pipeline) -> list[SavedView]:
    """The views of one pipeline's board. One statement."""
    return list(for_user(user).filter(pipeline=pipeline))


def default_of(user: Any, pipeline: Pipeline) -> SavedView | None:
    """What this person's board begins with."""
    return for_user(user).filter(pipeline=pipeline, default_of=user).first()


def make_default(user: Any, view: SavedView, *, wanted: bool) -> None:
    """Let this person's board of the view's pipeline begin with it, or no longer."""
    through = SavedView.default_of.through.objects
    with transaction.atomic():
        through.filter(savedview__pipeline=view.pipeline_id, user=user).delete()
        if wanted:
            view.default_of.add(user)
