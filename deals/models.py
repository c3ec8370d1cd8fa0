"""Pipelines with their stages and fields, deals, and the notes that people wrote here on deals."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from nimble.models import Workspace
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


class PipelineSight(Sight):
    """`refused_at`: Nimble lists the pipeline to this person, and refuses them its deals."""

    record = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="sights")
    refused_at = models.DateTimeField(null=True, blank=True)


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
    """What a board's address says (filters, order) under a name: its owner's, or the whole team's."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000, blank=True, default="")
    is_shared = models.BooleanField(default=False)
    # Whose board begins with it.
    default_of = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return self.pipeline.get_absolute_url() + self.query


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


class Deal(Mirrored):
    """A deal. `stage_nimble_id` and `pipeline_nimble_id` are where it stands with the open edits applied, as
    `owner_id` is whose it is then; `owner_in_nimble`, whose it is until Nimble agrees, decides who may see it.
    """

    kind = "deal"

    name = models.CharField(max_length=500)
    description = models.TextField(blank=True, default="")
    amount = models.DecimalField(max_digits=24, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    probability = models.PositiveSmallIntegerField(null=True, blank=True)
    expected_close = models.DateField(null=True, blank=True)
    actual_close = models.DateField(null=True, blank=True)
    owner_id = models.CharField(max_length=64, blank=True, default="")
    owner_in_nimble = models.CharField(max_length=64, blank=True, default="")
    pipeline_nimble_id = models.CharField(max_length=64, blank=True, default="")
    stage_nimble_id = models.CharField(max_length=64, blank=True, default="")
    stage_since = models.DateTimeField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    tag_index = models.TextField(blank=True, default="")
    search = models.TextField(blank=True, default="")
    is_private = models.BooleanField(default=False)
    has_groups = models.BooleanField(default=False)
    reader_index = models.TextField(blank=True, default="")
    created_in_nimble = models.DateTimeField(null=True, blank=True)
    updated_in_nimble = models.DateTimeField(null=True, blank=True)

    class Meta(Mirrored.Meta):
        indexes = [
            models.Index(
                fields=["workspace", "stage_nimble_id", "-updated_in_nimble", "-id"],
                name="deal_stage",
                condition=models.Q(gone_at=None),
            ),
            # All that the figures above a board's columns read, in the order in which they are grouped.
            models.Index(
                fields=[
                    "workspace",
                    "pipeline_nimble_id",
                    "stage_nimble_id",
                    "currency",
                    "is_private",
                    "amount",
                    "expected_close",
                ],
                name="deal_figures",
                condition=models.Q(gone_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deals:deal", args=[self.pk])


class DealSight(Sight):
    record = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="sights")

    class Meta(Sight.Meta):
        indexes = [
            # The few that are hidden from somebody, which every query leaves out.
            models.Index(
                fields=["connection", "record"], name="deal_hidden", condition=models.Q(hidden_at__isnull=False)
            )
        ]


class DealContact(models.Model):
    """A contact that takes part in a deal. What may be shown of it is decided by the contact's own access."""

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="related")
    contact_nimble_id = models.CharField(max_length=64)
    note = models.TextField(blank=True, default="")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["contact_nimble_id"], name="deal_contact")]

    def __str__(self) -> str:
        return self.contact_nimble_id


class DealNote(Mirrored):
    """A note on a deal that was written here: no operation of Nimble's reads such notes back."""

    kind = "deal_note"

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="notes")
    title = models.CharField(max_length=256, blank=True, default="")
    body = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    author_id = models.CharField(max_length=64, blank=True, default="")
    removed = models.BooleanField(default=False)
    written_at = models.DateTimeField(null=True, blank=True)

    class Meta(Mirrored.Meta):
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.title or self.body[:60]
