"""The stages that deals have gone through."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from deals.models.deals import Deal
from sync.models import Edit


class StageMove(models.Model):
    """A deal's arrival in a stage, and how long it stood there (`until` null: it still does). See `deals.moves`, which
    alone writes it. `number` counts a deal's arrivals from 1; the first has nothing that it left.

    `edit`: the one that sent it there from here; null, where it was moved in Nimble. `by`: a user's id there, or "".
    """

    class Known(models.TextChoices):
        """How well `at` is known: to the moment, to the day, or no better than that Nimble showed it there then."""

        EXACT = "exact", _("Exact")
        DAY = "day", _("Day")
        SEEN = "seen", _("Not known before")

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="moves", db_index=False)
    number = models.PositiveIntegerField()
    from_pipeline_nimble_id = models.CharField(max_length=64, blank=True, default="")
    from_stage_nimble_id = models.CharField(max_length=64, blank=True, default="")
    pipeline_nimble_id = models.CharField(max_length=64, blank=True, default="")
    stage_nimble_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=64, blank=True, default="")
    known = models.CharField(max_length=5, choices=Known.choices, default=Known.EXACT)
    edit = models.ForeignKey(Edit, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["deal", "number"]
        constraints = [models.UniqueConstraint(fields=["deal", "number"], name="stage_move_once")]
        indexes = [
            models.Index(fields=["pipeline_nimble_id", "stage_nimble_id", "at", "until"], name="stage_move_stage"),
            models.Index(fields=["at"], name="stage_move_at"),
        ]

    def __str__(self) -> str:
        return f"{self.deal_id}.{self.number}: {self.stage_nimble_id}"
