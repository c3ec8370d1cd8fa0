"""What people keep of a board: how it looks, and what its address says."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deals.models.pipelines import Pipeline


class BoardDisplay(models.Model):
    """How one person has one pipeline's board look: see `deals.display`, which alone writes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "pipeline"], name="board_display_once")]

    def __str__(self) -> str:
        return f"{self.pipeline} / {self.user}"


class SavedView(models.Model):
    """What the address of a board or a table says (filters, order) under a name: its owner's, or the whole team's."""

    class Shows(models.TextChoices):
        BOARD = "board", _("Board")
        TABLE = "table", _("Table")

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    shows = models.CharField(max_length=10, choices=Shows, default=Shows.BOARD)
    query = models.CharField(max_length=1000, blank=True, default="")
    is_shared = models.BooleanField(default=False)
    # Whose board begins with it.
    default_of = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        if self.shows == self.Shows.TABLE:
            return reverse("deals:table", args=[self.pipeline_id]) + self.query
        return self.pipeline.get_absolute_url() + self.query

    @property
    def icon(self) -> str:
        """What it shows, as a picture; a board by months is a forecast."""
        if self.shows == self.Shows.TABLE:
            return "table-2"
        return "calendar" if "group=month" in self.query else "kanban"
