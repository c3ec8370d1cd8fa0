"""Deals, who was shown them, and the contacts that take part."""

from django.db import models
from django.db.models import F
from django.urls import reverse

from contacts.keyset import SortedIndex, SortedText
from sync.mirror import Mirrored, Sight

# Columns by which the deals of a pipeline are listed, by the names of their indexes.
SORTED = {"updated": "updated_in_nimble", "amount": "amount", "close": "expected_close", "name": "sort_name"}
# The orders of a board's columns, in each the deals with a value first, by the names of their indexes.
STACKED = {
    "updated": F("updated_in_nimble").desc(nulls_last=True),
    "amount": F("amount").desc(nulls_last=True),
    "close": F("expected_close").asc(),
    "name": F("sort_name").asc(),
    "age": F("stage_since").asc(),
}


class Deal(Mirrored):
    """A deal. `stage_nimble_id` and `pipeline_nimble_id` are where it stands with the open edits applied, as
    `owner_id` is whose it is then; `owner_in_nimble`, whose it is until Nimble agrees, decides who may see it.
    """

    kind = "deal"

    name = models.CharField(max_length=500)
    sort_name = SortedText(max_length=200, blank=True, default="")
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
    # The contact that it is named with: the first one that takes part, "" for none.
    contact_nimble_id = models.CharField(max_length=64, blank=True, default="")
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
            *(
                SortedIndex(
                    F("workspace"),
                    F("pipeline_nimble_id"),
                    F("stage_nimble_id"),
                    order,
                    F("id").desc() if order.descending else F("id").asc(),
                    name=f"deal_stage_{name}",
                    condition=models.Q(gone_at=None),
                )
                for name, order in STACKED.items()
            ),
            SortedIndex(
                F("workspace"),
                F("pipeline_nimble_id"),
                F("owner_id"),
                F("updated_in_nimble").desc(nulls_last=True),
                F("id").desc(),
                name="deal_owner",
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
                    "probability",
                    "owner_id",
                ],
                name="deal_figures",
                condition=models.Q(gone_at=None),
            ),
            # By what a table of thousands is mostly sorted.
            *(
                models.Index(
                    fields=["workspace", "pipeline_nimble_id", column, "id"],
                    name=f"deal_by_{name}",
                    condition=models.Q(gone_at=None),
                )
                for name, column in SORTED.items()
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
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["contact_nimble_id"], name="deal_contact")]

    def __str__(self) -> str:
        return self.contact_nimble_id
