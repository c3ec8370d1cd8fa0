"""Pipelines with their stages, lost reasons and fields."""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from nimble.models import Connection, Workspace
from sync.mirror import Mirrored, Sight


class Role(models.TextChoices):
    OPEN = "open", _("Open")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class Pipeline(Mirrored):
    """A pipeline of deals. Its stages, lost reasons and fields come with it."""

    kind = "pipeline"

    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    color = models.CharField(max_length=30, blank=True, default="")
    is_default = models.BooleanField(default=False)
    default_currency = models.CharField(max_length=3, blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta(Mirrored.Meta):
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deals:board", args=[self.pk])

    def manage_url(self) -> str:
        """The page on which its stages and fields are managed."""
        return reverse("deals:manage", args=[self.pk])


class PipelineSight(Sight):
    """`refused_at`: Nimble lists the pipeline to this person, and refuses them its deals."""

    record = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="sights")
    refused_at = models.DateTimeField(null=True, blank=True)


class Ownership(models.Model):
    """Somebody's word that they own the company in Nimble: the owner may change every pipeline, and nothing that Nimble
    answers says who that is. See `deals.pipelines.rights`.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True, related_name="+")
    said_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.connection)


class Stage(models.Model):
    """A stage of a pipeline, in Nimble's order."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="stages")
    nimble_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    position = models.PositiveIntegerField(default=0)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.OPEN)
    is_final = models.BooleanField(default=False)
    default_probability = models.PositiveSmallIntegerField(null=True, blank=True)
    expected_days = models.PositiveIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["pipeline", "nimble_id"], name="stage_once")]

    def __str__(self) -> str:
        return self.name


class LostReason(models.Model):
    """A reason of a pipeline for losing a deal. Nimble keeps none on a deal."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="lost_reasons")
    nimble_id = models.CharField(max_length=64)
    text = models.CharField(max_length=256)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "nimble_id"], name="lost_reason_once")]

    def __str__(self) -> str:
        return self.text


class DealField(models.Model):
    """What Nimble says of a field of deals: a standard one, or one of a pipeline's own."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    field_id = models.CharField(max_length=64)
    pipeline_nimble_id = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=30, blank=True, default="")
    choices = models.JSONField(default=list, blank=True)
    presentation = models.JSONField(default=dict, blank=True)
    multiples = models.BooleanField(default=False)
    is_standard = models.BooleanField(default=False)
    read_only = models.BooleanField(default=False)
    group = models.CharField(max_length=255, blank=True, default="")
    tab = models.CharField(max_length=255, blank=True, default="")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["workspace", "field_id"], name="deal_field_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, workspace_id: int, pipeline_nimble_id: str) -> "models.QuerySet[DealField]":
        """A pipeline's own fields, in Nimble's order."""
        own = cls.objects.filter(workspace_id=workspace_id, is_standard=False)
        return own.filter(pipeline_nimble_id__in=["", pipeline_nimble_id]).order_by("position")
